"""Pixel normalisation, alone and after a LeakyReLU.

Source: Karras et al. 2018, Progressive Growing of GANs, section 4.2.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_EPSILON = 1e-8


def pixel_norm(x: Tensor) -> Tensor:
    """Divide each position of (B, C, ...) by the root mean square over its channels."""
    return x * _factor(x)


def normalised_leaky_relu(x: Tensor, slope: float) -> Tensor:
    """As `pixel_norm(leaky_relu(x, slope))`, differentiable once.

    Autograd would keep three images and pass over them nine times in the backward pass; this keeps one, and passes
    over it four times.
    """
    normalised: Tensor = _NormalisedLeakyReLU.apply(x, slope)  # type: ignore[no-untyped-call]
    return normalised


def _factor(x: Tensor) -> Tensor:
    return torch.rsqrt(x.square().mean(dim=1, keepdim=True) + _EPSILON)


class _NormalisedLeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        activated = F.leaky_relu(x, slope)
        factor = _factor(activated)
        normalised = activated.mul_(factor)
        ctx.save_for_backward(normalised, factor)
        ctx.slope = slope
        return normalised

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        normalised, factor = ctx.saved_tensors
        # the component along the vector of channels only changes its length, which is normalised
        along = (gradient * normalised).mean(dim=1, keepdim=True)
        across = torch.addcmul(gradient, normalised, along, value=-1).mul_(factor)
        # the factor is positive, so the sign after it is the sign before it
        return torch.ops.aten.leaky_relu_backward(across, normalised, ctx.slope, True), None
