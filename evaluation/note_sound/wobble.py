"""How steady the fundamental of a held note is, in pitch and in level."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.note_pitch import hertz
from evaluation.note_sound.held_part import HOP_SECONDS, around_trend, held_slice, is_held, require_waves
from utils.arrays import Float64Array

WINDOW_SECONDS = 0.05
PERIODS = 4

ComplexArray = npt.NDArray[np.complex128]

_FRAMES_PER_SECOND = round(1 / HOP_SECONDS)
_SMALLEST_LEVEL = 1e-4  # of the loudest moment
_SMALLEST_RATIO = 0.25  # of the fundamental: lower is noise


class Wobble(NamedTuple):
    """Of n notes at p pitches, both (n, p)."""

    cents: Float64Array
    level_db: Float64Array


def wobble_of_fundamental(waves: npt.ArrayLike, sample_rate: int, pitches: npt.ArrayLike) -> Wobble:
    """Wobble of the fundamental of waves (n, n_samples), taken to be at each of MIDI `pitches` (p,).

    Standard deviation between 0.2 and 0.6 s of its frequency around a straight line, and of its level in dB around a
    parabola. The fundamental is what passes a Hann window of 50 ms, or of 4 periods where that is longer, around the
    pitch: other harmonics are not heard, and modulation faster than 20 Hz is heard less. Moments count by their level,
    since the frequency of silence means nothing. NaN where the held part is silent.
    Raises: ValueError as `require_waves`, or if a fundamental is not below half the sample rate.
    """
    waves = require_waves(waves, sample_rate)
    fundamentals = np.array([hertz(pitch) for pitch in np.asarray(pitches, dtype=np.float64)])
    if fundamentals.max() >= sample_rate / 2:
        raise ValueError(f"a fundamental of {fundamentals.max():.0f} Hz needs a higher sample rate than {sample_rate}")
    sounding = is_held(waves, sample_rate)
    cents, level_db = np.full((2, len(waves), len(fundamentals)), np.nan)
    spectra = np.fft.rfft(waves[sounding, :sample_rate], sample_rate)
    frames = held_slice(_FRAMES_PER_SECOND)
    for column, fundamental in enumerate(fundamentals):
        heard = _partials(spectra, fundamental)[:, frames]
        cents[sounding, column], level_db[sounding, column] = _wobble(heard, fundamental)
    return Wobble(cents, level_db)


def _partials(spectra: ComplexArray, frequency: float) -> ComplexArray:
    """What passes the window around `frequency`, of spectra (n, bins) with a bin each Hz: (n, frames of one second).

    Its phase turns by the difference to the bin nearest to the frequency.
    """
    length = max(WINDOW_SECONDS, PERIODS / frequency)
    bins = round(frequency) + np.arange(-_FRAMES_PER_SECOND // 2, _FRAMES_PER_SECOND // 2)
    there = (bins >= 0) & (bins < spectra.shape[1])
    cycles = (bins[there] - frequency) * length
    passed = np.zeros((len(spectra), _FRAMES_PER_SECOND), dtype=np.complex128)
    passed[:, there] = spectra[:, bins[there]] * _hann_response(cycles)
    return np.asarray(np.fft.ifft(np.fft.ifftshift(passed, axes=1), axis=1))


def _hann_response(cycles: Float64Array) -> Float64Array:
    """Fourier transform of a Hann window of length 1 and mean 1, at frequencies in cycles over it."""
    from_pole = np.abs(np.abs(cycles) - 1) < 1e-6
    safe = np.where(from_pole, 0, cycles)
    return np.where(from_pole, 0.5, np.sinc(safe) / (1 - safe**2))


def _wobble(heard: ComplexArray, frequency: float) -> Wobble:
    """Of a partial (n, frames) whose phase is that of `_partials`: (n,)."""
    level = np.abs(heard)
    level = np.maximum(level, np.maximum(_SMALLEST_LEVEL * level.max(axis=1, keepdims=True), np.finfo(float).tiny))
    turned = np.angle(heard[:, 1:] * heard[:, :-1].conj()) / (2 * np.pi) * _FRAMES_PER_SECOND
    ratio = (round(frequency) + turned) / frequency
    cents = 1200 * np.log2(np.maximum(ratio, _SMALLEST_RATIO))
    between = np.sqrt(level[:, 1:] * level[:, :-1])
    return Wobble(around_trend(cents, 1, between), around_trend(20 * np.log10(level), 2))
