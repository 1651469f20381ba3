"""Which sound of a run each drum of a piece has: a map from General MIDI's keys to attributes that the run learned."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from data.attributes import AttributeTable
from data.nsynth import Value, value_in_words
from generation.asked_attributes import known_attributes
from generation.midi.midi_file import PieceNote
from generation.playing.drum_names import USUAL_NAMES, drum_name, words_of
from utils.config import MIDI_MAX
from utils.errors import DataError, UserError
from utils.files import read_json
from utils.spelling import counted, hint

DrumMap = Mapping[int, Mapping[str, Value]]
"""Key of a drum -> the attributes of its sound; the seed draws the others."""

_FAMILY = "family"  # what `data.import_notes` calls NSynth's instrument_family


@dataclass(frozen=True)
class DrumUse:
    """How many notes of the piece have the drum `key`, and the attributes of its sound. None: they are left out."""

    key: int
    notes: int
    sound: Mapping[str, Value] | None

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        sound = None if self.sound is None else dict(self.sound)
        return {"key": self.key, "name": drum_name(self.key), "notes": self.notes, "attributes": sound}

    def __str__(self) -> str:
        """The key with the name of its drum."""
        return named_key(self.key)


def named_key(key: int) -> str:
    """The key of a drum with its name.

    >>> named_key(36), named_key(100)
    ('36 bass drum 1', '100')
    """
    return f"{key} {drum_name(key)}".rstrip()


def is_drum(note: PieceNote) -> bool:
    """Whether the piece gives the note to drums."""
    return note.program is None


def usual_drum_map(table: AttributeTable) -> dict[int, dict[str, Value]]:
    """The drums of General MIDI whose usual names are values of one attribute of `table`; empty if there is none.

    It is the attribute with the most such values, the first one of as many.
    """
    best: dict[int, dict[str, Value]] = {}
    for name, values in table.values.items():
        by_words = {words_of(value_in_words(name, value)): value for value in reversed(values)}  # the first one wins
        found = {
            key: {name: by_words[next(words for words in usual if words in by_words)]}
            for key, usual in USUAL_NAMES.items()
            if any(words in by_words for words in usual)
        }
        if len(_sounds(found)) > len(_sounds(best)):
            best = found
    return best


def read_drum_map(path: Path, run_name: str, table: AttributeTable) -> dict[int, dict[str, Value]]:
    """The usual map, as the JSON file `path` changes it: `{"36": "kick", "38": {"family": "snare"}, "54": null}`.

    A text is a value of one attribute that the run learned; an object gives attributes by name, `family` being short
    for `instrument_family`; null leaves the drum out. Raises: DataError on the first fault of the file.
    """
    content = read_json(path, DataError)
    if not isinstance(content, dict):
        raise DataError(f'{path}: must be one object of keys, such as {{"36": "kick"}}; correct it')
    drum_map = usual_drum_map(table)
    for text, said in content.items():
        if not (text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= MIDI_MAX):
            raise DataError(f"{path}: {text[:40]!r} is no MIDI key from 0 to {MIDI_MAX}; correct it")
        drum_map.pop(int(text), None)
        if said is not None:
            try:
                drum_map[int(text)] = _attributes(said, run_name, table)
            except UserError as error:
                raise DataError(f"{path}: key {text}: {error}") from error
    return drum_map


def require_learned(drum_map: DrumMap, run_name: str, table: AttributeTable) -> None:
    """Raise DataError unless the run learned all that `drum_map` asks for."""
    for key, sound in drum_map.items():
        for name, value in sound.items():
            if value not in table.values.get(name, ()):
                raise DataError(f"drum_map: key {key}: {run_name} did not learn {name} {value!r}; correct the map")


def drum_uses(notes: Iterable[PieceNote], drum_map: DrumMap) -> list[DrumUse]:
    """What happens to each drum of `notes`, by its key."""
    counts = sorted(Counter(note.pitch for note in notes).items())
    return [DrumUse(key, count, drum_map.get(key)) for key, count in counts]


def drums_left_out(uses: Iterable[DrumUse]) -> str:
    """One line that names the drums without a sound; empty if all have one."""
    without = [use for use in uses if use.sound is None]
    named = ", ".join(f"{use} ({counted(use.notes, 'note')})" for use in without)
    return f"drums that have no sound, left out: {named}; give them one in a drum map" if without else ""


def drum_table(uses: Sequence[DrumUse]) -> str:
    """A table of the drums and their sounds; empty without drums."""
    if not uses:
        return ""
    rows = [("drum", "notes", "played"), *((str(use), str(use.notes), _in_words(use)) for use in uses)]
    width = max(len(name) for name, _, _ in rows)
    return "".join(f"{name:<{width}}{notes:>7}  {what}\n" for name, notes, what in rows)


def _in_words(use: DrumUse) -> str:
    return "left out" if use.sound is None else sound_in_words(use.sound)


def sound_in_words(sound: Mapping[str, Value]) -> str:
    """The values of a drum's sound."""
    return ", ".join(value_in_words(*each) for each in sound.items()) or "the run's sound"


def drums_without_sound(keys: Collection[int]) -> list[int]:
    """The drums of General MIDI that are not among `keys`."""
    return [key for key in USUAL_NAMES if key not in keys]


def _sounds(drum_map: DrumMap) -> set[tuple[tuple[str, Value], ...]]:
    return {tuple(sound.items()) for sound in drum_map.values()}


def _owner(text: str, run_name: str, table: AttributeTable) -> str:
    """The one attribute that has the value `text`."""
    learned = {name: [value_in_words(name, value) for value in values] for name, values in table.values.items()}
    owners = [name for name, values in learned.items() if text in values]
    if len(owners) > 1:
        raise UserError(f"{text[:40]!r} is a value of {' and '.join(owners)}; write {{{owners[0]!r}: {text[:40]!r}}}")
    if not owners:
        everything = list(chain.from_iterable(learned.values()))
        near = hint(text, everything) if everything else "write {} for its only sound"
        raise UserError(f"{run_name} did not learn {text[:40]!r}; {near}")
    return owners[0]


def _attributes(said: Any, run_name: str, table: AttributeTable) -> dict[str, Value]:
    if isinstance(said, str):
        said = {_owner(said, run_name, table): said}
    if not isinstance(said, dict) or not all(isinstance(value, str | int) for value in said.values()):
        raise UserError('must be a value, attributes such as {"family": "kick"}, or null')
    asked = [(f"instrument_{name}" if name == _FAMILY else name, [str(value)]) for name, value in said.items()]
    return {name: values[0] for name, values in known_attributes(run_name, table, asked).items()}
