"""Windowed frames of a signal, and the signal by overlap-add of frames."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from audio_transforms.constants import Constant
from utils.config import MAX_SAMPLES, TransformConfig

_MAX_FFT = 2**20
_PUBLISHED_WIN = 1024
_LEAST_WEIGHT = 0.1  # of the window, at the last sample that is rebuilt: errors of an image grow tenfold there


class HopsConfig(TransformConfig):
    """Keys of the representations with frames at a regular hop."""

    hop_length: int = Field(
        _PUBLISHED_WIN // 2, alias="hop_size", ge=1, le=_MAX_FFT, description="samples between frames"
    )
    n_frames: int | None = Field(
        None,
        ge=1,
        le=MAX_SAMPLES,
        description="frames; sets the audio length to n_frames * hop_size - 1; null: as many as audio_length gives",
    )

    @property
    def n_samples(self) -> int:
        """Samples that give exactly `n_frames` centred frames, else `audio_length`."""
        return self.audio_length if self.n_frames is None else self.n_frames * self.hop_length - 1

    @property
    def frames(self) -> int:
        """Centred frames of `n_samples` samples."""
        return 1 + self.n_samples // self.hop_length

    def conflicts(self) -> list[str]:
        """More samples than allowed."""
        faults = super().conflicts()
        if self.n_samples > MAX_SAMPLES:
            faults.append(
                f"n_frames={self.n_frames} with hop_size={self.hop_length} makes {self.n_samples} samples; at most "
                f"{MAX_SAMPLES}"
            )
        return faults


class FramesConfig(HopsConfig):
    """Keys of the frames of a short-time Fourier transform."""

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

    @model_validator(mode="before")
    @classmethod
    def _follow_the_given_sizes(cls, values: Any) -> Any:
        """The published defaults, which depend on each other: a window of 1024 samples, a hop of half a window."""
        if not isinstance(values, dict):
            return values
        n_fft = values.get("fft_size", cls.model_fields["n_fft"].default)
        if not isinstance(n_fft, int) or n_fft < 2:
            return values
        values = {"win_size": min(_PUBLISHED_WIN, n_fft)} | values
        win_length = n_fft if values["win_size"] is None else values["win_size"]
        return {"hop_size": win_length // 2} | values if isinstance(win_length, int) and win_length > 1 else values

    @property
    def left_out(self) -> tuple[int, int]:
        """How many bins the image leaves out at the lowest and at the highest frequency."""
        return 0, 0

    @property
    def bins(self) -> int:
        """Frequency bins that are kept."""
        return self.n_fft // 2 + 1 - sum(self.left_out)

    def conflicts(self) -> list[str]:
        """Faults of the sizes."""
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
        return faults


class Frames:
    """Frames of `win_length` samples, `hop_length` apart, centred on samples 0, hop_length, ... of the signal.

    The window is a periodic Hann; the signal is reflected at its ends. The published code padded by reflection too
    (librosa 0.7); zeros there change the first and last frames entirely.
    """

    def __init__(self, config: FramesConfig) -> None:
        self.n_samples, self.hop_length, self.n_frames = config.n_samples, config.hop_length, config.frames
        self.win_length = config.win_length or config.n_fft
        self.offset = (config.n_fft - self.win_length) // 2  # of the window in the frame that is transformed
        self.lead = config.n_fft // 2 - self.offset  # samples of the first window that lie before the signal
        window = torch.hann_window(self.win_length, periodic=True, dtype=torch.float64)
        weight = overlap_add(window.square().expand(1, self.n_frames, -1), self.hop_length)[0]
        self.window = Constant(window.numpy())
        self._weight = weight[self.lead : self.lead + self.n_samples].numpy()
        # with a hop of half a window, only the edge of the last window covers the last samples
        reach = int(self.win_length * math.acos(math.sqrt(_LEAST_WEIGHT)) / math.pi)
        self.n_rebuilt = min(self.n_samples, (self.n_frames - 1) * self.hop_length + reach + 1)
        self.rebuild = Constant((1 / self._weight)[: self.n_rebuilt])

    def cut(self, wave: Tensor) -> Tensor:
        """Real (B, n_samples) -> windowed frames (B, n_frames, win_length)."""
        after = (self.n_frames - 1) * self.hop_length + self.win_length - self.lead - self.n_samples
        padded = F.pad(wave[:, None], (self.lead, after), mode="reflect")[:, 0]
        return padded.unfold(-1, self.win_length, self.hop_length) * self.window.like(wave)

    def join(self, frames: Tensor) -> Tensor:
        """Frames (B, n_frames, win_length) -> the signal (B, n_samples) whose windowed frames are closest to them.

        It is the windowed overlap-add over the summed squared window (Griffin and Lim 1984, eq. 6).
        """
        wave = overlap_add(frames * self.window.like(frames), self.hop_length)
        wave = wave[:, self.lead : self.lead + self.n_rebuilt] * self.rebuild.like(wave)
        return F.pad(wave, (0, self.n_samples - self.n_rebuilt))

    def support(self) -> Tensor:
        """Summed squared windows at each sample, relative to the least sum inside: float64 (n_samples,), at most 1.

        It falls to nearly 0 after the centre of the last frame, where the published code ended the sound.
        """
        energy = F.pad(torch.from_numpy(self.window.array).square(), (0, -self.win_length % self.hop_length))
        amid = energy.view(-1, self.hop_length).sum(dim=0).min()
        return (torch.from_numpy(self._weight) / amid).clamp(max=1)


def overlap_add(frames: Tensor, hop_length: int) -> Tensor:
    """Frames (B, n_frames, win_length), `hop_length` apart -> their sum (B, samples), up to the end of a hop."""
    size, n_frames, win_length = frames.shape
    per_frame = -(-win_length // hop_length)
    lacking = per_frame * hop_length - win_length
    whole = F.pad(frames, (0, lacking)) if lacking else frames  # F.pad by 0 would copy
    hops = whole.reshape(size, n_frames, per_frame, hop_length)
    wave = hops.new_zeros(size, n_frames + per_frame - 1, hop_length)
    for part in range(per_frame):
        wave[:, part : part + n_frames] += hops[:, :, part]
    return wave.flatten(1)
