"""A wave read at any positions, between its samples too: at another speed it has another pitch.

Source: J. O. Smith, Digital Audio Resampling Home Page: band-limited interpolation by a windowed sinc. soxr, which the
files are resampled by, has one ratio for a whole wave; here the ratio may glide.
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from generation.synthesis import Wave, edge_window
from utils.arrays import Float64Array

HALF_WIDTH = 64
"""Samples on each side of a position, that the kernel hears; wider by the ratio where the wave is read faster."""

_BETA = 9.0  # of the Kaiser window: 90 dB of attenuation
_TRANSITION = 0.045  # of the sample rate, what that takes with 128 samples: 7.3 kHz pass at 16 kHz
_PHASES = 512  # linearly interpolated between, with an error of -105 dB
_STEPS_PER_OCTAVE = 24  # of the cut-off, so that few kernels serve all ratios
_AT_ONCE = 2**16  # products


def at_ratio(wave: Wave, ratio: float, sample_rate: int) -> Wave:
    """The generated note `wave` (n,) read `ratio` times as fast, into n samples; itself at ratio 1.

    A faster one is over before the end, and silence follows. A slower one is cut there, and falls to silence over the
    last 10 ms, as `edge_window` does.
    """
    if ratio == 1:
        return wave
    read = read_at(wave.astype(np.float64), np.arange(len(wave), dtype=np.float64) * ratio, ratio)
    if ratio < 1:
        half = len(wave) // 2
        read[half:] *= edge_window(len(wave), sample_rate)[half:]
    return read.astype(np.float32)


def read_at(source: Float64Array, positions: Float64Array, ratio: float) -> Float64Array:
    """`source` (n,) at `positions` (m,) in samples, which advance by at most `ratio`: (m,).

    Before its beginning and after its end it is silent. Frequencies that would fold at `ratio` are taken out. Each
    sample depends on its own position only, not on the others beside it, to the last bit.
    """
    rows, reach = _kernels(_step_of(ratio))
    padded = np.pad(source, reach + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach)
    read, step = np.zeros(len(positions)), max(_AT_ONCE // (2 * reach), 1)
    for first in range(0, len(positions), step):
        read[first : first + step] = _read_some(windows, rows, reach, positions[first : first + step])
    return read


def reach_of(ratio: float) -> int:
    """Samples on each side of a position that `read_at` hears at `ratio`."""
    return _reach(_step_of(ratio))


def _step_of(ratio: float) -> int:
    """Quarter tones from 1 to `ratio`, rounded up; 0 where it is lower."""
    return max(math.ceil(_STEPS_PER_OCTAVE * math.log2(ratio) - 1e-9), 0)


def _reach(step: int) -> int:
    return math.ceil(HALF_WIDTH * 2 ** (step / _STEPS_PER_OCTAVE))


def _read_some(
    windows: npt.NDArray[np.float64], rows: Float64Array, reach: int, positions: Float64Array
) -> Float64Array:
    last = len(windows) - 1
    below = np.floor(positions)
    phase, between = np.divmod((positions - below) * _PHASES, 1.0)
    number = phase.astype(np.int64)
    kernel = rows[number] + between[:, None] * (rows[number + 1] - rows[number])
    # window k of the padded source begins at its own sample k - reach - 1; beyond both ends it is silent
    start = below.astype(np.int64) + 2
    inside = (start >= 0) & (start <= last)
    return np.asarray((kernel * windows[np.clip(start, 0, last)]).sum(axis=1) * inside)


@lru_cache(maxsize=16)
def _kernels(step: int) -> tuple[Float64Array, int]:
    """The kernels (513, 2 reach) of positions 0, 1/512, ... 1 after a sample, each with sum 1; and their reach.

    Column c of a position belongs to the sample c + 1 - reach after the one below it.
    """
    reach = _reach(step)
    distance = np.arange(1 - reach, reach + 1)[None, :] - np.arange(_PHASES + 1)[:, None] / _PHASES
    cutoff = (1 - _TRANSITION) / 2 ** (step / _STEPS_PER_OCTAVE)  # the stop band begins at the lower Nyquist frequency
    inside = np.clip(1 - (distance / reach) ** 2, 0.0, None)
    kernels = np.sinc(cutoff * distance) * np.i0(_BETA * np.sqrt(inside)) * (np.abs(distance) < reach)
    return kernels / kernels.sum(axis=1, keepdims=True), reach
