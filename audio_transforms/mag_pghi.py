"""Log-magnitude of the STFT only; the inverse estimates the phases by phase gradient integration."""

import numpy as np
import torch
from torch import Tensor

from audio_transforms.base import AudioTransform, register_transform
from audio_transforms.mag import GANSYNTH_LOG_MAGNITUDE
from audio_transforms.phase_integration import integrate_phase
from audio_transforms.polar import LogMagnitude, LogMagnitudeConfig
from audio_transforms.spectrogram import Spectrogram, SpectrogramConfig


class MagPGHIConfig(SpectrogramConfig, LogMagnitudeConfig):
    """Keys of mag-pghi: those of the STFT and of its log-magnitude."""


@register_transform("mag-pghi", MagPGHIConfig, aliases=("pghi",))
class MagPGHI(AudioTransform):
    """Log-magnitude of the centred STFT: (B, n_samples) <-> (B, 1, bins, frames); the channel is `LogMagnitude`'s.

    The inverse finds phases without iterations (see `integrate_phase`), per note and on the CPU; the signal's absolute
    phase, its sign included, is lost. Gradients flow through the magnitudes, with the phases held constant.
    Source: Průša et al. 2017; the paper by Nistal et al. does not have this representation.
    """

    exact = False

    def __init__(self, config: MagPGHIConfig) -> None:
        shape = (1, config.bins, config.frames)
        super().__init__(shape=shape, n_samples=config.n_samples, sample_rate=config.sample_rate)
        self.spectrogram, self.magnitude = Spectrogram(config), LogMagnitude(config)

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 1, bins, frames)."""
        return self.magnitude.encode(self.spectrogram(self.require_wave(wave)).abs())[:, None]

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 1, bins, frames) -> (B, n_samples)."""
        channel = self.require_image(image)[:, 0]
        return self.spectrogram.inverse(torch.polar(self.magnitude.decode(channel), self._phase(channel.detach())))

    def support(self) -> Tensor:
        """As `Spectrogram.support`."""
        return self.spectrogram.support()

    def gansynth_affine(self) -> dict[str, list[float]] | None:
        """GANSynth's constants for log-magnitude."""
        scale, shift = GANSYNTH_LOG_MAGNITUDE
        return {"scale": [scale], "shift": [shift]}

    def _phase(self, channel: Tensor) -> Tensor:
        """(B, bins, frames) -> phases of the same shape."""
        geometry = self.spectrogram
        phases = [
            integrate_phase(
                self.magnitude.decode(note)
                .double()
                .numpy(),  # note by note, so that rounding does not depend on the batch
                n_fft=geometry.n_fft,
                win_length=geometry.frames.win_length,
                hop_length=geometry.frames.hop_length,
                lowest_bin=geometry.left_out[0],
            )
            for note in channel.cpu()
        ]
        return torch.from_numpy(np.stack(phases)).to(channel)
