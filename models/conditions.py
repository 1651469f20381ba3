"""How the attributes of a note enter the networks: classes as one-hots, quantities as one number each.

`n_values` has the number of values of each attribute, and QUANTITY for a quantity.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from data.quantities import LAST_LABEL, QUANTITY


def widths(n_values: Sequence[int]) -> list[int]:
    """How many numbers each attribute has in the condition, and in the discriminator's output."""
    return [1 if size == QUANTITY else size for size in n_values]


def label_counts(n_values: Sequence[int]) -> list[int]:
    """How many labels each attribute has."""
    return [LAST_LABEL + 1 if size == QUANTITY else size for size in n_values]


def number_of_quantity(label: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The labels of a quantity, 0 to LAST_LABEL, as numbers of `dtype` from -sqrt(3) to sqrt(3).

    Those of the training notes have mean 0 and variance 1, like the numbers of a latent.
    """
    return math.sqrt(3) * (2 * label.to(dtype) / LAST_LABEL - 1)


def encoded(label: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """Labels (B,) of an attribute with `size` values -> its one-hots (B, size), or its number (B, 1)."""
    if size == QUANTITY:
        return number_of_quantity(label, dtype)[:, None]
    return F.one_hot(label, size).to(dtype)


def conditioned(latent: Tensor, labels: Tensor, n_values: Sequence[int]) -> Tensor:
    """Latent (B, L) and labels (B, A) -> (B, L + C): the latent, then one-hot or number of each attribute."""
    parts = [encoded(label, size, latent.dtype) for label, size in zip(labels.unbind(1), n_values, strict=True)]
    return torch.cat((latent, *parts), dim=1)
