"""The same notes of several runs side by side: a column for each run, a row for each pitch, family and seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.nsynth import described
from evaluation.listening_page.matched_loudness import MatchedLoudness, matched
from evaluation.listening_page.note_grid import GeneratedNote, RunNotes
from evaluation.listening_page.sound_files import PageSound
from utils.spelling import counted

_FAMILY = ("instrument_family", "instrument_family_str")

Key = tuple[int | None, str, str, int]


@dataclass(frozen=True)
class Column:
    """A run, or the real notes: its title, and what it was turned down by."""

    title: str
    is_real: bool
    loudness: MatchedLoudness


@dataclass(frozen=True)
class Row:
    """The notes of one pitch, family, further attributes and seed, one for each column; None where there is none."""

    pitch: int | None
    family: str
    others: str
    seed: int
    sounds: list[PageSound | None]

    @property
    def labels(self) -> str:
        """Family and further attributes in words."""
        return ", ".join(text for text in (self.family, self.others) if text)


@dataclass(frozen=True)
class Comparison:
    """`columns`: the runs in their order, then real notes where there are any. `left_out`: notes that no other has."""

    columns: list[Column]
    rows: list[Row]
    left_out: int

    @property
    def pitches(self) -> list[int]:
        """The pitches of its rows, ascending."""
        return sorted({row.pitch for row in self.rows if row.pitch is not None})

    @property
    def families(self) -> list[str]:
        """The families of its rows, by name."""
        return sorted({row.family for row in self.rows if row.family})

    @property
    def left_out_said(self) -> str:
        """What is said of the notes left out; empty if there are none."""
        return f"Not here, because no other run has a note of their labels: {counted(self.left_out, 'note')}."


def compare_notes(grid: Sequence[RunNotes]) -> Comparison | None:
    """The notes that at least two runs have in common, by pitch, family and seed; None if there are none.

    Two notes belong together if their seeds are equal, and all their attributes are, in words.
    """
    found: dict[Key, list[GeneratedNote | None]] = {}
    for column, notes in enumerate(grid):
        for note in _generated(notes):
            found.setdefault(_key(note), [None] * len(grid))[column] = note
    shared = {key: notes for key, notes in found.items() if sum(1 for note in notes if note) > 1}
    if not shared:
        return None
    rows = [_row(key, shared[key]) for key in sorted(shared, key=_order)]
    with_reals = any(row.sounds[-1] for row in rows)
    if not with_reals:
        rows = [Row(row.pitch, row.family, row.others, row.seed, row.sounds[:-1]) for row in rows]
    called = " / ".join(sorted({notes.reals.called for notes in grid if notes.has_reals}))
    titles = [notes.run.title for notes in grid] + ([called] if with_reals else [])
    levels = matched([[sound.loudness for row in rows if (sound := row.sounds[k])] for k in range(len(titles))])
    columns = [
        Column(title, k == len(grid), level) for k, (title, level) in enumerate(zip(titles, levels, strict=True))
    ]
    return Comparison(columns, rows, len(found) - len(shared))


def _generated(notes: RunNotes) -> Iterator[GeneratedNote]:
    return (note for row in notes.rows.values() for note in row if note)


def _key(note: GeneratedNote) -> Key:
    words = {name: described(name, value) for name, value in note.attributes.items() if name != "pitch"}
    family = next((words[name] for name in _FAMILY if name in words), "")
    others = ", ".join(words[name] for name in sorted(words) if name not in _FAMILY)
    return note.pitch, family, others, note.seed


def _order(key: Key) -> tuple[int, str, str, int]:
    pitch, family, others, seed = key
    return -1 if pitch is None else pitch, family, others, seed


def _row(key: Key, notes: Sequence[GeneratedNote | None]) -> Row:
    real = next((note.real.sound for note in notes if note and note.real), None)
    return Row(*key, [*(note.sound if note else None for note in notes), real])
