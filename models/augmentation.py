"""Augmentation of real and generated images before the discriminator, for training on few notes.

It keeps a note's pitch and instrument: a circular shift in time, and masks over frames or bands (Park et al. 2019,
SpecAugment). There are no shifts along frequency, which would change the pitch, and no changes of level, which would
distort the channel of instantaneous frequency. Differentiable, since the generator learns through it.
Source: Karras et al. 2020, Training Generative Adversarial Networks with Limited Data (sections 2 and 3).
"""

import torch
from torch import Tensor, nn

N_DRAWS = 7
"""Uniform draws per image: whether to shift, mask frames, mask bands; the shift; the places and width of the masks."""

LARGEST_SHIFT = 1 / 8
WIDEST_MASK = 1 / 4
ADAPTATION_NOTES = 500_000
"""Notes after which the adapted probability can have moved from 0 to 1, as published."""


class Augmentation(nn.Module):
    """Applies each change to each image independently, with one `probability`.

    With a `target`, the probability adapts: it rises while the mean sign of the critic for real images is above the
    target, a sign that the discriminator overfits, and falls while it is below.
    """

    probability: Tensor

    def __init__(self, probability: float, target: float | None) -> None:
        super().__init__()
        self.target = target
        # saved in checkpoints only if it adapts
        self.register_buffer("probability", torch.tensor(probability), persistent=target is not None)

    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        """Images (B, C, H, W) -> the same shape, changed according to uniform `draws` (B, N_DRAWS) in [0, 1)."""
        chance = draws[:, :3] < self.probability
        images = _shifted(images, chance[:, 0], draws[:, 3])
        images = _masked(images, chance[:, 1], draws[:, 4], draws[:, 6], axis=3)
        return _masked(images, chance[:, 2], draws[:, 5], draws[:, 6], axis=2)

    @torch.no_grad()
    def adapt(self, critic: Tensor) -> None:
        """With a target, adapt the probability to the critic values (B,) of a batch of real images."""
        if self.target is not None:
            excess = critic.sign().mean() - self.target
            self.probability += excess.sign() * (len(critic) / ADAPTATION_NOTES)
            self.probability.clamp_(0, 1)


def build_augmentation(probability: float, target: float | None) -> Augmentation | None:
    """The augmentation of a config; None if it has none."""
    return Augmentation(probability, target) if probability > 0 or target is not None else None


def _shifted(images: Tensor, chosen: Tensor, draw: Tensor) -> Tensor:
    """The images, those `chosen` (B,) rolled along time by up to an eighth of the width in either direction."""
    width = images.shape[3]
    distance = ((2 * draw - 1) * (LARGEST_SHIFT * width)).round().long() * chosen
    frames = (torch.arange(width, device=images.device) - distance[:, None]) % width
    return images.gather(3, frames[:, None, None, :].expand(images.shape))


def _masked(images: Tensor, chosen: Tensor, place: Tensor, width: Tensor, axis: int) -> Tensor:
    """The images; in those `chosen` (B,), a span of up to a quarter of the axis is replaced by each channel's mean."""
    size = images.shape[axis]
    span = (width * (WIDEST_MASK * size)).round() * chosen
    start = (place * (size - span + 1)).floor()
    position = torch.arange(size, device=images.device)
    hidden = (position >= start[:, None]) & (position < (start + span)[:, None])
    shape = [len(images), 1, 1, 1]
    shape[axis] = size
    return torch.where(hidden.view(shape), images.mean(dim=(2, 3), keepdim=True), images)
