"""Magnitude and phase of the STFT as two channels; phase raw, or as instantaneous frequency."""

import math

from pydantic import Field
from torch import Tensor

from audio_transforms.base import register_transform
from audio_transforms.phase_locking import locked_phase, main_lobe_reach
from audio_transforms.polar import Polar, PolarConfig, complex_of
from audio_transforms.stft import STFT, TwoChannelConfig

GANSYNTH_LOG_MAGNITUDE = (0.0661371661726, 0.113718730221)
GANSYNTH_PHASE_SCALE = 0.8


class MagConfig(TwoChannelConfig, PolarConfig):
    """Keys of the magnitude representations."""

    ifreq: bool = Field(False, description="phase as instantaneous frequency; false: raw phase in radians")
    phase_locking: bool = Field(
        False,
        description="the inverse follows the peaks alone, and the bins around each take their phases from it, so that "
        "partials do not beat where frequencies of neighbouring bins differ; false: every bin by itself",
    )

    def conflicts(self) -> list[str]:
        """Phases to lock that are not given as frequencies."""
        faults = super().conflicts()
        if self.phase_locking and not self.ifreq:
            faults.append("phase_locking follows the instantaneous frequency; set ifreq to true or leave it out")
        return faults


@register_transform("mag", MagConfig)
class Mag(STFT):
    """Log-magnitude and phase of the centred STFT: (B, n_samples) <-> (B, 2, bins, frames); channels as `Polar`'s.

    With `phase_locking` the inverse takes its phases from `locked_phase`, so that it is not exact.
    """

    def __init__(self, config: MagConfig) -> None:
        super().__init__(config)
        self.polar, self.phase_locking = Polar(config), config.phase_locking
        self.reach = main_lobe_reach(config.n_fft, config.win_length or config.n_fft)

    @property
    def exact(self) -> bool:
        """As for the STFT, if no phase is changed."""
        return super().exact and not self.phase_locking and not self.polar.floor

    def gansynth_affine(self) -> dict[str, list[float]] | None:
        """See `gansynth_polar_affine`."""
        return gansynth_polar_affine(self.polar)

    def _encode(self, wave: Tensor) -> Tensor:
        return self.polar.encode(self.spectrogram(wave))

    def _decode(self, image: Tensor) -> Tensor:
        if not self.phase_locking:
            return self.spectrogram.inverse(self.polar.decode(image))
        first, frequency = image.unbind(dim=1)
        magnitude = self.polar.magnitude.decode(first)
        phase = locked_phase(magnitude, frequency, reach=self.reach)
        return self.spectrogram.inverse(complex_of(magnitude, phase))


class MagIFConfig(MagConfig):
    """Keys of mag-if: those of `mag`, with the instantaneous frequency as the default second channel."""

    ifreq: bool = Field(True, description="phase as instantaneous frequency; false: raw phase in radians")


@register_transform("mag-if", MagIFConfig, aliases=("specgrams",))
class MagIF(Mag):
    """Log-magnitude and instantaneous frequency, as GANSynth has them: (B, n_samples) <-> (B, 2, bins, frames)."""


def gansynth_polar_affine(polar: Polar) -> dict[str, list[float]]:
    """GANSynth's constants for log-magnitude and instantaneous frequency; raw phase is scaled to the same range."""
    scale, shift = GANSYNTH_LOG_MAGNITUDE
    return {"scale": [scale, GANSYNTH_PHASE_SCALE / (1 if polar.ifreq else math.pi)], "shift": [shift, 0.0]}
