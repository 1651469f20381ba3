"""Magnitudes, linear or logarithmic; and complex coefficients as two real channels, magnitude and phase."""

import math

import torch
from pydantic import Field
from torch import Tensor

from utils.config import TransformConfig
from utils.device import has_float64

_LARGEST_LOG = 60.0  # a generator may exceed it, and float32 would overflow


class LogMagnitudeConfig(TransformConfig):
    """Keys of the representations that hold magnitudes."""

    log_mag: bool = Field(True, description="logarithm of the magnitude; false: the magnitude itself")
    log_offset: float | None = Field(
        None,
        gt=0,
        le=1,
        description="added before the logarithm; null: 1e-10 as published, 1e-6 under gansynth scaling",
    )

    @property
    def offset(self) -> float:
        """The constant added to the magnitude before its logarithm."""
        default = 1e-6 if self.scaling == "gansynth" else 1e-10
        return default if self.log_offset is None else self.log_offset

    def conflicts(self) -> list[str]:
        """A scaling that does not fit the values."""
        faults = super().conflicts()
        if self.scaling == "gansynth" and not self.log_mag:
            faults.append("scaling=gansynth is made for logarithmic magnitudes; set log_mag to true or scaling to fit")
        return faults


class PolarConfig(LogMagnitudeConfig):
    """Keys of the representations by magnitude and phase."""

    ifreq: bool = Field(True, description="phase as instantaneous frequency; false: raw phase in radians")
    frequency_floor: float = Field(
        0.0,
        ge=0,
        description="magnitude below which the instantaneous frequency, there mostly noise, fades to 0; 0: nowhere",
    )

    def conflicts(self) -> list[str]:
        """A floor for a frequency that is not there."""
        faults = super().conflicts()
        if self.frequency_floor and not self.ifreq:
            faults.append("frequency_floor fades the instantaneous frequency; set ifreq to true or leave it out")
        return faults


class LogMagnitude:
    """The map magnitudes |S| <-> log(|S| + offset), or |S| itself, that a `LogMagnitudeConfig` describes; any shape.

    Source: Nistal et al. 2020, section 3; Engel et al. 2019, GANSynth, section 2.
    """

    def __init__(self, config: LogMagnitudeConfig) -> None:
        self.log_mag, self.offset = config.log_mag, config.offset

    def encode(self, magnitude: Tensor) -> Tensor:
        """Magnitudes -> channel."""
        return torch.log(magnitude + self.offset) if self.log_mag else magnitude

    def decode(self, channel: Tensor) -> Tensor:
        """Channel -> magnitudes. Values below zero, which a generator may make, count as zero."""
        linear = torch.exp(channel.clamp(max=_LARGEST_LOG)) - self.offset if self.log_mag else channel
        return linear.clamp(min=0)


class Polar:
    """The map complex (B, F, T) <-> real (B, 2, F, T) that a `PolarConfig` describes.

    Channel 0 is that of `LogMagnitude`. Channel 1 is the phase in radians, (-pi, pi], or with `ifreq` the
    instantaneous frequency in units of pi radians per frame, [-1, 1] (see `instantaneous_frequency`). Where the
    magnitude m is not far above `frequency_floor`, f, it is multiplied by m^2 / (m^2 + f^2), which loses its phase.
    Source: Nistal et al. 2020, section 3; Engel et al. 2019, GANSynth, section 2; the floor is ours.
    """

    def __init__(self, config: PolarConfig) -> None:
        self.magnitude, self.ifreq, self.floor = LogMagnitude(config), config.ifreq, config.frequency_floor

    def encode(self, spectrum: Tensor) -> Tensor:
        """Complex (B, F, T) -> real (B, 2, F, T)."""
        magnitude, phase = magnitude_and_phase(spectrum)
        second = instantaneous_frequency(phase) if self.ifreq else phase
        if self.floor:
            second = second * (1 - 1 / (1 + (magnitude / self.floor).square()))
        return torch.stack((self.magnitude.encode(magnitude), second), dim=1)

    def decode(self, image: Tensor) -> Tensor:
        """Real (B, 2, F, T) -> complex (B, F, T)."""
        first, second = image.unbind(dim=1)
        magnitude = self.magnitude.decode(first)
        phase = integrate_frequency(second) if self.ifreq else second
        return complex_of(magnitude, phase)


def complex_of(magnitude: Tensor, phase: Tensor) -> Tensor:
    """Modulus and angle in radians -> complex."""
    return torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase))


def magnitude_and_phase(spectrum: Tensor) -> tuple[Tensor, Tensor]:
    """Complex -> modulus, and angle in (-pi, pi]; both are 0, with gradient 0, where the number is 0."""
    # Torch's own functions of complex tensors are not vectorised; these take a third of their time. Adding 0 turns -0
    # into 0; the angle of -0 would be pi or -pi.
    real, imag = spectrum.real.contiguous() + 0, spectrum.imag.contiguous() + 0
    if spectrum.requires_grad:
        nothing = (real == 0) & (imag == 0)  # the gradients of both would be NaN there
        real = real.masked_fill(nothing, 1)
        return torch.hypot(real, imag).masked_fill(nothing, 0), torch.atan2(imag, real)
    return torch.hypot(real, imag), torch.atan2(imag, real)


def instantaneous_frequency(phase: Tensor) -> Tensor:
    """Phase advance per frame: (*, F, T) in radians -> (*, F, T) in [-1, 1], in units of pi radians per frame.

    The first frame keeps its own phase, so that `integrate_frequency` restores `phase` modulo one turn.
    Source: Engel et al. 2019, GANSynth, section 2.

    >>> instantaneous_frequency(torch.tensor([[0.0, torch.pi / 2, torch.pi]]))
    tensor([[0.0000, 0.5000, 0.5000]])
    """
    # Adding 3 rounds to a grid on which differences and their sums are exact, so that errors do not grow along the
    # frames. For the same reason the difference is wrapped, instead of unwrapping the phase.
    half_turns = (phase / math.pi).add_(3).sub_(3)
    advance = half_turns.clone()
    advance[..., 1:] -= half_turns[..., :-1]
    return advance.sub_(torch.round(advance / 2), alpha=2)


def integrate_frequency(frequency: Tensor) -> Tensor:
    """Inverse of `instantaneous_frequency`, modulo one turn: (*, F, T) in pi radians per frame -> radians.

    Summed in float64 where the device has it, and reduced to one turn, since the errors of a running sum accumulate.
    """
    wide = torch.float64 if has_float64(frequency.device) else frequency.dtype
    turns = torch.cumsum(frequency / 2, dim=-1, dtype=wide)
    return turns.sub_(turns.round()).to(frequency.dtype).mul_(2 * math.pi)
