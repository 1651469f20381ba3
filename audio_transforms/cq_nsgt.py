"""Magnitude and phase of a constant-Q non-stationary Gabor transform, with an exact inverse."""

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from audio_transforms.base import AudioTransform, in_parts, register_transform
from audio_transforms.nsgt import NSGT, Bands, Scale, Windows, design_bands
from audio_transforms.polar import Polar, PolarConfig

_MAX_HERTZ = 384_000
_MAX_VALUES = 2**26  # of an image
_MAX_TABLE = 2**24  # entries of the table of windows over each bin of the spectrum, 24 bytes each
_LEAST_ENERGY = 1e-12  # of the windows on a bin: with less, the inverse multiplies rounding errors by a million


class CQNSGTConfig(PolarConfig):
    """Keys of the constant-Q non-stationary Gabor transform."""

    nsgt_scale: Scale = Field(
        "log", description="spacing of the bands: log, lin, mel, or oct, which is log with n_bins in each octave"
    )
    fmin: float = Field(20.0, ge=0.1, le=_MAX_HERTZ, description="Hz; the lowest band after the one at 0 Hz")
    fmax: float | None = Field(
        None,
        gt=0,
        le=_MAX_HERTZ,
        description="Hz; the highest band before the one at half the sample rate; null: half the sample rate, as "
        "published, where the inverse enlarges the faults of an image just below; one band's width lower it does not",
    )
    n_bins: int = Field(96, ge=2, le=2**14, description="bands from fmin to fmax; with nsgt_scale oct, per octave")
    real: bool = Field(
        False,
        description="false: the bands of negative frequencies too, as published; true: half the image, which says as "
        "much of a real signal",
    )
    matrix_form: Literal[True] = Field(True, description="as many coefficients in each band, which make an image")
    fold_cqt: bool = Field(
        False, description="the upper half of the bands, from the highest down, become channels beside the lower half"
    )

    @property
    def highest(self) -> float:
        """Frequency in Hz of the highest band before the one at half the sample rate."""
        return self.sample_rate / 2 if self.fmax is None else self.fmax

    @property
    def bands(self) -> Bands:
        """Bands from 0 Hz to half the sample rate."""
        return design_bands(
            self.nsgt_scale,
            fmin=self.fmin,
            fmax=self.highest,
            n_bins=self.n_bins,
            sample_rate=self.sample_rate,
            n_samples=self.n_samples,
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(2, rows, frames), or (4, rows / 2, frames) if folded."""
        bands = self.bands
        rows = bands.n_bands if self.real else 2 * bands.n_bands - 2
        return (4, rows // 2, bands.n_frames) if self.fold_cqt else (2, rows, bands.n_frames)

    def conflicts(self) -> list[str]:
        """Frequencies out of order, bands that cannot be inverted or folded, images that are too large."""
        faults = super().conflicts()
        if self.highest > self.sample_rate / 2:
            return [*faults, f"fmax={self.highest:g} must not exceed half of sample_rate={self.sample_rate}"]
        if self.fmin >= self.highest:
            return [*faults, f"fmin={self.fmin:g} must be below fmax={self.highest:g}; lower fmin or raise fmax"]
        return faults + self._faults_of_bands()

    def _faults_of_bands(self) -> list[str]:
        given = (
            f"nsgt_scale={self.nsgt_scale}, n_bins={self.n_bins}, fmin={self.fmin:g}, fmax={self.highest:g} with "
            f"audio_length={self.audio_length}"
        )
        bands = self.bands
        values = math.prod(self.image_shape)
        if values > _MAX_VALUES:
            return [f"{given} makes images of {values} values, at most {_MAX_VALUES}; lower audio_length or n_bins"]
        windows = Windows(bands)
        if windows.overlap * len(windows.energy) > _MAX_TABLE:
            return [f"{given} puts {windows.overlap} bands on one bin of the spectrum; lower n_bins or raise fmin"]
        faults = []
        if windows.energy.min() < _LEAST_ENERGY:
            hertz = windows.energy.argmin() * self.sample_rate / self.n_samples
            faults.append(
                f"{given} hardly covers {hertz:.6g} Hz, so nothing can be inverted; change fmax, raise n_bins"
            )
        if self.fold_cqt and self.real and bands.n_bands % 2:
            faults.append(
                f"fold_cqt=true halves an even number of bands, not {bands.n_bands}; change n_bins={self.n_bins}"
            )
        return faults


@register_transform("cq-nsgt", CQNSGTConfig, aliases=("cq_nsgt",))
class CQNSGT(AudioTransform):
    """Magnitude and phase of an `NSGT`: (B, n_samples) <-> (B, 2, rows, frames); channels as `Polar`'s.

    Rows ascend from 0 Hz to half the sample rate. Unless `real`, those of the negative frequencies follow, from the
    highest to the lowest: for a waveform, they have the same magnitudes and negated phases. With `fold_cqt` the
    image is `fold`ed: (B, 4, rows / 2, frames). Frames are n_samples / frames samples apart.
    Source: Nistal, Lattner and Richard, "Comparing representations for audio synthesis using generative adversarial
    networks", EUSIPCO 2020, section 3.
    """

    @property
    def exact(self) -> bool:
        """Whether no phase is faded."""
        return not self.polar.floor

    def __init__(self, config: CQNSGTConfig) -> None:
        bands = config.bands
        super().__init__(shape=config.image_shape, n_samples=config.n_samples, sample_rate=config.sample_rate)
        self.real, self.folded = config.real, config.fold_cqt
        self.nsgt, self.polar = NSGT(bands), Polar(config)

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, *shape)."""
        return in_parts(self._encode, self.require_wave(wave), self._numbers_per_note)

    def inverse(self, image: Tensor) -> Tensor:
        """(B, *shape) -> (B, n_samples). Bands and their mirrors are averaged where they differ."""
        return in_parts(self._decode, self.require_image(image), self._numbers_per_note)

    def _encode(self, wave: Tensor) -> Tensor:
        image = self.polar.encode(self.nsgt(wave))
        image = image if self.real else append_mirrors(image)
        return fold(image) if self.folded else image

    def _decode(self, image: Tensor) -> Tensor:
        coefficients = self.polar.decode(unfold(image) if self.folded else image)
        return self.nsgt.inverse(coefficients if self.real else merge_mirrors(coefficients))

    @property
    def _numbers_per_note(self) -> int:
        return self.nsgt.n_bands * self.nsgt.n_frames


def append_mirrors(image: Tensor) -> Tensor:
    """Magnitude and phase of n bands (B, 2, n, T) -> with those of the negative frequencies (B, 2, 2 n - 2, T)."""
    mirrors = image[:, :, 1:-1].flip(2)
    mirrors[:, 1].neg_()
    return torch.cat((image, mirrors), dim=2)


def merge_mirrors(coefficients: Tensor) -> Tensor:
    """Complex bands with those of the negative frequencies (B, 2 n - 2, T) -> the n bands of the real part's signal."""
    n_bands = coefficients.shape[1] // 2 + 1
    bands = coefficients[:, :n_bands].clone()
    bands[:, 1:-1] += coefficients[:, n_bands:].flip(1).conj()
    bands[:, 1:-1] *= 0.5  # dividing complex numbers by 2 takes four times as long
    return bands


def fold(image: Tensor) -> Tensor:
    """(B, C, F, T) -> (B, 2 C, F / 2, T): the lower half of each channel, then its upper half in reverse order of rows.

    The published code also reversed the upper half in time, by mistake.
    """
    lower, upper = image.chunk(2, dim=2)
    return torch.stack((lower, upper.flip(2)), dim=2).flatten(1, 2)


def unfold(image: Tensor) -> Tensor:
    """Inverse of `fold`."""
    return torch.cat((image[:, ::2], image[:, 1::2].flip(2)), dim=2)
