"""Whether a note sounds at the pitch of its label, or octaves away, or elsewhere."""

from typing import NamedTuple

import numpy as np

from data.note_pitch import LEAST_PERIODICITY, TOLERANCE, SoundingPitch, hertz, sounding_pitch
from data.sound_font import SAMPLE_RATE
from utils.arrays import Float32Array, Float64Array
from utils.config import MIDI_MAX
from utils.spelling import counted

_SHORTEST = 8192  # samples in which a pitch can be heard
_ATTACK = SAMPLE_RATE // 20  # samples, whose noise hides the pitch
_HELD = 3 * SAMPLE_RATE  # samples
_HARMONICS = 16
_AROUND = 0.1  # of the distance between harmonics
# Trombones whose names are an octave too high had shares from 0.06 on.
_PRESENT = 0.02
_ABSENT = 1e-4


class Judgement(NamedTuple):
    """What is heard of a note, against its label."""

    pitch: int | None  # its label, moved by octaves if that was asked for
    heard: SoundingPitch | None = None  # relative to the label; None: there is none, or the note is too short
    warning: str = ""  # what contradicts the label
    out_of_tune: str = ""  # why the note is not at `pitch`; empty if it is


def judge(sound: Float32Array, label: int | None, *, fix_octaves: bool) -> Judgement:
    """Compare a note (n,) at 16 kHz with the MIDI pitch `label`; without one there is nothing to compare.

    With `fix_octaves`, a note that surely sounds whole octaves away has the pitch that it sounds.
    """
    if label is None:
        return Judgement(None)
    if len(sound) < _SHORTEST:
        return Judgement(label, None, fault := "too short to hear its pitch", fault)
    held = sound[min(_ATTACK, len(sound) - _SHORTEST) :][:_HELD]
    heard = sounding_pitch(held, label, SAMPLE_RATE)
    if not heard.periodicity >= LEAST_PERIODICITY:
        return Judgement(label, heard, fault := "no clear pitch", fault)
    if abs(heard.offset) <= TOLERANCE:
        return Judgement(label, heard)
    octaves = round(heard.offset / 12)
    if abs(heard.offset - 12 * octaves) > TOLERANCE:
        return Judgement(label, heard, f"sounds {heard.offset:+.2f} semitones from its label", "another pitch")
    way = f"{counted(abs(octaves), 'octave')} {'above' if octaves > 0 else 'below'} its label"
    if not _surely(held, label, heard.offset, octaves):
        return Judgement(label, heard, f"perhaps sounds {way}", "another pitch")
    moved = label + 12 * octaves
    if not fix_octaves or not 0 <= moved <= MIDI_MAX:
        return Judgement(label, heard, f"sounds {way}", "another pitch")
    return Judgement(moved, heard, f"sounded {way}: pitch {label} became {moved}")


def _surely(held: Float32Array, label: int, offset: float, octaves: int) -> bool:
    """Whether the harmonics leave no doubt: a weak fundamental alone, as of a banjo, moves no note up an octave.

    A note that sounds lower than its label has harmonics between those of the label; one that sounds higher lacks most
    of those of its label.
    """
    lowest = hertz(label + offset - 12 * max(octaves, 0))
    power = _harmonics(held, lowest)
    step = 2**octaves if octaves > 0 else 2
    between = np.arange(1, _HARMONICS + 1) % step != 0
    share = float(power[between].sum() / power.sum())
    return share <= _ABSENT if octaves > 0 else share >= _PRESENT


def _harmonics(held: Float32Array, fundamental: float) -> Float64Array:
    """Energy around each harmonic of `fundamental` in Hz: (16,)."""
    power = np.square(np.abs(np.fft.rfft(held.astype(np.float64) * np.hanning(len(held)))))
    place = np.fft.rfftfreq(len(held), 1 / SAMPLE_RATE) / fundamental
    number = np.round(place).astype(int)
    near = (np.abs(place - number) <= _AROUND) & (number >= 1) & (number <= _HARMONICS)
    return np.bincount(number[near] - 1, power[near], minlength=_HARMONICS).astype(np.float64)
