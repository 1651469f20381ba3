"""The voices of a piece, each a channel of a track, and which instrument each of them has."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from data.general_midi import PROGRAMS
from data.nsynth import FAMILIES, Value
from generation.asked_attributes import known_attributes
from generation.instrument import Instrument
from generation.midi.midi_file import PieceNote
from generation.playing.settings import PieceSettings
from utils.arguments import MAX_SEED
from utils.errors import UserError

MOST_NAMED = 12
_FAMILY_ATTRIBUTES = ("instrument_family_str", "instrument_family")
_TARGET = re.compile(r"(?:track(?P<track>\d{1,9}))?\.?(?:ch(?P<channel>\d{1,9}))?", re.ASCII)
_FAMILY_OF_PROGRAM = {program.number: program.family for program in PROGRAMS}


class VoiceName(NamedTuple):
    """Track and channel, both from 1."""

    track: int
    channel: int

    def __str__(self) -> str:
        return f"track{self.track}.ch{self.channel}"


@dataclass(frozen=True)
class Voice:
    """A voice with the seeds of its latents, the attributes that are fixed, and its number of notes.

    With `by_program`, each note has the family of its General MIDI program, if the run learned that family.
    """

    name: VoiceName
    notes: int
    seeds: tuple[int, ...]
    fixed: Mapping[str, Value] = field(default_factory=dict)
    by_program: bool = False

    def attributes_of(self, program: int | None, table: Mapping[str, Sequence[Value]]) -> dict[str, Value]:
        """The attributes that are fixed for a note of `program`; the seed draws the others."""
        return {**(_family_of(program, table) if self.by_program else {}), **self.fixed}


def assign_voices(
    instrument: Instrument, notes: Iterable[PieceNote], settings: PieceSettings
) -> dict[VoiceName, Voice]:
    """The voices of `notes` by name, in order. All get the seeds and attributes of `settings`, then what `voices` say.

    An entry there is `shared` (all have `seeds`), `each` (voice k has every seed + k, and families by program), or
    TARGET=SEED,NAME=VALUE,... for the voices of a channel (`ch2`), a track (`track1`) or both (`track1.ch2`); later
    entries win.
    Raises: UserError if an entry cannot be read, or names a voice or value that is not there.
    """
    counts = Counter(VoiceName(note.track, note.channel) for note in notes)
    fixed = dict(_attribute(instrument, text) for text in settings.attributes)
    voices = {name: Voice(name, counts[name], settings.seeds, fixed) for name in sorted(counts)}
    for entry in settings.voices:
        target, equals, items = entry.partition("=")
        if entry == "shared":
            voices = {name: replace(voice, seeds=settings.seeds, by_program=False) for name, voice in voices.items()}
        elif entry == "each":
            voices = {
                name: replace(voice, seeds=tuple(seed + k for seed in settings.seeds), by_program=True)
                for k, (name, voice) in enumerate(voices.items())
            }
        elif not equals:
            raise UserError(f"{entry[:60]!r} is no rule for voices; give shared, each, or a rule such as ch2=7")
        else:
            for name in _targets(target, list(voices)):
                voices[name] = _changed(instrument, voices[name], items.split(","), entry)
    return voices


def without_family(
    voices: Iterable[Voice], programs: Iterable[int | None], table: Mapping[str, Sequence[Value]]
) -> list[int]:
    """The General MIDI programs without a family that the run learned; none if no voice goes by program."""
    if not any(voice.by_program for voice in voices) or not any(name in table for name in _FAMILY_ATTRIBUTES):
        return []
    return sorted(program for program in set(programs) if program is not None and not _family_of(program, table))


def _family_of(program: int | None, table: Mapping[str, Sequence[Value]]) -> dict[str, Value]:
    family = None if program is None else _FAMILY_OF_PROGRAM.get(program)
    if family is None:
        return {}
    values: dict[str, Value] = dict(zip(_FAMILY_ATTRIBUTES, (family, FAMILIES.index(family)), strict=True))
    return {name: value for name, value in values.items() if value in table.get(name, ())}


def _targets(text: str, names: Sequence[VoiceName]) -> list[VoiceName]:
    match = _TARGET.fullmatch(text)
    track, channel = (match["track"], match["channel"]) if match else (None, None)
    chosen = [
        name
        for name in names
        if (track or channel)
        and (track is None or name.track == int(track))
        and (channel is None or name.channel == int(channel))
    ]
    if not chosen:
        listed = ", ".join(map(str, names[:MOST_NAMED])) + (", ..." if len(names) > MOST_NAMED else "")
        raise UserError(f"{text[:60]!r} is no voice of the piece, which has {listed}")
    return chosen


def _changed(instrument: Instrument, voice: Voice, items: Sequence[str], entry: str) -> Voice:
    seeds, fixed = voice.seeds, dict(voice.fixed)
    for item in items:
        if "=" in item:
            name, value = _attribute(instrument, item)
            fixed[name] = value
        elif item.isascii() and item.isdigit() and len(item) < 20 and int(item) <= MAX_SEED:
            seeds = (int(item),)
        else:
            raise UserError(f"{entry[:60]!r}: {item[:30]!r} is neither a seed nor NAME=VALUE; give ch2=7, for example")
    return replace(voice, seeds=seeds, fixed=fixed)


def _attribute(instrument: Instrument, text: str) -> tuple[str, Value]:
    """Name and value of `text`, NAME=VALUE, as the run learned them."""
    name, _, value = text.partition("=")
    if name == "pitch":
        raise UserError(f"{text[:60]}: the piece gives the pitches; leave pitch out")
    ((own_name, values),) = known_attributes(instrument.run_name, instrument.table, [(name, [value])]).items()
    return own_name, values[0]
