"""A folder of audio to evaluate: its notes, with their labels where there are any, and an even choice of them."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from data.instrument_folders import is_of_instruments, notes_of_instruments
from data.note_records import NoteRecord, explained_search_errors, find_beside_notes
from data.note_selection import find_notes
from data.nsynth import value_in_words
from data.sampling import evenly_spaced
from utils.config import LoaderConfig
from utils.errors import DataError
from utils.files import read_json

logger = logging.getLogger(__name__)

_OF_MANY_NOTES = ("notes", "piece", "score")  # keys of such cards; pieces were called scores before version 0.2


def notes_of_folder(folder: Path) -> list[NoteRecord]:
    """All notes of `folder` (or of its `audio/`), by name; or those of its folders, if it has one for each instrument.

    The latter have the labels of `data.instrument_folders`. Other labels come from an `examples.json` there or in the
    folder above; without one, from file names of NSynth's form; a file of another name has none. Files whose cards say
    that they hold more than one note (scales, interpolations, pieces of music) are left out; the log says how many.
    Raises: DataError if there is no such folder or no audio in it, or if a card is not valid JSON.
    """
    with explained_search_errors(folder):
        if not folder.is_dir():
            what = "is a file, not a folder" if folder.exists() else "no such folder"
            raise DataError(f"{folder}: {what}; give the folder of the notes")
        if is_of_instruments(folder):
            return notes_of_instruments(folder)
        described = {"data_path": folder, "load_metadata": find_beside_notes(folder) is not None}
    records = find_notes(LoaderConfig.model_validate(described), seed=0)
    notes = [record for record in records if not _is_of_many_notes(record)]
    if len(notes) < len(records):
        text = "%s: files left out, since their cards say that they hold more than one note: %d"
        logger.info(text, folder, len(records) - len(notes))
    if not notes:
        raise DataError(f"{folder}: holds no file of a single note; give the folder of the notes")
    return notes


def family_of(record: NoteRecord) -> str:
    """The note's instrument family; `unknown` if nothing tells it."""
    told = (name for name in ("instrument_family_str", "instrument_family") if name in record.attributes)
    return next((value_in_words(name, record.attributes[name]) for name in told), "unknown")


def spread_over_families(records: Sequence[NoteRecord], count: int) -> list[NoteRecord]:
    """`count` of the notes (all, if there are fewer), by name: as equally many of each family as there are.

    Within a family the notes are evenly spaced over its names, so that the choice needs no seed.
    """
    families: defaultdict[str, list[NoteRecord]] = defaultdict(list)
    for record in sorted(records, key=attrgetter("name")):
        families[family_of(record)].append(record)
    # the k-th notes of all families come before any (k + 1)-th
    turns = sorted((turn, family) for family, notes in families.items() for turn in range(len(notes)))
    shares = Counter(family for _, family in turns[:count])
    places = ((family, k) for family, share in shares.items() for k in evenly_spaced(len(families[family]), share))
    return sorted((families[family][k] for family, k in places), key=attrgetter("name"))


def _is_of_many_notes(record: NoteRecord) -> bool:
    path = record.path.with_suffix(".json")
    card = read_json(path, DataError) if path.is_file() else None
    return isinstance(card, dict) and any(key in card for key in _OF_MANY_NOTES)
