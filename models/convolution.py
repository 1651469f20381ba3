"""A convolution and an activation whose second derivatives cost no more than their first ones.

Torch's own are correct but slow: it computes the second derivative with respect to a convolution's weight as a
convolution with a kernel as large as the image, and propagates zeros for that of LeakyReLU with respect to its input.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_NO_DILATION, _NO_OUTPUT_PADDING = [1, 1], [0, 0]


def convolve(x: Tensor, weight: Tensor, bias: Tensor, *, stride: tuple[int, int], padding: int) -> Tensor:
    """As `torch.nn.functional.conv2d`.

    It can be differentiated twice with respect to `x`, and then once with respect to `weight`, as gradient penalties
    need; the gradient with respect to `weight` or `bias` has no graph.
    """
    if torch.is_autocast_enabled(x.device.type):  # autocast applies to torch's own functions only
        return F.conv2d(x, weight, bias, stride, padding)
    convolved: Tensor = _Convolution.apply(x, weight, bias, stride, padding)  # type: ignore[no-untyped-call]
    return convolved


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    """As `torch.nn.functional.leaky_relu`, in place: nothing else may use `x` afterwards."""
    activated: Tensor = _LeakyReLU.apply(x, slope)  # type: ignore[no-untyped-call]
    return activated


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: tuple[int, int], padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        # for a penalty, which needs only this gradient; autograd does not tell which are needed
        if torch.is_grad_enabled():
            inputs = (gradient, x, weight, ctx.stride, ctx.padding)
            return _InputGradient.apply(*inputs), None, None, None, None  # type: ignore[no-untyped-call]
        wanted = list(ctx.needs_input_grad[:3])
        return *_gradients(gradient, x, weight, ctx.stride, ctx.padding, wanted), None, None


class _InputGradient(torch.autograd.Function):
    """The gradient with respect to the input; it is linear in the gradient of the output and in the weight."""

    @staticmethod
    def forward(
        ctx: Any, gradient: Tensor, x: Tensor, weight: Tensor, stride: tuple[int, int], padding: int
    ) -> Tensor | None:
        ctx.save_for_backward(gradient, weight)
        ctx.stride, ctx.padding = stride, padding
        return _gradients(gradient, x, weight, stride, padding, [True, False, False])[0]

    @staticmethod
    def backward(ctx: Any, direction: Tensor) -> tuple[Tensor | None, ...]:
        gradient, weight = ctx.saved_tensors
        along = F.conv2d(direction, weight, None, ctx.stride, ctx.padding)
        of_weight = _gradients(gradient, direction, weight, ctx.stride, ctx.padding, [False, True, False])[1]
        return along, None, of_weight, None, None


def _gradients(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: tuple[int, int], padding: int, wanted: list[bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The gradients with respect to `x`, `weight` and bias, those that are `wanted`."""
    sides = [padding, padding]
    found: tuple[Tensor | None, Tensor | None, Tensor | None] = torch.ops.aten.convolution_backward(
        gradient, x, weight, [len(weight)], stride, sides, _NO_DILATION, False, _NO_OUTPUT_PADDING, 1, wanted
    )
    return found


class _LeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        ctx.mark_dirty(x)
        ctx.slope = slope
        activated = F.leaky_relu_(x, slope)
        ctx.save_for_backward(activated)
        return activated

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (activated,) = ctx.saved_tensors
        return _Masked.apply(gradient, activated, ctx.slope), None  # type: ignore[no-untyped-call]


class _Masked(torch.autograd.Function):
    """`gradient`, times the slope where `activated` is negative: linear in `gradient`, constant in `activated`."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, activated: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(activated)
        ctx.slope = slope
        return torch.ops.aten.leaky_relu_backward(gradient, activated, slope, True)  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, direction: Tensor) -> tuple[Tensor, None, None]:
        (activated,) = ctx.saved_tensors
        return torch.ops.aten.leaky_relu_backward(direction, activated, ctx.slope, True), None, None
