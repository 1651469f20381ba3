"""Folders of notes that a program of ours filled, and nothing else, so that it may replace them."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from utils.errors import DataError
from utils.files import read_json


def is_empty(folder: Path) -> bool:
    """Whether nothing stands at `folder`, or nothing is in it."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def require_empty(folder: Path, flag: str) -> None:
    """Raise DataError that names the `flag` if the folder to make holds something."""
    if not is_empty(folder):
        raise DataError(f"{folder}: holds something already; choose another {flag}")


def keys_of(folder: Path) -> str:
    """The keys of a config that lead to the notes in `folder`, for readers."""
    return f"data_path {folder / 'audio'}, att_dict_path {folder / 'examples.json'}"


def former_card(
    folder: Path, made_by: str, name_of_note: re.Pattern[str], reports: Iterable[str] = ()
) -> dict[str, Any] | None:
    """The card in `folder` if the program `made_by`, and nothing else, filled that folder.

    Beside the notes it holds metadata, a card, and files named as `reports`. `name_of_note` tells the notes, with their
    suffix, where the metadata are lost. Raises: DataError if card or metadata are not valid JSON.
    """
    known = {"audio", "examples.json", "card.json", *reports}
    others = not folder.is_dir() or {path.name for path in folder.iterdir()} - known
    if others or not (folder / "card.json").is_file():
        return None
    card = read_json(folder / "card.json", DataError)
    ours = isinstance(card, dict) and card.get("made_by") == made_by and "kept" in card.get("notes", {})
    return card if ours and not _strangers(folder, name_of_note) else None


def _strangers(folder: Path, name_of_note: re.Pattern[str]) -> list[str]:
    """Names in `audio` of what is no note of the program's."""
    metadata = folder / "examples.json"
    notes = read_json(metadata, DataError) if metadata.is_file() else {}
    there = (folder / "audio").iterdir() if (folder / "audio").is_dir() else ()
    if not notes:
        return [path.name for path in there if not name_of_note.fullmatch(path.name)]
    return [path.name for path in there if path.suffix != ".wav" or path.stem not in notes]
