"""Pixel normalisation by hand and against autograd."""

import math

import pytest
import torch
import torch.nn.functional as F

from models.normalisation import normalised_leaky_relu, pixel_norm

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def plain(x, slope):
    return pixel_norm(F.leaky_relu(x, slope))


def image(layout=torch.contiguous_format, dtype=torch.float64):
    x = torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x.to(dtype).contiguous(memory_format=layout).requires_grad_()


def result_and_gradient(function, x, slope):
    y = function(x, slope)
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    return y, *torch.autograd.grad((y * weights).sum(), x)


def test_pixel_norm_by_hand():
    x = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(pixel_norm(x).flatten(), torch.tensor([3.0, 4.0]) / math.sqrt(12.5))


def test_pixel_norm_of_zeros_is_zero_with_a_finite_gradient():
    x = torch.zeros(1, 2, 1, 1, requires_grad=True)
    pixel_norm(x).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_both_in_one_are_both_one_after_the_other(slope, layout):
    ours = result_and_gradient(normalised_leaky_relu, image(layout), slope)
    theirs = result_and_gradient(plain, image(layout), slope)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
        assert one.is_contiguous(memory_format=layout)


def test_derivative_meets_finite_differences():
    assert torch.autograd.gradcheck(lambda x: normalised_leaky_relu(x, 0.2), image())


def test_zeros_stay_zeros_with_a_finite_gradient():
    y, gradient = result_and_gradient(normalised_leaky_relu, torch.zeros(1, 3, 2, 2, requires_grad=True), 0.2)
    assert not y.any()
    assert gradient.isfinite().all()


def test_bf16_stays_bf16_and_close():
    y, gradient = result_and_gradient(normalised_leaky_relu, image(dtype=torch.bfloat16), 0.2)
    wanted, wanted_gradient = result_and_gradient(plain, image(), 0.2)
    assert y.dtype == gradient.dtype == torch.bfloat16
    torch.testing.assert_close(y.double(), wanted, rtol=0, atol=0.03)
    torch.testing.assert_close(gradient.double(), wanted_gradient, rtol=0, atol=0.03)


def test_input_is_left_as_it_was():
    x = image()
    before = x.detach().clone()
    normalised_leaky_relu(x, 0.2)
    assert torch.equal(x, before)


def test_a_second_derivative_is_refused():
    x = image()
    (slope,) = torch.autograd.grad(normalised_leaky_relu(x, 0.2).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()
