"""Convolution and activation against torch's own, whose derivatives of all orders are right."""

import pytest
import torch
import torch.nn.functional as F

from models.convolution import convolve, leaky_relu

CASES = [((1, 1), 1, 3), ((2, 2), 1, 3), ((1, 2), 1, 3), ((3, 1), 1, 3), ((1, 1), 0, 1)]


def tensors(kernel):
    generator = torch.Generator().manual_seed(0)
    shapes = (2, 3, 9, 6), (4, 3, kernel, kernel), (4,)
    return [torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]


def torch_convolve(x, weight, bias, *, stride, padding):
    return F.conv2d(x, weight, bias, stride, padding)


def penalty_and_loss(convolution, activation, x, weight, bias, **sizes):
    """A loss with slopes in it, of two layers' worth of curvature, and its gradients by everything."""
    y = activation(convolution(x, weight, bias, **sizes))
    curved = y.square().mean(dim=1, keepdim=True) * y
    (slope,) = torch.autograd.grad(curved.sum(), x, create_graph=True)
    loss = (slope.flatten(1).norm(dim=1) - 1).square().sum() + curved.sum()
    return loss, *torch.autograd.grad(loss, (x, weight, bias))


@pytest.mark.parametrize(("stride", "padding", "kernel"), CASES)
def test_first_and_second_derivatives_are_those_of_torch(stride, padding, kernel):
    sizes = {"stride": stride, "padding": padding}
    ours = penalty_and_loss(convolve, lambda y: leaky_relu(y, 0.2), *tensors(kernel), **sizes)
    theirs = penalty_and_loss(torch_convolve, lambda y: F.leaky_relu(y, 0.2), *tensors(kernel), **sizes)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_derivatives_meet_finite_differences():
    x, weight, bias = tensors(3)

    def layer(x):
        return leaky_relu(convolve(x, weight.detach(), bias.detach(), stride=(1, 2), padding=1), 0.2)

    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)


def test_gradient_of_no_other_argument_has_a_graph():
    x, weight, bias = tensors(3)
    y = convolve(x, weight, bias, stride=(1, 1), padding=1)
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(y.sum(), weight, create_graph=True)


def test_what_needs_no_gradient_gets_none():
    x, weight, bias = tensors(3)
    y = convolve(x.detach(), weight, bias, stride=(1, 1), padding=1)
    y.sum().backward()
    assert x.grad is None
    assert weight.grad is not None
    assert bias.grad is not None


def test_under_autocast_products_are_bf16():
    x, weight, bias = (tensor.float().detach() for tensor in tensors(3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert convolve(x, weight, bias, stride=(1, 1), padding=1).dtype == torch.bfloat16


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_activation_writes_over_its_input(slope):
    x = torch.tensor([-2.0, -0.0, 0.0, 3.0])
    wanted = F.leaky_relu(x, slope)
    assert leaky_relu(x, slope).data_ptr() == x.data_ptr()
    assert torch.equal(x, wanted)
