"""The generator: latent and condition -> image, growing from a small scale to the full one.

Source: Karras et al. 2018, Progressive Growing of GANs, appendix A; Engel et al. 2019, GANSynth, for `gansynth`;
Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN, for `outputSkips`.
"""

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.geometry import Size
from models.layers import EqualizedConv2d, EqualizedLinear, enlarged
from models.normalisation import normalised_leaky_relu, pixel_norm
from utils.config import ModelConfig

FORMAT_SLOPE = 0.2  # of the LeakyReLUs within `gansynth`, whatever `leakyness` is: published runs were trained so

Pair = tuple[EqualizedConv2d, EqualizedConv2d]


class Generator(nn.Module):
    """Contains the layers of all scales from the start; a call uses those up to `scale`.

    `alpha` in [0, 1] is the published one: the weight of the previous scale while a new one fades in; 0 = the new
    scale alone.
    """

    def __init__(self, config: ModelConfig, *, n_conditions: int, channels: int, sizes: tuple[Size, ...]) -> None:
        super().__init__()
        depths = config.generator_depths
        zero_bias, equalized = config.zero_bias, config.equalized_rate
        conv = functools.partial(EqualizedConv2d, zero_bias=zero_bias, equalized=equalized)
        grow = functools.partial(conv, transposed=config.transposed)
        self.sizes, self.latent_dim = sizes, config.latent_dim
        self.slope = config.leaky_slope
        self.pixel_norm = config.pixel_norm
        self.tanh = config.output_activation == "tanh"
        self.smooth = config.upsampling == "linear"
        self.output_skips = config.output_skips
        features = config.latent_dim + n_conditions
        make_format = GANSynthFormat if config.format_layer == "gansynth" else LinearFormat
        self.format_layer = make_format(
            features, depths[0], sizes[0], zero_bias=zero_bias, equalized=equalized, rate=config.linear_rate
        )
        self.first = grow(depths[0], depths[0], 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(grow(before, depth, 3, padding=1), grow(depth, depth, 3, padding=1))
            for before, depth in itertools.pairwise(depths)
        )
        self.to_image = nn.ModuleList(grow(depth, channels, 1) for depth in depths)
        if self.output_skips:
            _start_at_zero(self.to_image[1:])

    def forward(self, latent: Tensor, scale: int, alpha: float = 0.0) -> Tensor:
        """Latent with condition (B, latent + conditions) -> images (B, channels, *sizes[scale])."""
        features = self._features(latent, scale)
        image = self._summed(features, alpha) if self.output_skips else self._blended(features, alpha)
        return image.tanh() if self.tanh else image

    def _features(self, latent: Tensor, scale: int) -> list[Tensor]:
        """Those (B, depth, *size) from which `to_image` makes the image of each scale up to `scale`."""
        x = self._activate(self.format_layer(pixel_norm(latent) if self.pixel_norm else latent))
        features = [self._activate(self.first(x))]
        for level in range(scale):
            first, second = cast(Pair, tuple(self.blocks[level].children()))
            x = first.after_upsampling(features[-1], self.sizes[level + 1], smooth=self.smooth)
            features.append(self._activate(second(self._activate(x))))
        return features

    def _blended(self, features: Sequence[Tensor], alpha: float) -> Tensor:
        """The image of the last scale; while it fades in, blended with that of the scale before."""
        scale = len(features) - 1
        image: Tensor = self.to_image[scale](features[scale])
        if scale == 0 or alpha == 0:
            return image
        older = enlarged(self.to_image[scale - 1](features[scale - 1]), self.sizes[scale], smooth=self.smooth)
        return alpha * older + (1 - alpha) * image

    def _summed(self, features: Sequence[Tensor], alpha: float) -> Tensor:
        """The sum of the images of all scales, each enlarged; that of the last scale fades in."""
        image: Tensor = self.to_image[0](features[0])
        for level in range(1, len(features)):
            share = 1 - alpha if level == len(features) - 1 else 1.0
            older = enlarged(image, self.sizes[level], smooth=self.smooth)
            image = older + share * self.to_image[level](features[level])
        return image

    def _activate(self, x: Tensor) -> Tensor:
        return normalised_leaky_relu(x, self.slope) if self.pixel_norm else F.leaky_relu(x, self.slope)


def _start_at_zero(layers: Iterable[nn.Module]) -> None:
    """A new scale then begins with the enlarged image of the one before, and adds no noise to it."""
    with torch.no_grad():
        for layer in layers:
            for parameter in layer.parameters():
                parameter.zero_()


class LinearFormat(nn.Module):
    """`formatLayerType: default`: (B, features) -> (B, depth, *size) by one linear layer."""

    def __init__(self, features: int, depth: int, size: Size, *, zero_bias: bool, equalized: bool, rate: float) -> None:
        super().__init__()
        self.shape = (depth, *size)
        n_outputs = depth * size[0] * size[1]
        self.linear = EqualizedLinear(features, n_outputs, zero_bias=zero_bias, equalized=equalized, rate=rate)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, features) -> the smallest image (B, depth, *size)."""
        spread: Tensor = self.linear(x)
        return spread.view(-1, *self.shape)


class GANSynthFormat(nn.Module):
    """`formatLayerType: gansynth`: the features as one pixel surrounded by zeros, convolved to (B, depth, *size)."""

    def __init__(self, features: int, depth: int, size: Size, *, zero_bias: bool, equalized: bool, rate: float) -> None:
        super().__init__()
        height, width = size
        # padded with zeros to 2 * size - 1, so that a kernel of the image's size gives exactly the image's size
        self.margins = (width - 1, width - 1, height - 1, height - 1)
        self.spread = EqualizedConv2d(features, depth, size, zero_bias=zero_bias, equalized=equalized, rate=rate)
        self.blend = EqualizedConv2d(depth, depth, 3, padding=1, zero_bias=zero_bias, equalized=equalized)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, features) -> the smallest image (B, depth, *size)."""
        x = normalised_leaky_relu(self.spread(F.pad(x[:, :, None, None], self.margins)), FORMAT_SLOPE)
        return normalised_leaky_relu(self.blend(x), FORMAT_SLOPE)
