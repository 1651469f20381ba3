"""Complex coefficients as two real channels: magnitude, and phase raw or as instantaneous frequency."""

import math

import torch
from pydantic import Field
from torch import Tensor

from utils.config import TransformConfig

PUBLISHED_LOG_OFFSET = 1e-10
GANSYNTH_LOG_OFFSET = 1e-6
_LARGEST_LOG = 80.0  # beyond it, which a generator may reach, float32 overflows


class PolarConfig(TransformConfig):
    """Keys of the representations by magnitude and phase."""

    log_mag: bool = Field(True, description="logarithm of the magnitude; false: the magnitude itself")
    ifreq: bool = Field(True, description="phase as instantaneous frequency; false: raw phase in radians")
    log_offset: float | None = Field(
        None,
        gt=0,
        le=1,
        description="added before the logarithm; null: 1e-10 as published, 1e-6 under gansynth scaling",
    )

    @property
    def offset(self) -> float:
        """What is added to the magnitude before its logarithm."""
        default = GANSYNTH_LOG_OFFSET if self.scaling == "gansynth" else PUBLISHED_LOG_OFFSET
        return default if self.log_offset is None else self.log_offset

    def conflicts(self) -> list[str]:
        """A scaling made for other values."""
        faults = super().conflicts()
        if self.scaling == "gansynth" and not self.log_mag:
            faults.append("scaling=gansynth is made for logarithmic magnitudes; set log_mag to true or scaling to fit")
        return faults


class Polar:
    """The map complex (B, F, T) <-> real (B, 2, F, T) that a `PolarConfig` describes.

    Channel 0 is log(|S| + offset), or |S|. Channel 1 is the phase in radians, (-pi, pi], or with `ifreq` the
    instantaneous frequency in units of pi radians per frame, [-1, 1) (see `instantaneous_frequency`).
    Source: Nistal et al. 2020, section 3; Engel et al. 2019, GANSynth, section 2.
    """

    def __init__(self, config: PolarConfig) -> None:
        self.log_mag, self.ifreq, self.offset = config.log_mag, config.ifreq, config.offset

    def encode(self, spectrum: Tensor) -> Tensor:
        """Complex (B, F, T) -> real (B, 2, F, T)."""
        spectrum = spectrum + 0  # the -0 of silence, whose angle is pi, becomes 0
        magnitude, phase = spectrum.abs(), spectrum.angle()
        return torch.stack(
            (
                torch.log(magnitude + self.offset) if self.log_mag else magnitude,
                instantaneous_frequency(phase) if self.ifreq else phase,
            ),
            dim=1,
        )

    def decode(self, image: Tensor) -> Tensor:
        """Real (B, 2, F, T) -> complex (B, F, T). Magnitudes below zero, which a generator may make, count as zero."""
        first, second = image.unbind(dim=1)
        linear = torch.exp(first.clamp(max=_LARGEST_LOG)) - self.offset if self.log_mag else first
        magnitude = linear.clamp(min=0)
        phase = integrate_frequency(second) if self.ifreq else second
        return torch.polar(magnitude, phase.to(magnitude.dtype))


def instantaneous_frequency(phase: Tensor) -> Tensor:
    """Phase advance per frame: (*, F, T) in radians -> (*, F, T) in [-1, 1), in units of pi radians per frame.

    The first frame keeps its own phase, so that `integrate_frequency` restores `phase` modulo one turn.
    Source: Engel et al. 2019, GANSynth, section 2.

    >>> instantaneous_frequency(torch.tensor([[0.0, torch.pi / 2, torch.pi]]))
    tensor([[0.0000, 0.5000, 0.5000]])
    """
    advance = torch.diff(phase, dim=-1, prepend=torch.zeros_like(phase[..., :1])) / math.pi
    # wrapping the difference rather than unwrapping the phase keeps rounding from growing along the frames
    return advance - 2 * torch.floor((advance + 1) / 2)


def integrate_frequency(frequency: Tensor) -> Tensor:
    """Inverse of `instantaneous_frequency`, modulo one turn: (*, F, T) in pi radians per frame -> radians.

    Summed in float64 and brought back to one turn, since errors of a running sum integrate.
    """
    wide = frequency if frequency.device.type == "mps" else frequency.double()  # Apple's devices have no float64
    turns = torch.cumsum(wide, dim=-1) / 2
    return (2 * math.pi * (turns - torch.round(turns))).to(frequency.dtype)
