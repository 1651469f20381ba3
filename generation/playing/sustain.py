"""A generated note made ready to be held: where it begins, and which part repeats if it must last longer."""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from generation.playing.settings import Sustain
from generation.synthesis import Wave
from utils.arrays import Float64Array

STEADY_SHARE = 0.7  # of a note; behind it lies the fade-out that networks learned from their notes
_ATTACK_LEVEL = 0.05  # -26 dB of the note's highest level
_ATTACK_WINDOW = 0.002  # s
_RETRIGGER_ATTACK = 0.003  # s
_CROSSFADE_PERIODS, _CROSSFADE = 4, 0.02  # s; whichever is longer
_STARTS = 8  # places that a loop may begin at
_AS_SIMILAR = 0.003  # correlation; among places this close to the best one, the longest loop is taken
_OFF_WHOLE = 0.1  # periods; a period is known to some cents, of which a loop has a hundred periods or more
_SMALLEST_LEVEL = 0.25  # of the level at the loop's beginning; sound that has decayed further is not amplified


@dataclass(frozen=True)
class SustainedSound:
    """A generated note from its attack on, `wave` (n,), and what repeats while it is held, `cycle` (P,).

    A note that ends by sample `lasts`, release included, is `wave` alone. A longer one repeats `cycle` from sample
    `held_from` on. Without a cycle (0,) it ends with `wave`.
    """

    wave: Wave
    lasts: int
    held_from: int
    cycle: Wave


def prepare_sound(wave: Wave, *, hertz: float, sample_rate: int, sustain: Sustain) -> SustainedSound:
    """`wave` (n,) of a fundamental near `hertz`, without its lead-in, and with the cycle for `sustain`.

    `loop`: a stretch of the steady part, see `find_loop`. `retrigger`: the note from its attack to the end of its
    steady part, mixed with the end of the fade-out of the one before. `none`: no cycle.
    """
    attack = find_attack(wave, sample_rate)
    sounding = wave[attack:]
    steady = max(int(STEADY_SHARE * len(wave)) - attack, 1)
    if sustain == "none":
        return SustainedSound(sounding, len(sounding), len(sounding), np.zeros(0, np.float32))
    if sustain == "retrigger":
        return SustainedSound(sounding, steady, steady, _strike_again(sounding, steady, sample_rate))
    loop = find_loop(sounding[:steady].astype(np.float64), period=sample_rate / hertz, sample_rate=sample_rate)
    return SustainedSound(sounding, steady, loop.start, loop.cycle.astype(np.float32))


def find_attack(wave: Wave, sample_rate: int) -> int:
    """The first sample whose level reaches -26 dB of the highest; 0 of silence.

    Level is the mean power of the 2 ms that end with the sample, so that a single click before the note does not count.
    """
    window = max(round(_ATTACK_WINDOW * sample_rate), 1)
    total = np.concatenate((np.zeros(window), np.cumsum(wave.astype(np.float64) ** 2)))
    power = total[window:] - total[:-window]
    reached = power >= _ATTACK_LEVEL**2 * power.max(initial=0.0)
    return int(reached.argmax()) if power.max(initial=0.0) > 0 else 0


@dataclass(frozen=True)
class Loop:
    """`cycle` (P,) begins like the sound at `start`, and ends so that it can repeat; `correlation` is of its seam."""

    start: int
    cycle: Float64Array
    correlation: float


def find_loop(
    steady: Float64Array, *, period: float, sample_rate: int, starts: int = _STARTS, whole_periods: bool = False
) -> Loop:
    """The stretch of the note's steady part (n,) that repeats best.

    Its first quarter is left to the attack. The loop ends where the four periods or 20 ms before its end are most like
    those before its start, by normalised cross-correlation: a whole number of the sound's own periods later. The whole
    cycle is brought to the level of its start, so that a sound that decays is held at that level. At its end it fades
    into what lies before its start, by gains that keep the level whatever the correlation. `starts` is the number of
    places that are tried as its beginning.

    Partials of a generated note drift, so that a stretch may repeat well that is no whole number of periods; what
    repeats then has a lower pitch. With `whole_periods`, only lengths within a tenth of a whole number count.
    """
    overlap = max(round(_CROSSFADE_PERIODS * period), round(_CROSSFADE * sample_rate))
    overlap = min(overlap, len(steady) // 8)
    if overlap < 2:
        return Loop(0, steady, 0.0)
    level = _level(steady, overlap)
    earliest = max(len(steady) // 4, overlap)
    shortest = max((len(steady) - earliest) // 4, overlap)
    best = _Seam(-2.0, earliest, shortest)
    for start in np.linspace(earliest, len(steady) - 2 * shortest, starts).astype(int):
        best = max(best, _best_seam(steady, level, int(start), shortest, overlap, period if whole_periods else None))
    return Loop(best.start, _cycle(steady, level, best, overlap), best.correlation)


@dataclass(frozen=True, order=True)
class _Seam:
    correlation: float
    start: int
    length: int


def _best_seam(
    steady: Float64Array, level: Float64Array, start: int, shortest: int, overlap: int, period: float | None
) -> _Seam:
    """The best loop of at least `shortest` samples that begins at `start`, in whole numbers of `period` if given."""
    decayed = np.flatnonzero(level[start + shortest :] < _SMALLEST_LEVEL * level[start])
    end = start + shortest + (max(int(decayed[0]), 1) if len(decayed) else len(steady) - start - shortest)
    before = steady[start - overlap : start]
    candidates = steady[start + shortest - overlap : end]
    product = signal.correlate(candidates, before, mode="valid", method="fft")
    total = np.concatenate(([0.0], np.cumsum(candidates**2)))
    power = (total[overlap:] - total[:-overlap]) * (before @ before)
    correlation = np.where(power > 1e-20, product / np.sqrt(np.maximum(power, 1e-20)), 0.0)
    if period is not None:
        lengths = (shortest + np.arange(len(correlation))) / period
        whole = np.abs(lengths - np.rint(lengths)) <= max(_OFF_WHOLE, 0.5 / period)
        correlation = np.where(whole, correlation, -1.0)
    last = int(np.flatnonzero(correlation >= correlation.max() - _AS_SIMILAR)[-1])
    nearby = max(last - overlap // _CROSSFADE_PERIODS, 0)  # a period back, so that its peak is there
    length = nearby + int(correlation[nearby : last + 1].argmax())
    return _Seam(float(correlation[length]), start, shortest + length)


def _cycle(steady: Float64Array, level: Float64Array, seam: _Seam, overlap: int) -> Float64Array:
    start, end = seam.start, seam.start + seam.length
    evened = steady[start - overlap : end] * (level[start] / np.maximum(level[start - overlap : end], 1e-12))
    before, cycle = evened[:overlap], evened[overlap:]
    fade = np.arange(1, overlap + 1) / (overlap + 1)
    alike = min(max(seam.correlation, 0.0), 1.0)
    keeps_level = np.sqrt((1 - fade) ** 2 + fade**2 + 2 * fade * (1 - fade) * alike)
    cycle[-overlap:] = ((1 - fade) * cycle[-overlap:] + fade * before) / keeps_level
    return np.asarray(cycle)


def _level(wave: Float64Array, width: int) -> Float64Array:
    """Root mean square around each sample (n,), weighted by a Hann window of twice `width`; it has no ripple."""
    window = np.hanning(2 * width + 1)
    half = len(window) // 2
    power = signal.fftconvolve(np.pad(wave**2, half, mode="reflect"), window / window.sum(), mode="valid")
    return np.asarray(np.sqrt(np.maximum(power, 0.0)))


def _strike_again(sounding: Wave, period: int, sample_rate: int) -> Wave:
    cycle = sounding[:period].copy()
    attack = min(max(round(_RETRIGGER_ATTACK * sample_rate), 1), period)
    cycle[:attack] *= np.arange(1, attack + 1, dtype=np.float32) / np.float32(attack)
    ending = sounding[period : 2 * period]
    cycle[: len(ending)] += ending * np.linspace(1, 0, len(ending), dtype=np.float32)
    return cycle
