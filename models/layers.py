"""Layers with equalised learning rate, minibatch standard deviation, and resizing.

Source: Karras et al. 2018, Progressive Growing of GANs, sections 3 (minibatch standard deviation) and 4.1.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.convolution import convolve
from models.geometry import whole_factors
from models.upsampling import convolve_upsampled
from utils.ranks import ALONE, Ranks

STDDEV_GROUP = 4


class EqualizedConv2d(nn.Module):
    """Same-size convolution whose weights are N(0, 1) and whose output, bias included, is scaled to unit variance.

    (B, channels_in, H, W) -> (B, channels_out, H + 2 padding - k + 1, ...) for a kernel of size k per axis.
    The gain sqrt(2 / fan_in) is multiplied into weight and bias, which saves a pass over the activations.
    `transposed` uses a transposed convolution, whose fan-in is computed over channels_out, as in the published code.
    Without `equalized` the initial weights contain the gain (He et al. 2015): the function is the same at first, but
    learns at another rate. `rate` multiplies the rate that it learns at, with the same function at first.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel_size: int | tuple[int, int],
        *,
        padding: int = 0,
        transposed: bool = False,
        zero_bias: bool = True,
        equalized: bool = True,
        rate: float = 1.0,
    ) -> None:
        super().__init__()
        kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        first, second = (channels_in, channels_out) if transposed else (channels_out, channels_in)
        fan_in = second * math.prod(kernel)
        self.weight = nn.Parameter(torch.randn(first, second, *kernel))
        self.bias = nn.Parameter(_initial_bias(channels_out, fan_in, zero=zero_bias))
        self.gain = _runtime_gain(self.weight, fan_in, equalized=equalized, rate=rate)
        self.padding, self.transposed = padding, transposed

    def forward(self, x: Tensor, stride: tuple[int, int] = (1, 1)) -> Tensor:
        """Convolve, computing only every `stride`-th row and column; a `transposed` layer has stride 1."""
        weight, bias = self.weight * self.gain, self.bias * self.gain
        if self.transposed:
            return F.conv_transpose2d(x, weight, bias, padding=self.padding)
        return convolve(x, weight, bias, stride=stride, padding=self.padding)

    def with_constant_map(self, x: Tensor, values: Tensor) -> Tensor:
        """Convolve `x` (B, channels_in - 1, H, W) with one more channel, constant at `values` (B,) in each sample.

        Same-size layers only. The constant channel adds a value times the sum of its weights inside the image, one
        small map for all samples. An odd number of channels would take the CPU up to three times as long.
        """
        weight = self.weight * self.gain
        of_x = convolve(x, weight[:, :-1].contiguous(), self.bias * self.gain, stride=(1, 1), padding=self.padding)
        of_one = F.conv2d(weight.new_ones(1, 1, *x.shape[2:]), weight[:, -1:], padding=self.padding)
        return of_x + (values[:, None, None, None] * of_one).to(of_x.dtype)

    def after_upsampling(self, x: Tensor, size: tuple[int, int], *, smooth: bool = False) -> Tensor:
        """Convolve `x` (B, C, H, W), upsampled to `size` as `enlarged` does: (B, C_out, *size)."""
        if smooth:
            return self.forward(enlarged(x, size, smooth=True))
        factors = whole_factors(size, (x.shape[2], x.shape[3]))
        doubles = max(factors) == 2 and (x.shape[2] * factors[0], x.shape[3] * factors[1]) == size
        if doubles and not self.transposed:
            return convolve_upsampled(x, factors, self.weight * self.gain, self.bias * self.gain)
        return self.forward(resize(x, size))


class EqualizedLinear(nn.Module):
    """Linear layer with weights N(0, 1) and output, bias included, scaled by sqrt(2 / features_in).

    `equalized` and `rate` are those of `EqualizedConv2d`.
    """

    def __init__(
        self, features_in: int, features_out: int, *, zero_bias: bool = True, equalized: bool = True, rate: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features_out, features_in))
        self.bias = nn.Parameter(_initial_bias(features_out, features_in, zero=zero_bias))
        self.gain = _runtime_gain(self.weight, features_in, equalized=equalized, rate=rate)

    def forward(self, x: Tensor) -> Tensor:
        """(B, features_in) -> (B, features_out)."""
        return F.linear(x, self.weight * self.gain, self.bias * self.gain)


def minibatch_stddev(x: Tensor, ranks: Ranks = ALONE) -> Tensor:
    """(B, C, H, W) -> (B,): the mean standard deviation within the group of samples that each belongs to.

    Groups of 4, or the whole batch if 4 does not divide it; zero for a batch of one. As published, group g holds the
    samples g, g + B/4, g + B/2 and g + 3B/4, but its value is given to the samples 4g to 4g + 3. B counts the
    samples of all `ranks`, so that several processes compute the same function as one.
    """
    batch = len(x)
    total = batch * ranks.size
    size = STDDEV_GROUP if total % STDDEV_GROUP == 0 else total
    if size == 1:
        return x.new_zeros(batch)
    groups = ranks.gather(x).reshape(size, total // size, -1)
    # not torch.var, which over the first axis of a large batch takes a fifth of a small step on the CPU
    variance = (groups - groups.mean(dim=0)).square().sum(dim=0) / (size - 1)
    return ranks.own(torch.sqrt(variance + 1e-8).mean(dim=1).repeat_interleave(size))


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) -> (B, C, *size) by nearest neighbour, as everywhere in the published networks."""
    return x if tuple(x.shape[-2:]) == size else F.interpolate(x, size, mode="nearest")


def enlarged(x: Tensor, size: tuple[int, int], *, smooth: bool) -> Tensor:
    """(B, C, H, W) -> (B, C, *size): by nearest neighbour, or if `smooth` by linear interpolation along each axis."""
    if not smooth or tuple(x.shape[-2:]) == size:
        return resize(x, size)
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


def _runtime_gain(weight: Tensor, fan_in: int, *, equalized: bool, rate: float) -> float:
    """What to multiply the weight by at each pass: He's constant, or 1 if not `equalized`; `rate` times that.

    The initial weight takes the rest of the product, so that it does not depend on either. An optimiser such as Adam,
    whose steps do not depend on the size of gradients, then changes the product `rate` times as fast (Karras et al.
    2019, StyleGAN, slows its mapping network in this way).
    """
    gain = math.sqrt(2 / fan_in)
    start = (1.0 if equalized else gain) / rate
    if start != 1:
        with torch.no_grad():
            weight *= start
    return (gain if equalized else 1.0) * rate


def _initial_bias(size: int, fan_in: int, *, zero: bool) -> Tensor:
    bound = 0.0 if zero else 1 / math.sqrt(fan_in)
    return torch.empty(size).uniform_(-bound, bound)
