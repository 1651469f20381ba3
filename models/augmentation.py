"""Changes to images before the discriminator sees them, real and generated alike, so that few notes suffice.

Only changes that leave a note's pitch and kind what they are: a shift in time around the edge, and masks over frames or
bands (Park et al. 2019, SpecAugment). Shifts along frequency and changes of level are left out: the one moves the
pitch, the other would bend the channel of instantaneous frequency. Differentiable: the generator learns through them.
Source: Karras et al. 2020, Training Generative Adversarial Networks with Limited Data (sections 2 and 3).
"""

import torch
from torch import Tensor, nn

N_DRAWS = 7
"""Uniform draws of one image: whether to shift, mask frames, mask bands; how far; where and how wide is each mask."""

LARGEST_SHIFT = 1 / 8
WIDEST_MASK = 1 / 4
ADAPTATION_NOTES = 500_000
"""Notes in which the adapted probability can move from 0 to 1, as published."""


class Augmentation(nn.Module):
    """Applies each change with one `probability` to each image by itself.

    With a `target`, the probability adapts: it rises while the mean sign of the critic of real images is above the
    target, which says that the discriminator has begun to know the notes by heart, and falls while it is below.
    """

    probability: Tensor

    def __init__(self, probability: float, target: float | None) -> None:
        super().__init__()
        self.target = target
        # only what adapts belongs to a checkpoint
        self.register_buffer("probability", torch.tensor(probability), persistent=target is not None)

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        """Images (B, C, H, W), changed as the uniform `draws` (B, N_DRAWS) in [0, 1) decide."""
        chance = draws[:, :3] < self.probability
        images = _shifted(images, chance[:, 0], draws[:, 3])
        images = _masked(images, chance[:, 1], draws[:, 4], draws[:, 6], axis=3)
        return _masked(images, chance[:, 2], draws[:, 5], draws[:, 6], axis=2)

    @torch.no_grad()
    def adapt(self, critic: Tensor) -> None:
        """Move the probability after a batch of real images with these critic values (B,); without a target, do not."""
        if self.target is not None:
            excess = critic.sign().mean() - self.target
            self.probability += excess.sign() * (len(critic) / ADAPTATION_NOTES)
            self.probability.clamp_(0, 1)


def build_augmentation(probability: float, target: float | None) -> Augmentation | None:
    """The augmentation that a config asks for, or None for none."""
    return Augmentation(probability, target) if probability > 0 or target is not None else None


def _shifted(images: Tensor, chosen: Tensor, draw: Tensor) -> Tensor:
    """The chosen images (B,), rolled along time by up to an eighth of it either way."""
    width = images.shape[3]
    distance = ((2 * draw - 1) * (LARGEST_SHIFT * width)).round().long() * chosen
    frames = (torch.arange(width, device=images.device) - distance[:, None]) % width
    return images.gather(3, frames[:, None, None, :].expand(images.shape))


def _masked(images: Tensor, chosen: Tensor, place: Tensor, width: Tensor, axis: int) -> Tensor:
    """The chosen images (B,) with a span of up to a quarter of the axis replaced by each channel's mean."""
    size = images.shape[axis]
    span = (width * (WIDEST_MASK * size)).round() * chosen
    start = (place * (size - span + 1)).floor()
    position = torch.arange(size, device=images.device)
    hidden = (position >= start[:, None]) & (position < (start + span)[:, None])
    shape = [len(images), 1, 1, 1]
    shape[axis] = size
    return torch.where(hidden.view(shape), images.mean(dim=(2, 3), keepdim=True), images)
