"""A 3x3 convolution of an image upsampled by 2 with nearest neighbour, computed without the upsampled image.

Several of the nine weights on an output pixel meet copies of the same input pixel. Summed beforehand, four weights
remain if both axes double, six if one does. Each output pixel of a block of four (or two) has its own sums.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

Factors = tuple[int, int]


def convolve_upsampled(x: Tensor, factors: Factors, weight: Tensor, bias: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C_out, H * factors[0], W * factors[1]), each factor 1 or 2.

    The same as repeating each pixel `factors` times, then convolving with `weight` (C_out, C, 3, 3), padded by zeros.
    """
    high, wide = factors
    sums = [each for rows in _sums(weight, high, axis=2) for each in _sums(rows, wide, axis=3)]
    convolved = F.conv2d(x, torch.cat(sums), bias.repeat(len(sums)), padding=1).chunk(len(sums), dim=1)
    height, width = x.shape[2:]
    # two weights on an axis padded at both ends give one more result than pixels: even outputs start at the first
    # result, odd ones at the second
    places = itertools.product(range(high), range(wide))
    parts = [part[:, :, i : i + height, j : j + width] for part, (i, j) in zip(convolved, places, strict=True)]
    return _interleaved(parts, high, wide)


def _sums(weight: Tensor, factor: int, axis: int) -> list[Tensor]:
    """The weights at offsets -1, 0, 1 on `axis`, summed for the input pixels of an even and of an odd output pixel."""
    if factor == 1:
        return [weight]
    before, here, after = weight.chunk(3, dim=axis)
    return [torch.cat((before, here + after), dim=axis), torch.cat((before + here, after), dim=axis)]


def _interleaved(parts: list[Tensor], high: int, wide: int) -> Tensor:
    """`high * wide` images (B, C, H, W), one for each place in a block -> (B, C, H * high, W * wide)."""
    channels_last = parts[0].stride(1) == 1
    if channels_last:  # keep the layout
        parts = [part.permute(0, 2, 3, 1) for part in parts]
    down = 1 if channels_last else 2
    rows = [
        torch.stack(parts[i : i + wide], dim=down + 2).flatten(down + 1, down + 2) for i in range(0, len(parts), wide)
    ]
    image = torch.stack(rows, dim=down + 1).flatten(down, down + 1)
    return image.permute(0, 3, 1, 2) if channels_last else image
