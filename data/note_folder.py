"""A folder of audio that is to be evaluated: its notes with the labels that can be had, and an even choice of them."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from data.nsynth import NoteRecord, find_notes, value_in_words
from utils.config import LoaderConfig
from utils.errors import DataError
from utils.files import read_json

logger = logging.getLogger(__name__)

_METADATA_NAME = "examples.json"
_OF_MANY_NOTES = ("notes", "piece", "score")  # keys of such cards; pieces were called scores before version 0.2
UNKNOWN_FAMILY = "unknown"


def notes_of_folder(folder: Path) -> list[NoteRecord]:
    """All notes of `folder` (or of its `audio/`), by name.

    Their labels come from an `examples.json` there or in the folder above; without one, from file names of NSynth's
    form; a file named otherwise has none. Files whose cards say that they are more than one note (whole scales and
    interpolations, pieces of music) are left out, and that is said.
    Raises: DataError if there is no such folder or no audio in it, or if a card is no JSON.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise DataError(f"{folder}: {what}; give the folder of the notes")
    described = {"data_path": folder, "load_metadata": has_metadata(folder)}
    records = find_notes(LoaderConfig.model_validate(described), seed=0)
    notes = [record for record in records if not _is_of_many_notes(record)]
    if len(notes) < len(records):
        logger.info(
            "%s: %d files of more than one note, by their cards, are left out", folder, len(records) - len(notes)
        )
    if not notes:
        raise DataError(f"{folder}: holds no file of a single note; give the folder of the notes")
    return notes


def has_metadata(folder: Path) -> bool:
    """Whether an `examples.json` lies in `folder` or in the one above."""
    home = folder.absolute()
    return any((place / _METADATA_NAME).is_file() for place in (home, home.parent))


def family_of(record: NoteRecord) -> str:
    """The note's instrument family; `unknown` if nothing tells it."""
    told = (name for name in ("instrument_family_str", "instrument_family") if name in record.attributes)
    return next((value_in_words(name, record.attributes[name]) for name in told), UNKNOWN_FAMILY)


def spread_over_families(records: Sequence[NoteRecord], count: int) -> list[NoteRecord]:
    """`count` of the notes (all, if there are fewer), by name: families as evenly as they allow.

    Within a family the notes are evenly spaced over its names, so that the choice needs no seed.
    """
    families: defaultdict[str, list[NoteRecord]] = defaultdict(list)
    for record in sorted(records, key=_name):
        families[family_of(record)].append(record)
    # the k-th notes of all families come before any (k + 1)-th
    turns = sorted((turn, family) for family, notes in families.items() for turn in range(len(notes)))
    shares = Counter(family for _, family in turns[:count])
    chosen = [families[family][place * len(families[family]) // share]
              for family, share in shares.items() for place in range(share)]  # fmt: skip
    return sorted(chosen, key=_name)


def _is_of_many_notes(record: NoteRecord) -> bool:
    path = record.path.with_suffix(".json")
    card = read_json(path, DataError) if path.is_file() else None
    return isinstance(card, dict) and any(key in card for key in _OF_MANY_NOTES)


def _name(record: NoteRecord) -> str:
    return record.name
