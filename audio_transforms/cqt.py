"""Constant-Q transform as two channels: log-magnitude, and phase raw or as instantaneous frequency."""

from pydantic import Field
from torch import Tensor

from audio_transforms.base import AudioTransform, register_transform
from audio_transforms.constant_q import ConstantQ, ConstantQGrid
from audio_transforms.frames import HopsConfig
from audio_transforms.polar import Polar, PolarConfig

_C1 = 32.70319566257483  # Hz
_MAX_BINS = 1000
_MAX_PADDED = 2**22  # samples of each note
_MAX_ENTRIES = 2**24  # of the inverse: 256 MiB in float64, and about four times that while it is computed


class CQTConfig(HopsConfig, PolarConfig):
    """Keys of the constant-Q transform. The defaults are the published ones."""

    n_bins: int = Field(84, alias="n_cqt", ge=1, le=_MAX_BINS, description="frequency bins")
    bins_per_octave: int = Field(12, ge=1, le=_MAX_BINS, description="frequency bins per octave")
    fmin: float = Field(_C1, ge=1e-3, le=1e6, description="frequency of the lowest bin, Hz")

    @property
    def grid(self) -> ConstantQGrid:
        """Bins and frames of the transform."""
        return ConstantQGrid(
            sample_rate=self.sample_rate,
            n_samples=self.n_samples,
            hop_length=self.hop_length,
            n_bins=self.n_bins,
            bins_per_octave=self.bins_per_octave,
            fmin=self.fmin,
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(2, n_bins, frames)."""
        return 2, self.n_bins, self.grid.n_frames

    def conflicts(self) -> list[str]:
        """Bins above half the sample rate, and sizes out of bounds."""
        faults = super().conflicts()
        grid = self.grid
        if grid.most_bins < self.n_bins:
            remedy = f"at most n_cqt={grid.most_bins}" if grid.most_bins > 0 else "lower fmin"
            faults.append(
                f"n_cqt={self.n_bins} with bins_per_octave={self.bins_per_octave} and fmin={self.fmin:g} reaches "
                f"{grid.highest:.0f} Hz, above half of sample_rate={self.sample_rate}: {remedy}"
            )
        elif self.n_samples < self.hop_length:
            faults.append(
                f"hop_size={self.hop_length} is longer than the {self.n_samples} samples (n_frames={self.n_frames}, "
                f"audio_length={self.audio_length})"
            )
        elif not faults and grid.padded_samples > _MAX_PADDED:
            faults.append(
                f"fmin={self.fmin:g} with bins_per_octave={self.bins_per_octave} and hop_size={self.hop_length} makes "
                f"transforms of {grid.padded_samples} samples, at most {_MAX_PADDED}: take a higher fmin, a shorter "
                "audio_length, or a power of two as hop_size"
            )
        elif not faults and grid.n_entries > _MAX_ENTRIES:
            faults.append(
                f"n_cqt={self.n_bins} with {self.n_samples} samples makes an array of {grid.n_entries} numbers, at "
                f"most {_MAX_ENTRIES}: take fewer bins, a higher fmin, a shorter audio_length, or a power of two as "
                "hop_size"
            )
        return faults


@register_transform("cqt", CQTConfig)
class CQT(AudioTransform):
    """Polar form of the constant-Q transform: (B, n_samples) <-> (B, 2, n_bins, frames); channels as `Polar`'s."""

    exact = False

    def __init__(self, config: CQTConfig) -> None:
        super().__init__(shape=config.image_shape, n_samples=config.n_samples, sample_rate=config.sample_rate)
        self.constant_q, self.polar = ConstantQ(config.grid), Polar(config)

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, 2, n_bins, frames)."""
        return self.polar.encode(self.constant_q(self.require_wave(wave)))

    def inverse(self, image: Tensor) -> Tensor:
        """(B, 2, n_bins, frames) -> (B, n_samples)."""
        return self.constant_q.inverse(self.polar.decode(self.require_image(image)))
