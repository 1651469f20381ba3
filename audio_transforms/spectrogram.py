"""Complex short-time Fourier transform: the ground that several representations stand on."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from utils.config import MAX_SAMPLES, TransformConfig

_MAX_FFT = 2**20
_PUBLISHED_WIN = 1024
_LEAST_WEIGHT = 0.1  # of the window, at the last sample that is rebuilt: faults of an image grow tenfold there


class FramesConfig(TransformConfig):
    """Keys of the frames that a short-time Fourier transform looks at."""

    n_fft: int = Field(1024, alias="fft_size", ge=2, le=_MAX_FFT, description="samples per transform, even")
    win_length: int | None = Field(
        _PUBLISHED_WIN,
        alias="win_size",
        ge=2,
        le=_MAX_FFT,
        description="samples under the Hann window; not given: 1024, or fft_size if that is less; null: fft_size",
    )
    hop_length: int = Field(
        _PUBLISHED_WIN // 2,
        alias="hop_size",
        ge=1,
        le=_MAX_FFT,
        description="samples between frames; where it is not given, half the window",
    )
    n_frames: int | None = Field(
        None,
        ge=1,
        le=MAX_SAMPLES,
        description="frames; sets the audio length to n_frames * hop_size - 1; null: as many as audio_length gives",
    )

    @model_validator(mode="before")
    @classmethod
    def _follow_the_given_sizes(cls, values: Any) -> Any:
        """The published defaults, which depend on each other: a window of 1024 samples, and hops of half a window."""
        if not isinstance(values, dict):
            return values
        n_fft = values.get("fft_size", cls.model_fields["n_fft"].default)
        if not isinstance(n_fft, int) or n_fft < 2:
            return values
        values = {"win_size": min(_PUBLISHED_WIN, n_fft)} | values
        win_length = n_fft if values["win_size"] is None else values["win_size"]
        return {"hop_size": win_length // 2} | values if isinstance(win_length, int) and win_length > 1 else values

    @property
    def n_samples(self) -> int:
        """Samples that give exactly `n_frames` centred frames, else `audio_length`."""
        return self.audio_length if self.n_frames is None else self.n_frames * self.hop_length - 1

    @property
    def frames(self) -> int:
        """Frames of the centred transform of `n_samples` samples."""
        return 1 + self.n_samples // self.hop_length

    @property
    def left_out(self) -> tuple[int, int]:
        """How many bins are left out at the lowest and at the highest frequency."""
        return 0, 0

    @property
    def bins(self) -> int:
        """Frequency bins that are kept."""
        return self.n_fft // 2 + 1 - sum(self.left_out)

    def conflicts(self) -> list[str]:
        """Faults of the geometry."""
        win_length = self.win_length or self.n_fft
        faults = super().conflicts()
        if self.n_fft % 2:
            faults.append(f"fft_size={self.n_fft} must be even")
        if win_length > self.n_fft:
            faults.append(f"win_size={win_length} must not exceed fft_size={self.n_fft}")
        if self.hop_length > win_length // 2:
            faults.append(
                f"hop_size={self.hop_length} must not exceed half of win_size={win_length}: frames would not overlap "
                "enough to be inverted"
            )
        if self.n_samples <= self.n_fft // 2:
            faults.append(
                f"fft_size={self.n_fft} is too long for {self.n_samples} samples (n_frames={self.n_frames}, hop_size="
                f"{self.hop_length}, audio_length={self.audio_length}): needs more than {self.n_fft // 2}"
            )
        if self.n_samples > MAX_SAMPLES:
            faults.append(
                f"n_frames={self.n_frames} with hop_size={self.hop_length} makes {self.n_samples} samples; at most "
                f"{MAX_SAMPLES}"
            )
        return faults


class SpectrogramConfig(FramesConfig):
    """Keys of the representations whose image has the bins of a short-time Fourier transform."""

    keep_dc: bool = Field(False, description="keep the lowest bin, 0 Hz")
    keep_nyquist: bool = Field(True, description="keep the highest bin, half the sample rate")

    @property
    def left_out(self) -> tuple[int, int]:
        """How many bins are left out at the lowest and at the highest frequency."""
        return int(not self.keep_dc), int(not self.keep_nyquist)

    def conflicts(self) -> list[str]:
        """Faults of the geometry, and no bin left."""
        faults = super().conflicts()
        if self.bins < 1:
            faults.append(f"fft_size={self.n_fft} leaves no bin; keep_dc or keep_nyquist must be true")
        return faults


class Spectrogram(nn.Module):
    """Centred STFT with a periodic Hann window and reflection at the ends, of the kept bins alone.

    `forward`: real (B, n_samples) -> complex (B, bins, frames). `inverse`: back to exactly `n_samples` samples, by
    least squares (windowed overlap-add over the summed squared window), with zeros in the bins left out.
    Where hops are so long that the last samples lie under less than a tenth of the last window, these are silent.
    The published code padded by reflection too (librosa 0.7); zeros there change the first and last frames entirely.
    """

    def __init__(self, config: FramesConfig) -> None:
        super().__init__()
        self.n_fft, self.hop_length, self.n_samples = config.n_fft, config.hop_length, config.n_samples
        self.win_length = config.win_length or config.n_fft
        last_centre = (config.frames - 1) * self.hop_length
        reach = int(self.win_length * math.acos(math.sqrt(_LEAST_WEIGHT)) / math.pi)
        self.n_rebuilt = min(self.n_samples, last_centre + reach + 1)
        self.left_out = config.left_out

    def forward(self, wave: Tensor) -> Tensor:
        """Real (B, n_samples) -> complex (B, bins, frames)."""
        spectrum = torch.stft(
            wave,
            self.n_fft,
            hop_length=self.hop_length,
            win_length=self.win_length,
            window=self._window(wave),
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return spectrum[:, self.left_out[0] : spectrum.shape[1] - self.left_out[1]]

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Complex (B, bins, frames) -> real (B, n_samples)."""
        wave = torch.istft(
            F.pad(spectrum, (0, 0, *self.left_out)),
            self.n_fft,
            hop_length=self.hop_length,
            win_length=self.win_length,
            window=self._window(spectrum.real),
            center=True,
            length=self.n_rebuilt,
        )
        return F.pad(wave, (0, self.n_samples - self.n_rebuilt))

    @property
    def exact(self) -> bool:
        """Whether every sample is rebuilt."""
        return self.n_rebuilt == self.n_samples

    def support(self) -> Tensor:
        """Summed squared window under each sample, relative to its least value amid the frames: float64 (n_samples,).

        It falls to nearly 0 behind the centre of the last frame, where published code ended the sound.
        """
        window = torch.hann_window(self.win_length, periodic=True, dtype=torch.float64)
        margin = self.n_fft - self.win_length
        energy = F.pad(window.square(), (margin // 2, margin - margin // 2))
        frames = 1 + self.n_samples // self.hop_length
        total = energy.new_zeros(self.n_fft + (frames - 1) * self.hop_length)
        for start in range(0, frames * self.hop_length, self.hop_length):
            total[start : start + self.n_fft] += energy
        amid = F.pad(energy, (0, -self.n_fft % self.hop_length)).view(-1, self.hop_length).sum(dim=0).min()
        return (total[self.n_fft // 2 :][: self.n_samples] / amid).clamp(max=1)

    def _window(self, like: Tensor) -> Tensor:
        # made where it is used: no buffer could serve float64 signals and devices that lack float64
        return torch.hann_window(self.win_length, periodic=True, dtype=like.dtype, device=like.device)
