"""Power in mel bands, linear as published or logarithmic."""

import torch
from pydantic import Field
from torch import Tensor

from audio_transforms.base import AudioTransform, register_transform
from audio_transforms.mel_spectrogram import MelConfig, MelSpectrogram

_LARGEST_LOG = 80.0  # beyond it, which a generator may reach, float32 overflows


class MelPowerConfig(MelConfig):
    """Keys of mel."""

    log_mag: bool = Field(False, description="logarithm of the power; false: the power itself, as published")
    log_offset: float = Field(1e-10, gt=0, le=1, description="added to the power before the logarithm")


@register_transform("mel", MelPowerConfig)
class Mel(AudioTransform):
    """Power in mel bands: (B, n_samples) -> (B, 1, n_mels, frames); log(power + offset) with `log_mag`.

    The inverse keeps the power and makes up the phase.
    """

    exact = False

    def __init__(self, config: MelPowerConfig) -> None:
        shape = (1, config.n_mels, config.frames)
        super().__init__(shape=shape, n_samples=config.n_samples, sample_rate=config.sample_rate)
        self.mel = MelSpectrogram(config)
        self.log_mag, self.offset = config.log_mag, config.log_offset

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 1, n_mels, frames)."""
        power: Tensor = self.mel(self.require_wave(wave))[:, None]
        return torch.log(power + self.offset) if self.log_mag else power

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 1, n_mels, frames) -> (B, n_samples). Power below zero, which a generator may make, counts as zero."""
        power = self.require_image(image)[:, 0]
        if self.log_mag:
            power = torch.exp(power.clamp(max=_LARGEST_LOG)) - self.offset
        return self.mel.inverse(power.clamp(min=0))

    def support(self) -> Tensor:
        """As of the STFT."""
        return self.mel.spectrogram.support()
