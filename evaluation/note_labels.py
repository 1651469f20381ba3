"""What was asked of notes, pitch and family, from their metadata, their names, or the cards beside them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.nsynth import NoteRecord, Value
from evaluation.note_folder import family_of
from utils.config import MIDI_MAX
from utils.errors import DataError
from utils.files import read_json

NO_PITCH = -1

_GENERATED = re.compile(r"pitch(?P<pitch>\d{3})_seed\d{6,}", re.ASCII)


@dataclass(frozen=True)
class NoteLabels:
    """Of n notes: MIDI pitch (n,) int16, -1 where none was asked for, and family (n,), `unknown` where none is told."""

    pitches: npt.NDArray[np.int16]
    families: npt.NDArray[np.str_]

    @classmethod
    def of(cls, records: Sequence[NoteRecord]) -> "NoteLabels":
        """The labels of `records`. Raises: DataError as `asked_pitch`."""
        asked = [asked_pitch(record) for record in records]
        pitches = np.array([NO_PITCH if pitch is None else pitch for pitch in asked], dtype=np.int16)
        return cls(pitches, np.array([family_of(record) for record in records], dtype=np.str_))


def generated_name(values: Mapping[str, Value], seed: int) -> str:
    """Name of a note that was generated with the attributes `values`: `pitch060_seed000001`, or `note_seed000001`.

    >>> generated_name({"pitch": 60}, 1)
    'pitch060_seed000001'
    """
    return f"pitch{values['pitch']:03d}_seed{seed:06d}" if "pitch" in values else f"note_seed{seed:06d}"


def asked_pitch(record: NoteRecord) -> int | None:
    """MIDI pitch that the note should have: of its metadata, of its name, or of the JSON card beside it.

    None if none of them tells. Raises: DataError if the card is no JSON, or its pitch no MIDI pitch.
    """
    if "pitch" in record.attributes:
        return int(record.attributes["pitch"])
    match = _GENERATED.fullmatch(record.name)
    if match and int(match["pitch"]) <= MIDI_MAX:
        return int(match["pitch"])
    path = record.path.with_suffix(".json")
    if not path.is_file():
        return None
    card = read_json(path, DataError)
    attributes = card.get("attributes") if isinstance(card, dict) else None
    pitch = attributes.get("pitch") if isinstance(attributes, dict) else None
    if pitch is not None and (type(pitch) is not int or pitch not in range(MIDI_MAX + 1)):
        raise DataError(f"{path}: pitch {pitch!r} is no MIDI pitch from 0 to {MIDI_MAX}; mend the card")
    return pitch
