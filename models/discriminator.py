"""The discriminator: image -> class logits and critic, downsampling from any scale to the smallest.

Source: Karras et al. 2018, Progressive Growing of GANs, appendix A; Odena et al. 2017 for the auxiliary classifier.
"""

import functools
import itertools
import math
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.augmentation import build_augmentation
from models.convolution import leaky_relu
from models.geometry import Size, whole_factors
from models.layers import EqualizedConv2d, EqualizedLinear, minibatch_stddev, resize
from utils.config import ModelConfig
from utils.ranks import ALONE, Ranks


class Judgement(NamedTuple):
    """The discriminator's outputs for a batch."""

    logits: Tensor  # (B, n_conditions), all attributes side by side
    critic: Tensor  # (B,), higher = more real
    feature: Tensor  # (B, depth of the smallest scale), before its activation


class Discriminator(nn.Module):
    """Contains the layers of all scales from the start; `scale` and `alpha` are those of `Generator`.

    The training step applies `augmentation` to images before it; it is kept here so that its state is saved with the
    weights.
    """

    def __init__(self, config: ModelConfig, *, n_conditions: int, channels: int, sizes: tuple[Size, ...]) -> None:
        super().__init__()
        depths = config.discriminator_depths
        zero_bias, equalized = config.zero_bias, config.equalized_rate
        conv = functools.partial(EqualizedConv2d, zero_bias=zero_bias, equalized=equalized)
        linear = functools.partial(EqualizedLinear, zero_bias=zero_bias, equalized=equalized)
        self.sizes = sizes
        self.slope = config.leaky_slope
        self.minibatch_stddev = config.minibatch_stddev
        self.augmentation = build_augmentation(config.augment_probability, config.augment_target)
        self.from_image = nn.ModuleList(conv(channels, depth, 1) for depth in depths)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(depth, depth, 3, padding=1), conv(depth, before, 3, padding=1))
            for before, depth in itertools.pairwise(depths)
        )
        self.last = conv(depths[0] + self.minibatch_stddev, depths[0], 3, padding=1)
        self.gather = linear(depths[0] * math.prod(sizes[0]), depths[0], rate=config.linear_rate)
        self.decide = linear(depths[0], n_conditions + 1)

    def forward(
        self, image: Tensor, scale: int, alpha: float = 0.0, ranks: Ranks = ALONE, *, n_batches: int = 1
    ) -> Judgement:
        """Images (B, channels, *sizes[scale]), this rank's share of a batch of all `ranks` -> `Judgement`.

        They may be `n_batches` batches of equal size, concatenated; the minibatch deviation is computed within each.
        """
        (x,) = deque(self.activations(image, scale, alpha), maxlen=1)
        if self.minibatch_stddev:
            spread = torch.cat([minibatch_stddev(batch, ranks) for batch in x.chunk(n_batches)])
            x = self._activate(self.last.with_constant_map(x, spread))
        else:
            x = self._activate(self.last(x))
        feature = self.gather(x.flatten(1))
        outputs = self.decide(F.leaky_relu(feature, self.slope))
        return Judgement(logits=outputs[:, :-1], critic=outputs[:, -1], feature=feature)

    def activations(self, image: Tensor, scale: int, alpha: float = 0.0) -> Iterator[Tensor]:
        """Images (B, channels, *sizes[scale]) -> the activations (B, depth, *size) at each scale, from `scale` down.

        Each image is seen by itself: what is computed of a whole batch comes after these.
        """
        x = self._activate(self.from_image[scale](image))
        yield x
        for level in range(scale, 0, -1):
            first, second = self.blocks[level - 1].children()
            smaller = self.sizes[level - 1]
            # downsampling keeps one pixel of each group: for whole factors, only that one is computed
            x = self._activate(second(self._activate(first(x)), whole_factors(self.sizes[level], smaller)))
            x = resize(x, smaller)
            # as published, the discriminator does not fade at the first growth, only the generator does
            if level == scale > 1 and alpha > 0:
                older = self._activate(self.from_image[level - 1](resize(image, smaller)))
                x = alpha * older + (1 - alpha) * x
            yield x

    def _activate(self, x: Tensor) -> Tensor:
        return leaky_relu(x, self.slope)
