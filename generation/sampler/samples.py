"""A generated note made ready for a sampler: from its attack on, with a loop where it can be held, and its tuning."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from data.note_pitch import LEAST_PERIODICITY, TOLERANCE, hertz, sounding_pitch
from generation.playing.sustain import STEADY_SHARE, Loop, find_attack, find_loop
from generation.synthesis import Wave
from utils.arrays import FloatArray

LEAST_SIMILARITY = 0.7  # of the two sides of a loop's seam, as a correlation: the seam of a noise has about 0.2
MOST_FALL_DB = 6.0  # a note that falls further while it is steady is no held one, and a loop would change it
_STARTS = 48  # places tried as the beginning of a loop, more than while a piece is played
_SHORTEST_LOOP = 32  # samples, of the specification of sound fonts
_AFTER_LOOP = 16  # samples of the next turn, which players interpolate with; 8 at least, says that specification
_HELD_SECONDS = 2  # of a looped note, whose pitch is measured

Verdict = Literal["looped", "one-shot: drum", "one-shot: decays", "one-shot: no good loop", "one-shot: silent"]


@dataclass(frozen=True)
class Sample:
    """`wave` (n,) with its `loop` (see `Region`), or without one.

    `similarity` is the correlation at the seam of the best loop found, used or not. `fall_db`: how far the level falls
    in the steady part, below 0 if it rises. `cents`: how far above its key the note sounds; None if it has no clear
    pitch within half a semitone of it, or is too short to tell. None of these is measured of a drum.
    """

    wave: Wave
    loop: tuple[int, int] | None
    verdict: Verdict
    similarity: float = 0.0
    fall_db: float = 0.0
    cents: float | None = None


def prepare_sample(wave: Wave, *, pitch: int, sample_rate: int) -> Sample:
    """The generated note `wave` (n,) of MIDI `pitch` as a sample.

    It is looped if its steady part falls by no more than `MOST_FALL_DB` and the seam of its best loop has
    `LEAST_SIMILARITY`; see `find_loop`, which also fades across the seam. A loop of whole periods of the pitch that the
    note sounds is taken if there is one so good, else any.
    """
    attack = find_attack(wave, sample_rate)
    sounding = wave[attack:]
    steady = sounding[: max(int(STEADY_SHARE * len(wave)) - attack, 1)].astype(np.float64)
    sounds = pitch + (_cents(steady, pitch, sample_rate) or 0.0) / 100
    search = partial(find_loop, steady, period=sample_rate / hertz(sounds), sample_rate=sample_rate, starts=_STARTS)
    found = search(whole_periods=True)
    if found.correlation < LEAST_SIMILARITY:
        found = search()
    fall_db = _fall_db(steady)
    verdict = _verdict(wave, found, fall_db)
    if verdict == "looped":
        end = found.start + len(found.cycle)
        held = np.resize(found.cycle, max(len(found.cycle) + _AFTER_LOOP, _HELD_SECONDS * sample_rate))
        played = np.concatenate((steady[: found.start], held))
        cents = _cents(played, pitch, sample_rate)
        if cents is None:  # a loop repeats its noise too, whose period may pass for that of the note
            cents = _cents(sounding, pitch, sample_rate)
        kept = played[: end + _AFTER_LOOP].astype(np.float32)
        return Sample(kept, (found.start, end), verdict, found.correlation, fall_db, cents)
    return Sample(sounding, None, verdict, found.correlation, fall_db, _cents(sounding, pitch, sample_rate))


def drum_sample(wave: Wave, *, sample_rate: int) -> Sample:
    """The generated drum `wave` (n,) as a sample, from its attack to its end."""
    return Sample(wave[find_attack(wave, sample_rate) :], None, "one-shot: drum" if wave.any() else "one-shot: silent")


def _verdict(wave: Wave, loop: Loop, fall_db: float) -> Verdict:
    if not wave.any():
        return "one-shot: silent"
    if len(loop.cycle) < _SHORTEST_LOOP:
        return "one-shot: no good loop"
    if fall_db > MOST_FALL_DB:
        return "one-shot: decays"
    return "looped" if loop.correlation >= LEAST_SIMILARITY else "one-shot: no good loop"


def _fall_db(steady: FloatArray) -> float:
    """From the eighth behind the first quarter, which belongs to the attack, to the last eighth."""
    width = max(len(steady) // 8, 1)
    first = steady[len(steady) // 4 :][:width]
    powers = [max(float(np.square(part).mean()), 1e-20) for part in (first, steady[-width:])]
    return float(10 * np.log10(powers[0] / powers[1]))


def _cents(wave: FloatArray, pitch: int, sample_rate: int) -> float | None:
    try:
        heard = sounding_pitch(wave, pitch, sample_rate)
    except ValueError:  # too short
        return None
    clear = heard.periodicity >= LEAST_PERIODICITY and abs(heard.offset) <= TOLERANCE
    return 100 * heard.offset if clear else None
