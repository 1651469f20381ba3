"""GDPP: a loss that makes generated batches as diverse as real ones, by features of the discriminator.

Source: Elfeky et al. 2019, GDPP: Learning Diverse Generations Using Determinantal Point Processes, section 3.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

MAGNITUDE_WEIGHT = 1e-4  # as in the published code; it brings both parts to the same order of magnitude

_BROADENING = 1e-8


def gdpp_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Distance between the diversity of `fake` features (B, D) and that of `real` ones; -sum of the weights if equal.

    It compares the Gram matrices of both batches' normalised features: the mean squared difference of the eigenvalues
    (times 1e-4), minus the absolute cosine of each pair of eigenvectors (their sign is arbitrary), weighted by the real
    eigenvalue scaled to [0, 1]. Computed on the CPU, which is as fast as a GPU for matrices of a batch's size; this
    waits for the device.
    """
    fake_values, fake_vectors = _eigen(fake)
    real_values, real_vectors = _eigen(real.detach())
    spread = (real_values[-1] - real_values[0]).clamp(min=torch.finfo(torch.float64).tiny)
    weights = (real_values - real_values[0]) / spread
    cosines = (fake_vectors * real_vectors).sum(dim=0).abs()
    loss = MAGNITUDE_WEIGHT * F.mse_loss(fake_values, real_values) - (weights * cosines).sum()
    return loss.to(fake)


def _eigen(features: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (B,), ascending, and eigenvectors (B, B), as columns, of the Gram matrix, in float64."""
    directions = F.normalize(features.cpu().double(), dim=1)
    values, vectors = _SymmetricEigen.apply(directions @ directions.T)  # type: ignore[no-untyped-call]
    return values, vectors


class _SymmetricEigen(torch.autograd.Function):
    """torch.linalg.eigh with a gradient that stays finite where eigenvalues coincide, as in a batch of few dimensions.

    The eigenvectors of eigenvalues closer than 1e-4 are an arbitrary basis of one subspace; their gradient goes to
    zero there (Lorentzian broadening), not to infinity.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> tuple[Tensor, Tensor]:
        values, vectors = torch.linalg.eigh(matrix)
        ctx.save_for_backward(values, vectors)
        return values, vectors

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_values: Tensor, by_vectors: Tensor) -> Tensor:
        values: Tensor
        vectors: Tensor
        values, vectors = ctx.saved_tensors
        gaps = values[None, :] - values[:, None]
        turned = vectors.T @ by_vectors * gaps / (gaps.square() + _BROADENING)
        gradient = vectors @ (torch.diag(by_values) + turned) @ vectors.T
        return (gradient + gradient.T) / 2
