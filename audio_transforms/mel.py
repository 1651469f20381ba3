"""Power in mel bands, linear as published or logarithmic."""

from pydantic import Field
from torch import Tensor

from audio_transforms.base import register_transform
from audio_transforms.mel_spectrogram import MelConfig, MelTransform
from audio_transforms.polar import LogMagnitude, LogMagnitudeConfig


class MelPowerConfig(MelConfig, LogMagnitudeConfig):
    """Keys of mel; `LogMagnitude` is applied to power here."""

    log_mag: bool = Field(False, description="logarithm of the power; false: the power itself, as published")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(1, n_mels, frames)."""
        return 1, self.n_mels, self.frames


@register_transform("mel", MelPowerConfig)
class Mel(MelTransform):
    """Power in mel bands: (B, n_samples) -> (B, 1, n_mels, frames); log(power + offset) with `log_mag`.

    The inverse keeps the power and estimates the phase.
    """

    def __init__(self, config: MelPowerConfig) -> None:
        super().__init__(config, config.image_shape)
        self.level = LogMagnitude(config)

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 1, n_mels, frames)."""
        return self.level.encode(self.power_of(wave)[:, None])

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 1, n_mels, frames) -> (B, n_samples). Power below zero, which a generator may make, counts as zero."""
        return self.sound_of(self.level.decode(self.require_image(image)[:, 0]))
