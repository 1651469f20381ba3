"""What is measured of a note's sound, as attributes with fractions."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import soxr

from data.sound_font import SAMPLE_RATE
from utils.arrays import Float32Array, Float64Array
from utils.config import MIDI_MAX

_OF_PITCH = ("measured_pitch", "pitch_confidence")
_LOWEST_HZ, _HIGHEST_HZ = 27.5, 4_186.0  # A0 to C8
_FRAME = 2048  # samples
_HOP = 512  # samples
_ROLLOFF = 0.85  # share of the energy below it
_LEAST_SECONDS = 0.4  # the block of the loudness


def measured_pitch(sound: Float32Array) -> dict[str, float]:
    """`measured_pitch` in MIDI pitches with fractions, unless none is heard, and `pitch_confidence`, 0 to 1.

    The median of the voiced frames of pyin, and the mean over all frames of its probability that they are voiced.
    Source: Mauch and Dixon 2014, pYIN: a fundamental frequency estimator using probabilistic threshold distributions.
    """
    import librosa  # takes a second, which imports without this measure do not wait for

    padded = np.pad(sound, (0, max(0, 2 * _FRAME - len(sound))))
    track, voiced, probability = librosa.pyin(
        padded, fmin=_LOWEST_HZ, fmax=_HIGHEST_HZ, sr=SAMPLE_RATE, frame_length=_FRAME, hop_length=_HOP
    )
    pitch = {_OF_PITCH[0]: _rounded(69 + 12 * float(np.log2(np.median(track[voiced]) / 440)))} if voiced.any() else {}
    return {**pitch, _OF_PITCH[1]: _rounded(float(probability.mean()))}


def tracked_pitch(measured: Mapping[str, float]) -> tuple[int | None, float]:
    """The MIDI pitch that `measured_pitch` heard, if any, and its confidence."""
    heard = measured.get("measured_pitch")
    pitch = None if heard is None else round(heard)
    return (pitch if pitch is not None and 0 <= pitch <= MIDI_MAX else None), measured["pitch_confidence"]


def loudness_lufs(sound: Float32Array) -> float | None:
    """Integrated loudness in LUFS; None below the gate of -70 LUFS. Notes under 0.4 s are measured with silence behind.

    Source: ITU-R BS.1770-4, by pyloudnorm.
    """
    import pyloudnorm

    padded = np.pad(sound, (0, max(0, round(_LEAST_SECONDS * SAMPLE_RATE) + 1 - len(sound)))).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # of blocks that are all zero
        loudness = float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(padded))
    return loudness if np.isfinite(loudness) else None


def _loudness(sound: Float32Array) -> dict[str, float]:
    loudness = loudness_lufs(sound)
    return {} if loudness is None else {"loudness": _rounded(loudness)}


def _brightness(sound: Float32Array) -> dict[str, float]:
    """Spectral centroid in Hz, of the mean power spectrum."""
    power, hertz = _spectrum(sound)
    return {"brightness": _rounded(float(power @ hertz / power.sum()))}


def _spread(sound: Float32Array) -> dict[str, float]:
    """Standard deviation in Hz of the mean power spectrum around its centroid."""
    power, hertz = _spectrum(sound)
    centroid = power @ hertz / power.sum()
    return {"spread": _rounded(float(np.sqrt(power @ (hertz - centroid) ** 2 / power.sum())))}


def _rolloff(sound: Float32Array) -> dict[str, float]:
    """Frequency in Hz below which 85 % of the energy lie."""
    power, hertz = _spectrum(sound)
    below = np.cumsum(power)
    return {"rolloff": _rounded(float(hertz[np.searchsorted(below, _ROLLOFF * below[-1])]))}


def _flatness(sound: Float32Array) -> dict[str, float]:
    """Geometric over arithmetic mean of the mean power spectrum: near 1 for white noise, near 0 for tones."""
    power, _ = _spectrum(sound)
    power = np.maximum(power, 1e-12 * power.max())
    return {"flatness": _rounded(float(np.exp(np.log(power).mean()) / power.mean()))}


def attributes_of_measures(names: Iterable[str]) -> list[str]:
    """The attributes that the measures `names` give.

    >>> attributes_of_measures(["pitch", "loudness"])
    ['measured_pitch', 'pitch_confidence', 'loudness']
    """
    return [key for name in names for key in (_OF_PITCH if name == "pitch" else (name,))]


MEASURES: dict[str, Callable[[Float32Array], dict[str, float]]] = {
    "pitch": measured_pitch,
    "loudness": _loudness,
    "brightness": _brightness,
    "spread": _spread,
    "rolloff": _rolloff,
    "flatness": _flatness,
}
"""Name -> what gives the attributes of a note (n,) at 16 kHz that is not silent.

Source of those of the spectrum: Peeters 2004, A large set of audio features for sound description, section 6.
"""


def measure(name: str, sound: Float32Array, sample_rate: int) -> float | None:
    """The attribute `name` of a note (n,), by its measure of the same name; None if it has none, as of silence."""
    if sample_rate != SAMPLE_RATE:
        sound = soxr.resample(sound, sample_rate, SAMPLE_RATE)
    return MEASURES[name](sound).get(name) if sound.any() else None


def _spectrum(sound: Float32Array) -> tuple[Float64Array, Float64Array]:
    """Mean power of Hann frames, (frequencies,), and the frequencies in Hz; frames count by their energy."""
    padded = np.pad(sound.astype(np.float64), (_FRAME // 2, _FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_FRAME + 1)[:-1], axis=1))).mean(axis=0)
    return np.asarray(power), np.asarray(np.fft.rfftfreq(_FRAME, 1 / SAMPLE_RATE))


def _rounded(value: float) -> float:
    """Four decimal places, which every machine agrees on."""
    return round(value, 4)
