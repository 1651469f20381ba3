"""Counter-based random numbers: those of note i depend on the seed and on i, not on batches or devices."""

import math
from enum import IntEnum

import numpy as np
import torch
from scipy import special
from torch import Tensor


class Purpose(IntEnum):
    """Independent streams of one seed."""

    DISCRIMINATOR_LATENT = 0
    GENERATOR_LATENT = 1
    PENALTY_MIX = 2
    PREVIEW_LATENT = 3
    GENERATION_LATENT = 4
    GENERATION_LABEL = 5
    SCORE_LATENT = 6
    FAKE_LABEL = 7
    SOFT_LABEL_REAL = 8
    SOFT_LABEL_FAKE = 9
    AUGMENT_REAL = 10
    AUGMENT_FAKE = 11
    AUGMENT_GENERATOR = 12
    FINDING_LATENT = 13


def normal_rows(seed: int, purpose: Purpose, first: int, count: int, size: int) -> Tensor:
    """Rows first ... first + count - 1 of an endless table (., size) of float32 draws from N(0, 1)."""
    rows = [_row(seed, purpose, index).standard_normal(size, dtype=np.float32) for index in range(first, first + count)]
    return torch.from_numpy(np.stack(rows))


def uniform_rows(seed: int, purpose: Purpose, first: int, count: int, size: int) -> Tensor:
    """Rows first ... first + count - 1 of an endless table (., size) of float32 draws from [0, 1)."""
    rows = [_row(seed, purpose, index).random(size, dtype=np.float32) for index in range(first, first + count)]
    return torch.from_numpy(np.stack(rows))


def truncated(draws: Tensor, bound: float) -> Tensor:
    """Draws from N(0, 1), each replaced by the same quantile of the normal distribution between +- `bound` > 0."""
    root = math.sqrt(2)
    quantiles = special.erf(draws.double().numpy() / root) * special.erf(bound / root)
    return torch.from_numpy(root * special.erfinv(quantiles)).to(draws.dtype)


def _row(seed: int, purpose: Purpose, index: int) -> np.random.Generator:
    # the index is the second word of the counter, so that 2**64 draws fit into a row before the next one begins
    return np.random.Generator(np.random.Philox(key=[seed, int(purpose)], counter=[0, index, 0, 0]))
