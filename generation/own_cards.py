"""Which files in a folder generate.py has written there, and as what: their cards say it."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from generation.note_spec import read_card
from utils.errors import DataError

CardKind = Literal["note", "overview", "sequence", "piece"]

IN_WORDS: Mapping[CardKind, str] = {
    "note": "a generated note",
    "overview": "a picture of generated notes",
    "sequence": "a generated sequence of notes",
    "piece": "a played piece",
}


def kind_of_card(card: Mapping[str, Any]) -> CardKind | None:
    """What the card of generated sound is the card of; pieces were called scores before version 0.2."""
    if "piece" in card or "score" in card:
        return "piece"
    if "notes" in card:
        return "sequence" if "gap_s" in card else "overview"
    return "note" if "attributes" in card else None


def is_own_file(path: Path, kind: CardKind) -> bool:
    """Whether `path` is a file that generate.py wrote as `kind`: the card beside it, or itself, is that of one."""
    card = path.with_suffix(".json")
    try:
        return card.is_file() and kind_of_card(read_card(card)) == kind
    except DataError:
        return False


def own_file_of(kind: CardKind) -> Callable[[Path], bool]:
    """`is_own_file` for this `kind`."""
    return partial(is_own_file, kind=kind)
