"""GDPP: the generator's batches as diverse as real ones, seen by the discriminator's features.

Source: Elfeky et al. 2019, GDPP: Learning Diverse Generations Using Determinantal Point Processes, section 3.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

MAGNITUDE_WEIGHT = 1e-4  # of the published code, so that both parts are of one size

_BROADENING = 1e-8


def gdpp_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Distance of the diversity of `fake` features (B, D) from that of `real` ones; -sum of the weights if equal.

    Both batches' Gram matrices of normalised features are compared: the mean squared difference of the eigenvalues
    (times 1e-4), minus the cosine of each pair of eigenvectors, weighted by the real eigenvalue scaled to [0, 1].
    An eigenvector's sign means nothing, so the cosine counts without it. Worked out on the CPU, where matrices of a
    batch's size take no longer than on a GPU; it waits for the device.
    """
    fake_values, fake_vectors = _eigen(fake)
    real_values, real_vectors = _eigen(real.detach())
    spread = (real_values[-1] - real_values[0]).clamp(min=torch.finfo(torch.float64).tiny)
    weights = (real_values - real_values[0]) / spread
    cosines = (fake_vectors * real_vectors).sum(dim=0).abs()
    loss = MAGNITUDE_WEIGHT * F.mse_loss(fake_values, real_values) - (weights * cosines).sum()
    return loss.to(fake)


def _eigen(features: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (B,), rising, and eigenvectors (B, B), as columns, of the Gram matrix, in float64."""
    directions = F.normalize(features.cpu().double(), dim=1)
    values, vectors = _SymmetricEigen.apply(directions @ directions.T)  # type: ignore[no-untyped-call]
    return values, vectors


class _SymmetricEigen(torch.autograd.Function):
    """torch.linalg.eigh with a gradient that stays finite where eigenvalues meet, as in a batch of few dimensions.

    Of eigenvalues closer than 1e-4 the vectors are any basis of one space; their gradient fades to zero there
    (Lorentzian broadening) instead of to infinity.
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
