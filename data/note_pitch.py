"""Whether a note sounds at the pitch of its label, cheaply enough to ask it of every note.

librosa does not serve here. Its `yin` reports no periodicity, so noise passes for a note; above 1 kHz it needs an
oversampled wave, and then takes more than three times as long. Its `pyin` takes 35 times as long, in steps of 10 cents.
Of 596 notes of a sound font, 28 are dropped here; `yin` would keep 10 of these and drop 7 others.
"""

import re
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from utils.arrays import Float64Array
from utils.config import MIDI_MAX

TOLERANCE = 0.5  # semitones between label and sound
LEAST_PERIODICITY = 0.5  # chords and noises stay below

_FRAMES = 6
FRAME = 8192  # samples that are needed; at 16 kHz seven periods of 13.75 Hz, the lowest pitch of NSynth
_FFT = 2 * FRAME
# Above 2 kHz a period is a few samples: lags are needed in between, and the padded spectrum gives them exactly.
_LAGS_PER_SAMPLE = 4
_SHORTEST_LAG = 2 * _LAGS_PER_SAMPLE  # the period of the Nyquist frequency
_FADED = 1e-3  # frames below this share of the strongest one's energy are the tail of a plucked note
# Twice the period fits a periodic sound as well as the period does, so longer ones must fit better.
_COST_PER_OCTAVE = 0.02


class SoundingPitch(NamedTuple):
    """How far a note sounds from its label, and how surely."""

    offset: float  # semitones; below 0 if it sounds lower than its label
    periodicity: float  # about 1 for a periodic sound, near 0 for noise


_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_NAME = re.compile(r"(?P<letter>[A-Ga-g])(?P<sign>[sb#♯♭]?)(?P<octave>-?\d)", re.ASCII)
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {"": 0, "s": 1, "#": 1, "♯": 1, "b": -1, "♭": -1}


def pitch_name(pitch: int) -> str:
    """Scientific pitch notation of a MIDI pitch.

    >>> pitch_name(60), pitch_name(70)
    ('C4', 'A#4')
    """
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def pitch_of_name(text: str, octave_of_middle_c: int = 4) -> int | None:
    """MIDI pitch of a name such as A4, As3, a#3 or Bb-1; None if `text` is none, or beyond MIDI's range.

    >>> pitch_of_name("As3"), pitch_of_name("Bb2"), pitch_of_name("H4"), pitch_of_name("C3", 3)
    (58, 46, None, 60)
    """
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    octave = int(match["octave"]) - octave_of_middle_c + 5
    pitch = 12 * octave + _SEMITONES[match["letter"].upper()] + _SIGNS[match["sign"]]
    return pitch if 0 <= pitch <= MIDI_MAX else None


def hertz(pitch: float) -> float:
    """Fundamental frequency of a MIDI pitch in equal temperament, in Hz.

    >>> hertz(69)
    440.0
    """
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def sounding_pitch(wave: npt.NDArray[np.floating], label: float, sample_rate: int) -> SoundingPitch:
    """The pitch of the held part `wave` (samples,), relative to the MIDI pitch `label`, which may have decimals.

    It is the best peak of the autocorrelation, corrected for the window, between a quarter of the labelled
    frequency and five times it: octaves, twelfths and mistuning are told apart. A sound without any peak there
    has offset NaN and periodicity 0. Inharmonic sounds (bells, bars) may appear a twelfth or so low.
    Raises: ValueError if `wave` is shorter than one analysis frame.
    Source: Boersma 1993, Accurate short-term analysis of the fundamental frequency.
    """
    if wave.ndim != 1 or len(wave) < FRAME:
        raise ValueError(f"wave must have shape (samples >= {FRAME},), got {wave.shape}")
    fit = _autocorrelation(_frames(wave))
    period = sample_rate * _LAGS_PER_SAMPLE / hertz(label)
    lags, heights = _peaks(fit, max(int(period / 5), _SHORTEST_LAG), min(int(4.4 * period), len(fit) - 2))
    if lags.size == 0:
        return SoundingPitch(float("nan"), 0.0)
    octaves = np.log2(lags / period)
    best = int(np.argmax(heights - _COST_PER_OCTAVE * octaves))
    return SoundingPitch(float(-12 * octaves[best]), float(heights[best]))


def sounds_at(wave: npt.NDArray[np.floating], label: int, sample_rate: int) -> bool:
    """Whether `wave` (samples,) has a clear pitch less than half a semitone from the MIDI pitch `label`.

    A wave shorter than one analysis frame has none.
    """
    if len(wave) < FRAME:
        return False
    heard = sounding_pitch(wave, label, sample_rate)
    return heard.periodicity >= LEAST_PERIODICITY and abs(heard.offset) <= TOLERANCE


def _frames(wave: npt.NDArray[np.floating]) -> Float64Array:
    starts = np.linspace(0, len(wave) - FRAME, _FRAMES).astype(int)
    frames = wave[starts[:, None] + np.arange(FRAME)].astype(np.float64)
    return np.asarray(frames - frames.mean(axis=1, keepdims=True))


def _autocorrelation(frames: Float64Array) -> Float64Array:
    """Mean over frames (N, samples), each at unit energy so that the attack does not drown the rest; (lags,)."""
    power = np.abs(np.fft.rfft(frames * _window(), _FFT)) ** 2
    energy = power.sum(axis=1)
    sounding = energy > _FADED * energy.max()
    if not sounding.any():
        return np.zeros(FRAME * _LAGS_PER_SAMPLE // 2)
    mean = (power[sounding] / energy[sounding, None]).mean(axis=0)
    return _lagged(mean) / _window_autocorrelation()


def _lagged(power: Float64Array) -> Float64Array:
    """Power spectrum -> autocorrelation, 1 at lag 0, up to half a frame: beyond, the window leaves too little."""
    lagged = np.fft.irfft(power, _FFT * _LAGS_PER_SAMPLE)[: FRAME * _LAGS_PER_SAMPLE // 2]
    return np.asarray(lagged / lagged[0])


@cache
def _window() -> Float64Array:
    return np.hanning(FRAME + 1)[:-1]


@cache
def _window_autocorrelation() -> Float64Array:
    return _lagged(np.abs(np.fft.rfft(_window(), _FFT)) ** 2)


def _peaks(fit: Float64Array, low: int, high: int) -> tuple[Float64Array, Float64Array]:
    """Lags and heights of the local maxima in [low, high], refined by a parabola through three points."""
    before, here, after = fit[low - 1 : high], fit[low : high + 1], fit[low + 1 : high + 2]
    found = np.flatnonzero((here >= before) & (here > after))
    left, top, right = before[found], here[found], after[found]
    shift = (left - right) / (left - 2 * top + right) / 2
    return low + found + shift, top - (left - right) * shift / 4
