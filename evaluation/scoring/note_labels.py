"""The pitch and family that notes should have, from their metadata, their names, or the cards beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.note_folder import family_of
from data.note_records import NoteRecord
from generation.note_spec import pitch_of_name
from utils.config import MIDI_MAX
from utils.errors import DataError
from utils.files import read_json

NO_PITCH = -1
NO_INSTRUMENT = -1
_INSTRUMENT = ("instrument_str", "instrument")


@dataclass(frozen=True)
class NoteLabels:
    """Of n notes: MIDI pitch (n,) int16, -1 where none was asked for, and family (n,), `unknown` if there is none.

    `instruments` (n,) int32 are equal where two notes are of one instrument, and -1 where nothing names it; the numbers
    themselves mean nothing.
    """

    pitches: npt.NDArray[np.int16]
    families: npt.NDArray[np.str_]
    instruments: npt.NDArray[np.int32]

    @classmethod
    def of(cls, records: Sequence[NoteRecord]) -> "NoteLabels":
        """The labels of `records`. Raises: DataError as `asked_pitch`."""
        asked = [asked_pitch(record) for record in records]
        pitches = np.array([NO_PITCH if pitch is None else pitch for pitch in asked], dtype=np.int16)
        families = np.array([family_of(record) for record in records], dtype=np.str_)
        return cls(pitches, families, _instruments(records))

    def of_rows(self, rows: npt.NDArray[np.int64]) -> "NoteLabels":
        """The labels of those notes."""
        return NoteLabels(self.pitches[rows], self.families[rows], self.instruments[rows])


def _instruments(records: Sequence[NoteRecord]) -> npt.NDArray[np.int32]:
    told = (
        next((record.attributes.get(key) for key in _INSTRUMENT if key in record.attributes), None)
        for record in records
    )
    numbers: dict[object, int] = {None: NO_INSTRUMENT}
    return np.array([numbers.setdefault(name, len(numbers) - 1) for name in told], dtype=np.int32)


def asked_pitch(record: NoteRecord) -> int | None:
    """MIDI pitch that the note should have: of its metadata, of its name, or of the JSON card beside it.

    None if none of them has it. Raises: DataError if the card is not JSON, or its pitch not a MIDI pitch.
    """
    if "pitch" in record.attributes:
        return int(record.attributes["pitch"])
    named = pitch_of_name(record.name)
    if named is not None:
        return named
    path = record.path.with_suffix(".json")
    if not path.is_file():
        return None
    card = read_json(path, DataError)
    attributes = card.get("attributes") if isinstance(card, dict) else None
    pitch = attributes.get("pitch") if isinstance(attributes, dict) else None
    if pitch is not None and (type(pitch) is not int or pitch not in range(MIDI_MAX + 1)):
        raise DataError(f"{path}: pitch {pitch!r} is not a MIDI pitch from 0 to {MIDI_MAX}; correct the card")
    return pitch
