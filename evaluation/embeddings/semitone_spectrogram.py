"""Spectrogram on a logarithmic frequency axis: the input of the note classifier.

Low notes need long windows to tell semitones apart, high ones short windows to show how a sound moves. So three STFTs
are read at the same instants, each where its resolution serves, and cross-faded over one octave. As in the constant-Q
transform (Brown 1991) a transposition is a shift along frequency; unlike it, all is plain FFTs and one small product.
"""

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from audio_transforms.constants import Constant

SAMPLE_RATE = 16_000  # Hz
HOP_LENGTH = 512
BINS_PER_SEMITONE = 3
N_BINS = 296
LOWEST_PITCH = 21  # MIDI; bin 1, the middle one of the first semitone
FLOOR_DB = 80.0  # below the loudest bin of the note

_BINS_PER_OCTAVE = 12 * BINS_PER_SEMITONE
_WINDOWS = (8192, 4096, 2048)
_CROSSFADES_HZ = (500.0, 1500.0)  # centres, between one window and the next shorter one
_SILENCE = 1e-5  # amplitude, full scale 1: below 16-bit rounding spread over the bins


class SemitoneSpectrogram:
    """Waves at 16 kHz -> levels per third of a semitone from MIDI 20.67 to 119 (27 Hz to 7.9 kHz)."""

    def __init__(self) -> None:
        self._readings = [_Reading(size, filters) for size, filters in zip(_WINDOWS, _filters(), strict=True)]

    def __call__(self, waves: Tensor) -> Tensor:
        """Waves (B, n) -> levels (B, ceil(n / 512), 296), from 0 (80 dB below the note's loudest, or less) to 2.

        A silent note is 2 throughout, since it has no bin below its loudest one.
        """
        frames = math.ceil(waves.shape[-1] / HOP_LENGTH)
        reach = max(_WINDOWS) // 2
        padded = F.pad(waves, (reach, reach + frames * HOP_LENGTH - waves.shape[-1]))
        amplitude = torch.stack([reading.amplitude(padded, frames) for reading in self._readings]).sum(0)
        decibels = 20 * torch.log10(amplitude + _SILENCE)
        below = (decibels - decibels.amax((1, 2), keepdim=True)).clamp_min(-FLOOR_DB)
        return 2 + below * (2 / FLOOR_DB)


def transposed(levels: Tensor, semitones: Tensor) -> Tensor:
    """Levels (B, frames, 296) moved by `semitones` (B,) int64 along frequency; bins moved in from outside are 0."""
    bins = torch.arange(N_BINS, device=levels.device)
    source = bins - BINS_PER_SEMITONE * semitones[:, None]
    inside = (source >= 0) & (source < N_BINS)
    index = source.clamp(0, N_BINS - 1)[:, None].expand(-1, levels.shape[1], -1)
    return levels.gather(2, index) * inside[:, None]


class _Reading:
    """One of the STFTs, with the weights of its bins in those of the spectrogram."""

    def __init__(self, size: int, filters: npt.NDArray[np.float64]) -> None:
        self.size = size
        used = np.flatnonzero(filters.any(1))
        self.bins = slice(int(used[0]), int(used[-1]) + 1)
        self.window = Constant(np.hanning(size + 1)[:-1] / (size / 4))  # a full-scale sinusoid reads 1
        self.filters = Constant(filters[self.bins])

    def amplitude(self, padded: Tensor, frames: int) -> Tensor:
        """Padded waves -> amplitudes (B, frames, 296) around sample 0, 512, ..."""
        start = (max(_WINDOWS) - self.size) // 2
        part = padded[:, start : start + (frames - 1) * HOP_LENGTH + self.size]
        window = self.window.like(padded)
        spectrum = torch.stft(part, self.size, HOP_LENGTH, window=window, center=False, return_complex=True)
        return spectrum[:, self.bins].abs().transpose(1, 2) @ self.filters.like(padded)


def _filters() -> list[npt.NDArray[np.float64]]:
    """For each window, the weights of its FFT bins in the bins of the spectrogram: (n_fft / 2 + 1, 296)."""
    centres = 440 * 2 ** ((LOWEST_PITCH - 1 / BINS_PER_SEMITONE + np.arange(N_BINS) / BINS_PER_SEMITONE - 69) / 12)
    above = [np.clip(np.log2(centres / crossfade) + 0.5, 0, 1) for crossfade in _CROSSFADES_HZ]
    shares = (1 - above[0], above[0] - above[1], above[1])
    return [_triangles(size, centres) * share for size, share in zip(_WINDOWS, shares, strict=True)]


def _triangles(n_fft: int, centres: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Triangular filters around `centres` that sum to 1, as wide as a bin of either axis: (n_fft / 2 + 1, 296)."""
    spacing = SAMPLE_RATE / n_fft
    frequencies = np.arange(n_fft // 2 + 1) * spacing
    half_widths = np.maximum(centres * (2 ** (1 / _BINS_PER_OCTAVE) - 1), spacing)
    filters = np.maximum(0, 1 - np.abs(frequencies[:, None] - centres) / half_widths)
    return np.asarray(filters / filters.sum(0))
