"""Magnitude and phase of the STFT as two channels; phase raw, or as instantaneous frequency."""

import math

from pydantic import Field
from torch import Tensor

from audio_transforms.base import AudioTransform, in_parts, register_transform
from audio_transforms.polar import Polar, PolarConfig
from audio_transforms.spectrogram import Spectrogram, SpectrogramConfig

GANSYNTH_LOG_MAGNITUDE = (0.0661371661726, 0.113718730221)
GANSYNTH_PHASE_SCALE = 0.8


class MagConfig(SpectrogramConfig, PolarConfig):
    """Keys of the magnitude representations."""

    ifreq: bool = Field(False, description="phase as instantaneous frequency; false: raw phase in radians")


@register_transform("mag", MagConfig)
class Mag(AudioTransform):
    """Log-magnitude and phase of the centred STFT: (B, n_samples) <-> (B, 2, bins, frames); channels as `Polar`'s."""

    def __init__(self, config: MagConfig) -> None:
        shape = (2, config.bins, config.frames)
        super().__init__(shape=shape, n_samples=config.n_samples, sample_rate=config.sample_rate)
        self.spectrogram, self.polar = Spectrogram(config), Polar(config)

    @property
    def exact(self) -> bool:
        """Whether every sample is rebuilt, up to rounding and the bins left out."""
        return self.spectrogram.exact

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 2, bins, frames)."""
        return in_parts(self._encode, self.require_wave(wave), math.prod(self.shape[1:]))

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 2, bins, frames) -> (B, n_samples)."""
        return in_parts(self._decode, self.require_image(image), math.prod(self.shape[1:]))

    def support(self) -> Tensor:
        """As `Spectrogram.support`."""
        return self.spectrogram.support()

    def gansynth_affine(self) -> dict[str, list[float]] | None:
        """See `gansynth_polar_affine`."""
        return gansynth_polar_affine(self.polar)

    def _encode(self, wave: Tensor) -> Tensor:
        return self.polar.encode(self.spectrogram(wave))

    def _decode(self, image: Tensor) -> Tensor:
        return self.spectrogram.inverse(self.polar.decode(image))


def gansynth_polar_affine(polar: Polar) -> dict[str, list[float]]:
    """GANSynth's constants for log-magnitude and instantaneous frequency; raw phase is scaled to the same range."""
    scale, shift = GANSYNTH_LOG_MAGNITUDE
    return {"scale": [scale, GANSYNTH_PHASE_SCALE / (1 if polar.ifreq else math.pi)], "shift": [shift, 0.0]}
