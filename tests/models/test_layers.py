import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.layers import EqualizedConv2d, EqualizedLinear, minibatch_stddev, resize
from tests.places import GOLDEN

METRICS = GOLDEN / "metrics.npz"


@pytest.mark.parametrize("kernel", [1, 3, (3, 5)])
@pytest.mark.parametrize("transposed", [False, True])
def test_convolution_is_the_plain_one_with_its_output_scaled(kernel, transposed):
    torch.manual_seed(0)
    layer = EqualizedConv2d(3, 5, kernel, padding=1, transposed=transposed, zero_bias=False)
    x = torch.randn(2, 3, 9, 7)
    area = kernel**2 if isinstance(kernel, int) else math.prod(kernel)
    plain = F.conv_transpose2d if transposed else F.conv2d
    fan_in = (5 if transposed else 3) * area
    wanted = plain(x, layer.weight, layer.bias, padding=1) * math.sqrt(2 / fan_in)
    assert layer.bias.abs().max() > 0
    torch.testing.assert_close(layer(x), wanted, rtol=1e-5, atol=1e-6)


def test_linear_is_the_plain_one_with_its_output_scaled():
    torch.manual_seed(0)
    layer = EqualizedLinear(6, 4, zero_bias=False)
    x = torch.randn(3, 6)
    wanted = (x @ layer.weight.T + layer.bias) * math.sqrt(2 / 6)
    assert layer.bias.abs().max() > 0
    torch.testing.assert_close(layer(x), wanted, rtol=1e-5, atol=1e-6)


def test_weights_are_standard_normal_and_the_output_has_variance_two():
    torch.manual_seed(0)
    layer = EqualizedConv2d(64, 64, 3, padding=0)
    assert layer.weight.std().item() == pytest.approx(1, abs=0.01)
    assert layer(torch.randn(4, 64, 16, 16)).var().item() == pytest.approx(2, rel=0.05)


def test_biases_start_at_zero_or_within_the_bound_of_torch():
    assert EqualizedLinear(9, 400).bias.abs().max() == 0
    assert 0.32 < EqualizedLinear(9, 400, zero_bias=False).bias.abs().max() < 1 / 3


@pytest.mark.parametrize(
    ("given", "published"), [("input", "published_group4"), ("input_7", "published_group4_batch7")]
)
def test_minibatch_stddev_equals_the_published_one(given, published):
    arrays = np.load(METRICS)
    x = torch.from_numpy(arrays[f"stddev/{given}"])
    wanted = torch.from_numpy(arrays[f"stddev/{published}"])
    y = minibatch_stddev(x)[:, None, None].expand_as(wanted)
    torch.testing.assert_close(y, wanted, rtol=1e-5, atol=1e-6)


def test_minibatch_stddev_of_one_sample_is_zero():
    assert minibatch_stddev(torch.randn(1, 3, 2, 2)).tolist() == [0.0]


def test_a_constant_channel_is_that_channel_appended():
    torch.manual_seed(0)
    layer = EqualizedConv2d(4, 5, 3, padding=1, zero_bias=False).double()
    x, values = torch.randn(2, 3, 6, 2, dtype=torch.float64), torch.randn(2, dtype=torch.float64)
    wanted = layer(torch.cat((x, values[:, None, None, None].expand(-1, 1, 6, 2)), dim=1))
    torch.testing.assert_close(layer.with_constant_map(x, values), wanted, rtol=1e-12, atol=1e-12)


def test_resizing_takes_the_nearest_and_leaves_the_right_size_alone():
    x = torch.arange(6.0).view(1, 1, 2, 3)
    assert resize(x, (2, 3)) is x
    assert resize(x, (4, 3))[0, 0, :, 0].tolist() == [0, 0, 3, 3]
    assert resize(x, (1, 2))[0, 0].tolist() == [[0, 1]]


@pytest.mark.parametrize("zero_bias", [True, False])
def test_layers_without_equalised_rate_start_as_the_same_function(zero_bias):
    def built(build):
        torch.manual_seed(0)
        return build()

    x, flat = torch.randn(2, 6, 9, 7), torch.randn(3, 6)
    for make, given in (
        (lambda **more: EqualizedConv2d(6, 5, 3, padding=1, **more), x),
        (lambda **more: EqualizedConv2d(6, 5, 3, padding=1, transposed=True, **more), x),
        (lambda **more: EqualizedLinear(6, 4, **more), flat),
    ):
        equalized, plain = (
            built(lambda flag=flag, make=make: make(zero_bias=zero_bias, equalized=flag)) for flag in (True, False)
        )
        torch.testing.assert_close(plain.weight, equalized.weight * equalized.gain)
        assert plain.gain == 1
        if zero_bias:
            torch.testing.assert_close(plain(given), equalized(given), rtol=1e-5, atol=1e-6)
        else:  # the bias of a plain layer is not scaled down
            assert torch.equal(plain.bias, equalized.bias)
