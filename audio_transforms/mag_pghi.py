"""Log-magnitude of the STFT only; the inverse estimates the phases by phase gradient integration."""

import numpy as np
import torch
from torch import Tensor

from audio_transforms.base import register_transform
from audio_transforms.mag import GANSYNTH_LOG_MAGNITUDE
from audio_transforms.phase_integration import integrate_phase
from audio_transforms.polar import LogMagnitude, LogMagnitudeConfig
from audio_transforms.spectrogram import SpectrogramConfig, SpectrogramTransform


class MagPGHIConfig(SpectrogramConfig, LogMagnitudeConfig):
    """Keys of mag-pghi: those of the STFT and of its log-magnitude."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(1, bins, frames)."""
        return 1, self.bins, self.frames


@register_transform("mag-pghi", MagPGHIConfig, aliases=("pghi",))
class MagPGHI(SpectrogramTransform):
    """Log-magnitude of the centred STFT: (B, n_samples) <-> (B, 1, bins, frames); the channel is `LogMagnitude`'s.

    The inverse finds phases without iterations (see `integrate_phase`), per note and on the CPU; the signal's absolute
    phase, its sign included, is lost. Gradients flow through the magnitudes, with the phases held constant.
    Source: Průša et al. 2017; the paper by Nistal et al. does not have this representation.
    """

    exact = False
    estimates_phase = True

    def __init__(self, config: MagPGHIConfig) -> None:
        super().__init__(config, config.image_shape)
        self.magnitude = LogMagnitude(config)

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 1, bins, frames)."""
        return self.magnitude.encode(self.spectrogram(self.require_wave(wave)).abs())[:, None]

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 1, bins, frames) -> (B, n_samples)."""
        channel = self.require_image(image)[:, 0]
        return self.spectrogram.inverse(torch.polar(self.magnitude.decode(channel), self._phase(channel.detach())))

    def gansynth_affine(self) -> dict[str, list[float]] | None:
        """GANSynth's constants for log-magnitude."""
        scale, shift = GANSYNTH_LOG_MAGNITUDE
        return {"scale": [scale], "shift": [shift]}

    def _phase(self, channel: Tensor) -> Tensor:
        """(B, bins, frames) -> phases of the same shape."""
        frames, lowest_bin = self.spectrogram.frames, self.spectrogram.left_out[0]
        sizes = {"n_fft": self.spectrogram.n_fft, "win_length": frames.win_length, "hop_length": frames.hop_length}
        # note by note, so that rounding does not depend on the batch
        magnitudes = (self.magnitude.decode(note).double().numpy() for note in channel.cpu())
        phases = [integrate_phase(magnitude, **sizes, lowest_bin=lowest_bin) for magnitude in magnitudes]
        return torch.from_numpy(np.stack(phases)).to(channel)
