"""What is made small when a note is found: how unlike the target the notes of latents are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from generation.finding.candidates import Candidates
from generation.finding.critic_features import critic_of, feature_distance, features
from generation.finding.image_distance import image_distance, pyramid
from generation.finding.spectral_distance import spectra, spectral_distance
from generation.instrument import Instrument
from generation.synthesis import Wave, at_full_size, sound_window
from models.discriminator import Discriminator

CRITIC_SHARE = 0.1  # of the critic's distance, beside that of the images
BATCH_SIZE = 16

Distance = Callable[[Tensor], Tensor]
"""Images (B, C, F, T) of full size -> (B,)."""


@dataclass(frozen=True)
class Likeness:
    """The distances of the notes of an instrument from one target, by several of its sides."""

    instrument: Instrument
    sides: tuple[Distance, ...]
    named: str
    """What is compared: `sound`, `image`, or `image + critic`."""

    @classmethod
    def to(cls, instrument: Instrument, target: Wave) -> Self:
        """To the note `target` (n_samples,), which should have the level of the run's notes.

        Sounds are compared where a gradient follows the inverse of the representation. Elsewhere images are, and what
        the critic makes of them, if the checkpoint has one. Raises: CheckpointError.
        """
        transform = instrument.transform
        wave = torch.from_numpy(target)[None].to(instrument.device)
        with torch.no_grad():
            if not transform.estimates_phase:
                return cls(instrument, (_of_sounds(instrument, wave),), "sound")
            image = transform(wave)
            critic = critic_of(instrument)
            if critic is None:
                return cls(instrument, (_of_images(image),), "image")
            return cls(instrument, (_of_images(image), _of_critic(instrument, critic, image)), "image + critic")

    def distance(self, candidates: Candidates) -> Tensor:
        """Of B notes, on the CPU -> (B,), with their gradient."""
        instrument, generator = self.instrument, self.instrument.networks.ema
        conditions = candidates.conditions(instrument).to(instrument.device)
        images = at_full_size(
            generator, generator(conditions, instrument.scale, instrument.alpha), instrument.transform
        )
        return torch.stack([side(images) for side in self.sides]).sum(dim=0).cpu()

    @torch.no_grad()
    def distances(self, candidates: Candidates) -> Tensor:
        """`distance` of however many notes, a few at a time, without gradient."""
        batches = torch.split(torch.arange(len(candidates.latents)), BATCH_SIZE)
        return torch.cat([self.distance(candidates.at(rows)) for rows in batches])


def _of_images(target: Tensor) -> Distance:
    averaged = pyramid(target)
    return lambda images: image_distance(pyramid(images), averaged)


def _of_critic(instrument: Instrument, critic: Discriminator, target: Tensor) -> Distance:
    seen = features(critic, target, instrument.scale)
    return lambda images: CRITIC_SHARE * feature_distance(features(critic, images, instrument.scale), seen)


def _of_sounds(instrument: Instrument, target: Tensor) -> Distance:
    window = torch.from_numpy(sound_window(instrument.transform)).to(target)
    spectrum = spectra(target)
    return lambda images: spectral_distance(spectra(instrument.transform.inverse(images) * window), spectrum)
