"""The input of VGGish: log-mel examples of 0.96 s, and the two published ways to cut a clip into them."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audio_transforms.constants import Constant
from utils.arrays import Float64Array
from utils.device import has_float64
from utils.errors import DataError

SAMPLE_RATE = 16_000
WIN_LENGTH = 400  # 25 ms
HOP_LENGTH = 160  # 10 ms
N_FFT = 512
N_MELS = 64
LOWEST_HZ, HIGHEST_HZ = 125.0, 7500.0
LOG_OFFSET = 0.01
EXAMPLE_FRAMES = 96
EXAMPLE_SAMPLES = WIN_LENGTH + (EXAMPLE_FRAMES - 1) * HOP_LENGTH  # 15 600


@dataclass(frozen=True)
class Windowing:
    """How a clip becomes examples: one for every `length` samples, `hop` samples apart; a shorter rest is dropped.

    An example is the first 0.96 s of its window. Where `level_floor` is given, the clip is first divided by its
    largest sample, or by `level_floor` if that is larger.
    """

    length: int
    hop: int
    level_floor: float | None = None

    def count(self, n_samples: int) -> int:
        """Examples of a clip of `n_samples` at 16 kHz; 0 if it is shorter than one window."""
        return max(0, 1 + (n_samples - self.length) // self.hop)


VGGISH = Windowing(length=EXAMPLE_SAMPLES, hop=EXAMPLE_FRAMES * HOP_LENGTH)
"""The original VGGish: examples without overlap, at the level the clip has."""

GOOGLE = Windowing(length=SAMPLE_RATE, hop=SAMPLE_RATE // 2, level_floor=0.1)
"""google-research's Frechet audio distance (Kilgour et al. 2019): windows of 1 s every 0.5 s, level adjusted.

The level is that of the largest sample, not of the largest modulus: as published, a clip may end up beyond -1.
"""


class LogMel(nn.Module):
    """Waveforms (B, n_samples) at 16 kHz in [-1, 1] -> (B, frames, 64), log(mel + 0.01), in the precision of the wave.

    Magnitudes, not powers, under Hann windows of 25 ms every 10 ms, without padding: 1 + (n_samples - 400) // 160
    frames. Source: Hershey et al. 2017, section 3, and the release.
    """

    def __init__(self) -> None:
        super().__init__()
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WIN_LENGTH) / WIN_LENGTH)
        self._window, self._weights = Constant(hann), Constant(_mel_weights())

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, frames, 64). Raises: ValueError below 400 samples."""
        if wave.ndim != 2 or wave.shape[1] < WIN_LENGTH:
            raise ValueError(f"wave must be (B, n_samples) with n_samples >= {WIN_LENGTH}, not {tuple(wave.shape)}")
        # In float64, as the original: in float32, quiet bands beside a loud one would be off by up to 4e-4, since
        # rounding at the loud one's level is not small against the offset. The CPU does it for devices without.
        precise = wave.double() if has_float64(wave.device) else wave.cpu().double()
        frames = precise.unfold(1, WIN_LENGTH, HOP_LENGTH) * self._window.like(precise)
        magnitude = torch.fft.rfft(frames, n=N_FFT).abs()
        return torch.log(magnitude @ self._weights.like(precise) + LOG_OFFSET).to(wave)


class VGGishExamples(nn.Module):
    """Waveforms (B, n_samples) at 16 kHz in [-1, 1] -> log-mel examples (B, n, 96, 64), as many as `windowing` counts.

    Clips shorter than one window have no example in the original, and are silently missing from its distance:
    here they raise DataError, or, with `pad`, are continued by silence to one window.
    """

    def __init__(self, windowing: Windowing, *, pad: bool = False) -> None:
        super().__init__()
        self.windowing, self.pad, self.log_mel = windowing, pad, LogMel()

    def forward(self, wave: Tensor) -> Tensor:
        """(B, n_samples) -> (B, n, 96, 64). Raises: DataError if clips are too short and not to be padded."""
        lacking = self.windowing.length - wave.shape[1]
        if lacking > 0 and not self.pad:
            raise DataError(
                f"clips of {wave.shape[1]} samples are too short for VGGish, which takes {self.windowing.length} at "
                "16 kHz; pad them with silence or leave them out"
            )
        if self.windowing.level_floor is not None:
            wave = wave / wave.amax(dim=1, keepdim=True).clamp(min=self.windowing.level_floor)
        log_mel = self.log_mel(F.pad(wave, (0, max(0, lacking))))
        # windows start on frames, so that each frame is computed once, however many windows share it
        windows: Tensor = log_mel.unfold(1, EXAMPLE_FRAMES, self.windowing.hop // HOP_LENGTH)
        return windows[:, : max(1, self.windowing.count(wave.shape[1]))].transpose(2, 3)


def _mel_weights() -> Float64Array:
    """Weights (257, 64) of the bins in each band: triangles over mel, m = 1127 ln(1 + f / 700), above 0 Hz."""
    mels = _hz_to_mel(np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1))[:, None]
    lowest, highest = _hz_to_mel(np.array([LOWEST_HZ, HIGHEST_HZ]))
    corners = np.linspace(lowest, highest, N_MELS + 2)
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    triangles: Float64Array = np.minimum((mels - low) / (centre - low), (high - mels) / (high - centre))
    return np.maximum(triangles, 0)


def _hz_to_mel(hertz: Float64Array) -> Float64Array:
    return 1127 * np.log1p(hertz / 700)
