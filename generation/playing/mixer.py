"""All notes of a piece as one wave, block by block."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from generation.playing.choking import FADE
from generation.playing.courses import LevelCourse, PitchCourse
from generation.playing.plan import Plan
from generation.playing.settings import Stages
from generation.playing.sustain import SustainedSound
from generation.synthesis import Wave
from generation.tuning.resampling import reach_of, read_at
from utils.arrays import Float64Array

BLOCK_SIZE = 2**15


@dataclass(frozen=True)
class Envelope:
    """Attack, decay and release in samples, and the level that is held (0 to 1); all ramps are linear in amplitude.

    Sample k of the attack has the level (k + 1) / (attack + 1), so that the first one sounds. The release falls from
    the level reached by then, also in the middle of the attack, and reaches 0 after its last sample.
    """

    attack: int
    decay: int
    sustain: float
    release: int

    @classmethod
    def of(cls, stages: Stages, sample_rate: int) -> "Envelope":
        """Of attack, decay (s), level and release (s)."""
        attack, decay, sustain, release = stages
        return cls(round(attack * sample_rate), round(decay * sample_rate), sustain, round(release * sample_rate))

    def choked(self, sample_rate: int) -> "Envelope":
        """That of a drum which another one ends."""
        return replace(self, release=round(FADE * sample_rate))

    def levels(self, first: int, last: int, gate: int) -> Float64Array:
        """The level of samples `first` to `last` - 1 of a note released at its sample `gate`."""
        samples = np.arange(first, last)
        held = self._held(np.minimum(samples, gate - 1))
        return held * np.minimum(1.0, (gate + self.release - samples) / (self.release + 1))

    def _held(self, samples: npt.NDArray[np.int64]) -> Float64Array:
        rising = (samples + 1) / (self.attack + 1)
        falling = 1 - (1 - self.sustain) * (samples + 1 - self.attack) / (self.decay + 1)
        return np.minimum(rising, np.clip(falling, self.sustain, 1.0))


@dataclass(frozen=True)
class _Playing:
    onset: int
    gate: int
    gain: float
    held: bool
    sound: SustainedSound
    envelope: Envelope
    end: int  # sample of the piece
    pitch: PitchCourse | None  # None: as it was learned
    level: LevelCourse | None


def mix(
    plan: Plan, sound: Callable[[int, int], SustainedSound], envelope: Envelope, *, block_size: int = BLOCK_SIZE
) -> Iterator[Wave]:
    """Blocks (block_size,) of the whole piece, the last one shorter; `sound(number, note)` is asked for note by note.

    Each sample is the sum over the notes in their order in float64, rounded once: it does not depend on the blocks.
    Where no note sounds, samples are 0.
    """
    length, started = mixed_length(plan, envelope), 0
    playing: list[_Playing] = []
    for first in range(0, length, block_size):
        last = min(first + block_size, length)
        beginning = int(np.searchsorted(plan.onsets, last))
        playing += [_start(plan, note, sound, envelope) for note in range(started, beginning)]
        started = beginning
        total = np.zeros(last - first)
        for each in playing:
            low, high = max(first, each.onset), min(last, each.end)
            if low < high:
                total[low - first : high - first] += _samples(each, low - each.onset, high - each.onset)
        playing = [each for each in playing if each.end > last]
        yield total.astype(np.float32)


def mixed_length(plan: Plan, envelope: Envelope) -> int:
    """Samples from the beginning to the end of the last release."""
    choked = envelope.choked(plan.sample_rate)
    return int((plan.onsets + plan.gates + np.where(plan.choked, choked.release, envelope.release)).max())


def _start(plan: Plan, note: int, sound_of: Callable[[int, int], SustainedSound], envelope: Envelope) -> _Playing:
    sound = sound_of(int(plan.sounds[note]), note)
    onset, gate = int(plan.onsets[note]), int(plan.gates[note])
    pitch, level = _courses(plan, note)
    if plan.choked[note]:
        envelope = envelope.choked(plan.sample_rate)
    asked = gate + envelope.release
    held = len(sound.cycle) > 0 and asked > _samples_until(sound.lasts, pitch, asked + 1)
    length = asked
    if not held:  # a sound that ends by itself is released before its end, so that it does not break off
        there = _samples_until(len(sound.wave), pitch, asked)
        gate = min(gate, max(there - envelope.release, 1))
        length = min(gate + envelope.release, there)
    return _Playing(onset, gate, float(plan.gains[note]), held, sound, envelope, onset + length, pitch, level)


def _courses(plan: Plan, note: int) -> tuple[PitchCourse | None, LevelCourse | None]:
    onset, ratio, bend, level = int(plan.onsets[note]), float(plan.ratios[note]), plan.bends[note], plan.levels[note]
    pitch = None if ratio == 1 and bend is None else PitchCourse(ratio, bend, onset, plan.sample_rate)
    return pitch, None if level is None else LevelCourse.of(level, onset, plan.sample_rate)


def _samples_until(position: int, pitch: PitchCourse | None, most: int) -> int:
    """How many samples a note takes to come to `position` of its sound, if these are at most `most`."""
    return position if pitch is None else pitch.samples_until(position, most)


def _samples(note: _Playing, first: int, last: int) -> Float64Array:
    levels = note.envelope.levels(first, last, note.gate)
    if note.level is not None:
        levels *= note.level.levels(first, last)
    if note.pitch is None:
        return levels * (note.gain * _sounding(note, first, last).astype(np.float64))
    return levels * (note.gain * _read(note, note.pitch, first, last))


def _read(note: _Playing, pitch: PitchCourse, first: int, last: int) -> Float64Array:
    """Samples `first` to `last` - 1 of a note that is not read as it was learned."""
    fastest, positions = pitch.fastest(note.end - note.onset), pitch.positions(first, last)
    beside = reach_of(fastest) + 2
    low, high = max(int(positions[0]) - beside, 0), int(positions[-1]) + beside
    return read_at(_sounding(note, low, high).astype(np.float64), positions - low, fastest)


def _sounding(note: _Playing, first: int, last: int) -> Wave:
    sound = note.sound
    if not note.held or last <= sound.held_from:
        return sound.wave[first:last]
    turn = (np.arange(max(first, sound.held_from), last) - sound.held_from) % len(sound.cycle)
    return np.concatenate((sound.wave[first : sound.held_from], sound.cycle[turn]))
