"""The level of a note over time: how rough it is while held, how the note begins, and how loud it is."""

import numpy as np
import numpy.typing as npt
import pyloudnorm
from scipy.signal import oaconvolve

from data.note_pitch import hertz
from evaluation.note_sound.held_part import around_trend, hann, held_frames, is_held, require_waves
from utils.arrays import Float64Array

LEVEL_SECONDS = 0.02
ATTACK_WINDOW_SECONDS = 0.01
ONSET_SECONDS = 0.002
LOUDNESS_SECONDS = 1.0
_FLOOR = 1e-8  # 80 dB below the loudest moment, in power
_RISE = (0.1, 0.9)  # of the peak


def roughness_db(waves: npt.ArrayLike, sample_rate: int, pitches: npt.ArrayLike) -> Float64Array:
    """How much the level of held notes flutters in dB, of waves (n, n_samples) at each of MIDI `pitches` (p,): (n, p).

    Standard deviation of the level between 0.2 and 0.6 s around its trend, a parabola over time in dB. The level is
    that of the square under a Hann window of 20 ms, or of two periods of the pitch where that is longer, so that the
    wave itself is no ripple. Modulation by a factor 1 + m cos has 6.1 m dB for small m, as long as it is slower than
    about 25 Hz. NaN where the held part is silent. Raises: ValueError as `require_waves`.
    """
    waves = require_waves(waves, sample_rate)
    periods = np.array([1 / hertz(pitch) for pitch in np.asarray(pitches, dtype=np.float64)])
    lengths, columns = np.unique(np.maximum(LEVEL_SECONDS, 2 * periods) * sample_rate, return_inverse=True)
    half = int(np.ceil(lengths.max() / 2))
    windows = np.stack([hann(length, half) for length in lengths], axis=1)
    taps = half + held_frames(sample_rate)[:, None] + np.arange(-half, half + 1)
    inside = np.pad(np.ones(waves.shape[1]), half)[taps] @ windows
    roughness = np.full((len(waves), len(periods)), np.nan)
    for row in np.flatnonzero(is_held(waves, sample_rate)):
        power = np.pad(np.square(waves[row]), half)[taps] @ windows / inside
        level = 10 * np.log10(np.maximum(power, _FLOOR * power.max(axis=0)))
        roughness[row] = around_trend(level.T, degree=2)[columns]
    return roughness


def attack_seconds(waves: npt.ArrayLike, sample_rate: int) -> Float64Array:
    """Time in s that waves (n, n_samples) take from a tenth of their highest level to nine tenths of it: (n,).

    Levels are those under a Hann window of 10 ms. A straight rise of 100 ms has 80 ms; a note that begins above a tenth
    of its peak is timed from its first sample. NaN for silence. Raises: ValueError as `require_waves`.
    Source: after Peeters 2004, A large set of audio features for sound description, section 5.1 (log-attack time).
    """
    waves = require_waves(waves, sample_rate)
    level = np.sqrt(_power(waves, ATTACK_WINDOW_SECONDS * sample_rate))
    peak = level.max(axis=1, keepdims=True)
    begun, risen = ((level >= share * peak).argmax(axis=1) for share in _RISE)
    return np.where(waves.any(axis=1), (risen - begun) / sample_rate, np.nan)


def onset_level(waves: npt.ArrayLike, sample_rate: int) -> Float64Array:
    """Level of the first 2 ms of waves (n, n_samples) against that of their loudest 2 ms: (n,), 0 to 1.

    Of a note cut out of a longer sound, or one whose window smears its beginning, it is far from 0. NaN for silence.
    Raises: ValueError as `require_waves`.
    """
    waves = require_waves(waves, sample_rate)
    length = round(ONSET_SECONDS * sample_rate)
    n_parts = waves.shape[1] // length
    level = np.sqrt(np.square(waves[:, : n_parts * length]).reshape(len(waves), n_parts, length).mean(axis=2))
    peak = level.max(axis=1)
    return np.asarray(np.divide(level[:, 0], peak, out=np.full(len(waves), np.nan), where=peak > 0))


def loudness_lufs(waves: npt.ArrayLike, sample_rate: int) -> Float64Array:
    """Integrated loudness in LUFS of the first second of waves (n, n_samples): (n,); NaN below the gate of -70 LUFS.

    Raises: ValueError as `require_waves`. Source: ITU-R BS.1770-4, by pyloudnorm.
    """
    waves = require_waves(waves, sample_rate)[:, : round(LOUDNESS_SECONDS * sample_rate)]
    meter = pyloudnorm.Meter(sample_rate)
    with np.errstate(divide="ignore", invalid="ignore"):  # of blocks that are all zero
        loudness = np.array([_gated(meter, wave) for wave in waves])
    return np.where(np.isfinite(loudness), loudness, np.nan)


def _gated(meter: pyloudnorm.Meter, wave: Float64Array) -> float:
    return float(meter.integrated_loudness(wave)) if wave.any() else np.nan


def _power(waves: Float64Array, length: float) -> Float64Array:
    """Mean square of waves (n, n_samples) under a Hann window of `length` samples, at 80 dB below the largest or more.

    At the ends it is the mean over the part of the window in which there is a note.
    """
    window = hann(length, int(np.ceil(length / 2)))[None]
    power = oaconvolve(np.square(waves), window, mode="same", axes=1)
    power /= oaconvolve(np.ones((1, waves.shape[1])), window, mode="same", axes=1)
    return np.asarray(
        np.maximum(power, np.maximum(_FLOOR * power.max(axis=1, keepdims=True), np.finfo(np.float64).tiny))
    )
