import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from models.layers import EqualizedConv2d
from models.upsampling import convolve_upsampled

SIDES = st.integers(1, 7)
FACTORS = st.sampled_from([(2, 2), (1, 2), (2, 1)])


def plain(x, size, weight, bias):
    return F.conv2d(F.interpolate(x, size, mode="nearest"), weight, bias, padding=1)


@given(height=SIDES, width=SIDES, factors=FACTORS, channels=st.integers(1, 3), last=st.booleans())
def test_it_is_the_convolution_of_the_repeated_pixels(height, width, factors, channels, last):
    generator = torch.Generator().manual_seed(height * 8 + width)
    shapes = (2, channels, height, width), (4, channels, 3, 3), (4,)
    x, weight, bias = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    size = height * factors[0], width * factors[1]
    for tensor in (x, weight, bias):
        tensor.requires_grad_()
    found, wanted = convolve_upsampled(x, factors, weight, bias), plain(x, size, weight, bias)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    way = torch.randn(wanted.shape, generator=generator, dtype=torch.float64)
    gradients = (torch.autograd.grad(image, (x, weight, bias), way) for image in (found, wanted))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-11)


def test_channels_last_stay_last():
    x = torch.randn(2, 5, 4, 3).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(6, 5, 3, 3).contiguous(memory_format=torch.channels_last)
    image = convolve_upsampled(x, (2, 2), weight, torch.zeros(6))
    assert image.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("size", [(8, 10), (4, 10), (8, 5), (7, 9), (12, 5), (4, 5), (8, 9)])
def test_layers_take_every_size_and_kind(size, transposed):
    layer = EqualizedConv2d(3, 2, 3, padding=1, transposed=transposed).double()
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    wanted = layer(F.interpolate(x, size, mode="nearest"))
    torch.testing.assert_close(layer.after_upsampling(x, size), wanted, rtol=1e-12, atol=1e-12)
