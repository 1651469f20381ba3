"""Rendered notes that no player could play: a sound font sounds a flute two octaves below the lowest flute.

Such a note has the timbre of another instrument, and whoever learns that it is a flute takes low clarinets for flutes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.note_records import NoteRecord, find_beside_notes
from data.render_notes import MADE_BY
from utils.files import read_json

CARD = "card.json"

# General MIDI program (from 0) -> lowest and highest MIDI pitch of its players; of winds and bowed strings alone, since
# the others keep their character when they are moved. Lowest pitches are those of the instrument as built; highest ones
# are what orchestration books call the end of the usual range, and some more.
_BRASS = {56: (52, 86), 57: (34, 75), 58: (24, 65), 59: (52, 86), 60: (31, 78), 61: (31, 86)}  # trumpet ... section
_SAXOPHONES = {64: (54, 88), 65: (49, 81), 66: (44, 76), 67: (36, 70)}  # soprano ... baritone
_DOUBLE_REEDS_AND_CLARINET = {68: (58, 93), 69: (52, 84), 70: (34, 77), 71: (50, 94)}  # oboe ... clarinet
_FLUTES = {72: (72, 108), 73: (59, 98), 74: (53, 98), 75: (55, 96), 77: (52, 86), 78: (67, 98), 79: (57, 90)}
_STRINGS = {40: (55, 105), 41: (48, 93), 42: (36, 84), 43: (24, 62), 110: (55, 105)}  # violin ... double bass; fiddle
_RANGES = _BRASS | _SAXOPHONES | _DOUBLE_REEDS_AND_CLARINET | _FLUTES | _STRINGS


def is_rendered(folder: Path) -> bool:
    """Whether `data.render_notes` made the notes of `folder`."""
    path = find_beside_notes(folder, CARD)
    card = read_json(path) if path else None
    return isinstance(card, dict) and card.get("made_by") == MADE_BY


def unplayable(records: Sequence[NoteRecord]) -> npt.NDArray[np.bool_]:
    """Which rendered notes (n,) lie outside the range of their instrument's players."""
    found = []
    for record in records:
        program = int(str(record.attributes["instrument_str"]).rpartition("_")[2])
        low, high = _RANGES.get(program, (0, 127))
        found.append(not low <= int(record.attributes["pitch"]) <= high)
    return np.array(found, dtype=bool)
