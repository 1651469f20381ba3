"""When each note of a piece sounds, to the sample, and which distinct sounds the piece needs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from data.nsynth import Value
from generation.midi.controllers import StepCurve
from generation.midi.midi_file import PieceNote
from generation.playing.choking import choke_samples
from generation.playing.courses import WIDEST, Steps
from generation.playing.drums import DrumMap
from generation.playing.latents import Motion, Sounding
from generation.playing.settings import VelocityCurve
from generation.playing.voices import Voice, VoiceName
from generation.tuning.learned import nearest, ratio_of

_EXPONENTS: Mapping[VelocityCurve, int] = {"square": 2, "linear": 1, "flat": 0}


@dataclass(frozen=True)
class Plan:
    """The N notes by onset. Times in samples of the run's own rate."""

    onsets: npt.NDArray[np.int64]  # first sample that sounds
    gates: npt.NDArray[np.int64]  # samples until the release, at least 1
    choked: npt.NDArray[np.bool_]  # whether the release is that of a drum that another one ends
    gains: npt.NDArray[np.float64]
    sounds: npt.NDArray[np.int64]  # index into `timbres_and_pitches`
    timbres_and_pitches: Sequence[Sounding]  # learned ones, in the order of first use
    ratios: npt.NDArray[np.float64]  # of the pitch that each note has before it is bent, to the learned one
    bends: Sequence[Steps | None]  # factors of these ratios; None: it is not bent
    levels: Sequence[Steps | None]  # factors of the gains; None: 1
    sample_rate: int

    def too_bent(self) -> int:
        """How many notes are bent by more than four octaves from the note that they are made of, and held there."""
        count = 0
        for onset, gate, ratio, bend in zip(self.onsets, self.gates, self.ratios, self.bends, strict=True):
            if bend is not None:
                lowest, highest = bend.extremes(int(onset), int(onset + gate))
                count += ratio * lowest < 1 / WIDEST or ratio * highest > WIDEST
        return count

    def last_uses(self) -> npt.NDArray[np.int64]:
        """The last note of each sound, by its index."""
        last = np.zeros(len(self.timbres_and_pitches), dtype=np.int64)
        last[self.sounds] = np.arange(len(self.sounds))  # of equal indices numpy keeps the last
        return last


def plan_notes(
    notes: Sequence[PieceNote],
    *,
    sample_rate: int,
    pitches: Sequence[float | None],
    learned: Collection[int],
    drums: DrumMap,
    drum_samples: int,
    voices: Mapping[VoiceName, Voice],
    motion: Motion,
    table: Mapping[str, Sequence[Value]],
    curve: VelocityCurve,
    choke: bool,
) -> Plan:
    """The plan of `notes`, which come by onset, at their `pitches`, with decimals or without.

    Each is made of the `learned` pitch nearest to its own, as that is bent at its onset. A note's first sample is
    round(onset * sample_rate), the first of its release round(end * sample_rate). Those of pitch None are `drums`:
    they sound for `drum_samples`, whenever they are released. With `choke`, some drums end others: see
    `generation.playing.choking`.
    """
    onsets = _samples([note.onset for note in notes], sample_rate)
    ends = _samples([note.onset + note.duration for note in notes], sample_rate)
    gates = np.maximum(ends - onsets, 1)
    numbers: dict[Sounding, int] = {}
    sounds, ratios = np.empty(len(notes), dtype=np.int64), np.empty(len(notes))
    nearest_learned = cache(lambda pitch: nearest(pitch, learned))
    for place, (note, pitch) in enumerate(zip(notes, pitches, strict=True)):
        voice = voices[VoiceName(note.track, note.channel)]
        attributes = voice.attributes_of(note.program, table)
        made_of, ratios[place] = None, 1.0
        if pitch is None:
            attributes |= drums[note.pitch]
            gates[place] = drum_samples
        else:
            made_of = nearest_learned(pitch + (note.bend.at(note.onset) if note.bend else 0))
            ratios[place] = ratio_of(pitch - made_of)
        key = (motion.timbre(note.onset, voice.seeds, tuple(sorted(attributes.items()))), made_of)
        sounds[place] = numbers.setdefault(key, len(numbers))
    choked = np.zeros(len(notes), dtype=np.bool_)
    for place, sample in choke_samples(notes, onsets).items() if choke else ():
        choked[place] = sample < onsets[place] + gates[place]
        gates[place] = min(gates[place], sample - onsets[place])
    gains = velocity_gain(np.array([note.velocity for note in notes]), curve)
    bends = _steps([note.bend for note in notes], sample_rate, semitones=True)
    levels = _steps([note.level for note in notes], sample_rate, semitones=False)
    return Plan(onsets, gates, choked, gains, sounds, list(numbers), ratios, bends, levels, sample_rate)


def _steps(curves: Sequence[StepCurve | None], sample_rate: int, *, semitones: bool) -> list[Steps | None]:
    """Each of `curves`, converted once, though all notes of a channel have it."""
    distinct = {id(curve): Steps.of(curve, sample_rate, semitones=semitones) for curve in _once(curves)}
    return [None if curve is None else distinct[id(curve)] for curve in curves]


def _once(curves: Iterable[StepCurve | None]) -> Iterable[StepCurve]:
    return {id(curve): curve for curve in curves if curve is not None}.values()


def velocity_gain(velocities: npt.NDArray[np.int64], curve: VelocityCurve) -> npt.NDArray[np.float64]:
    """Amplitude of MIDI velocities 1 to 127; 1 at 127.

    `square`: (v / 127)^2, 40 log10(v / 127) dB. Source: General MIDI System Level 2 (RP-024), which recommends it.
    `linear`: v / 127. `flat`: all the same.
    """
    return (velocities.astype(np.float64) / 127) ** _EXPONENTS[curve]


def _samples(seconds: Sequence[float], sample_rate: int) -> npt.NDArray[np.int64]:
    return np.rint(np.array(seconds, dtype=np.float64) * sample_rate).astype(np.int64)
