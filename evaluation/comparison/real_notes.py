"""The real notes of a comparison: as many as each run makes, of the same pitches."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from data.note_folder import notes_of_folder
from data.note_records import NoteRecord
from evaluation.scoring.instrument_errors import rows_of_pitches
from evaluation.scoring.note_labels import NO_INSTRUMENT, NO_PITCH, NoteLabels
from utils.errors import DataError
from utils.files import sha256_of_file

_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class RealNotes:
    """The chosen notes of a folder; `sha256` is that of their names and files."""

    folder: Path
    records: Sequence[NoteRecord] | None  # None: they are not here, but known from a record
    sha256: str
    count: int

    @classmethod
    def chosen(cls, folder: Path, like: NoteLabels, seed: int, apart_from: "RealNotes | None" = None) -> Self:
        """For each pitch of `like` as many notes, or all there are; none of those that are `apart_from` them.

        Raises: DataError if there are none.
        """
        records = notes_apart(folder, apart_from)
        rows = rows_of_pitches(NoteLabels.of(records), like, np.arange(len(records)), seed)
        if not len(rows):
            raise DataError(f"{folder}: holds no note of the pitches that the runs can be asked for; give other notes")
        found = [records[row] for row in rows]
        digest = hashlib.sha256()
        for record in found:
            digest.update(f"{record.name}\n{sha256_of_file(record.path)}\n".encode())
        return cls(folder, found, digest.hexdigest(), len(found))

    @classmethod
    def recorded(cls, folder: Path, plain: Mapping[str, Any]) -> Self:
        """What `to_plain` said of them."""
        return cls(folder, None, plain["sha256"], plain["count"])

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"sha256": self.sha256, "count": self.count}


def notes_apart(folder: Path, apart_from: RealNotes | None) -> list[NoteRecord]:
    """All notes of `folder` but those that are `apart_from` them. Raises: DataError."""
    taken = {record.path for record in (apart_from.records or ())} if apart_from else set()
    return [record for record in notes_of_folder(folder) if record.path not in taken]


def notes_of_pitches(folder: Path, apart_from: RealNotes | None = None) -> Counter[int]:
    """MIDI pitch -> notes of it among `notes_apart`; those without a pitch are not counted. Raises: DataError."""
    pitches = NoteLabels.of(notes_apart(folder, apart_from)).pitches
    return Counter(pitches[pitches != NO_PITCH].tolist())


def balanced_pitches(available: Mapping[int, int], count: int) -> list[int]:
    """The pitches of up to `count` notes, every pitch in turn as long as any of its `available` notes is left.

    A turn has them in an order whose every beginning is spread over all of them, so that a last turn that is not whole
    prefers neither low nor high pitches.

    >>> balanced_pitches({60: 1, 62: 3}, 4)
    [60, 62, 62, 62]
    """
    pitches = sorted(available)
    spread = sorted(range(len(pitches)), key=lambda place: place * _GOLDEN % 1)
    found: list[int] = []
    for turn in range(max(available.values())):
        found += [pitches[place] for place in spread if available[pitches[place]] > turn]
    return found[:count]


def labels_of(pitches: Iterable[int | None]) -> NoteLabels:
    """The labels of notes that are asked for these pitches, None for any, and for nothing else."""
    asked = np.array([NO_PITCH if pitch is None else pitch for pitch in pitches], dtype=np.int16)
    n = len(asked)
    return NoteLabels(asked, np.full(n, "unknown"), np.full(n, NO_INSTRUMENT, dtype=np.int32))


def shortest_cycle(pitches: Sequence[int]) -> list[int]:
    """What repeated gives these `pitches`: each once if they come in equal turns, else all of them.

    >>> shortest_cycle([60, 62, 60, 62, 60])
    [60, 62]
    """
    first = list(pitches[: len(set(pitches))])
    repeats = all(pitch == first[place % len(first)] for place, pitch in enumerate(pitches))
    return first if repeats else list(pitches)
