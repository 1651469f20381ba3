"""The record of a comparison, OUT/results.jsonl: one line for each score and each cost of each run, never changed.

What a run is, and on which terms it was scored, are lines too, so that the record alone is enough for the tables.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from evaluation.scoring.results_file import COMPARISON_KEY, RESULTS, Line, append_lines, read_results
from utils.config_faults import short
from utils.errors import UserError

TRAINED, KEPT, TERMS, TERMS_FOR_CHOOSING = "trained", "kept", "terms", "validation-terms"
"""The kinds of lines that hold no number of a table, but say what a run, a checkpoint, and the terms are."""

_TERMS_KEYS = {"asked", "seed", "protocol", "real", "date"}
_KEYS = {
    TRAINED: {
        *("representation", "training_seed", "checkpoint_sha256", "checkpoint"),
        *("pitches", "parameters", "notes_seen", "config", "date"),
    },
    KEPT: {"checkpoint_sha256", "scale", "iteration", "step", "notes_seen", "seconds", "date"},
    TERMS: _TERMS_KEYS | {"second", "reference"},
    TERMS_FOR_CHOOSING: _TERMS_KEYS,
}
_NUMBER_KEYS = {"name", "value"}  # of the lines of all other kinds


def now() -> str:
    """The date of a line that is written now."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def date_of(line: Line) -> str:
    """When the line was written; dates in this form sort as text."""
    return str(line.get("date", ""))


class Record:
    """The lines of one comparison; each is written before the next one is computed."""

    def __init__(self, path: Path, comparison: str, lines: Sequence[Line]) -> None:
        self.path, self.lines = path, list(lines)
        self._comparison = comparison

    @classmethod
    def open(cls, folder: Path, comparison: str) -> Self:
        """The record in `folder`, which may hold none yet. Raises: UserError if it is that of something else."""
        path = folder / RESULTS
        lines = read_results(path) if path.exists() else []
        for number, line in enumerate(lines, start=1):
            if line.get(COMPARISON_KEY) != comparison:
                whose = f"of the comparison {line[COMPARISON_KEY]}" if COMPARISON_KEY in line else "of another command"
                raise UserError(f"{path}: holds results {whose}; choose another output folder")
            if fault := _fault(line):
                raise UserError(f"{path}, line {number}: {fault}; remove the line")
        return cls(path, comparison, lines)

    def find(self, wanted: Mapping[str, Any]) -> Line | None:
        """The last line, by date, that has everything `wanted`."""
        found = self.find_all(wanted)
        return found[-1] if found else None

    def find_all(self, wanted: Mapping[str, Any]) -> list[Line]:
        """The lines that have everything `wanted`, by date; those of one date in the order in which they stand.

        A record may have been put together from those of several machines, so that its order says nothing.
        """
        plain = json.loads(json.dumps(wanted))
        return sorted((line for line in self.lines if plain.items() <= line.items()), key=date_of)

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write `lines` behind the others. Raises: UserError."""
        if new := [{COMPARISON_KEY: self._comparison, **line} for line in lines]:
            self.lines = append_lines(self.path, new)


def _fault(line: Line) -> str | None:
    """Why nothing can be made of the `line`; None if it is whole."""
    kind, value = str(line.get("kind")), line.get("value")
    if lacking := sorted(_KEYS.get(kind, _NUMBER_KEYS) - line.keys()):
        return f"lacks {', '.join(lacking)}"
    if kind not in _KEYS and not (isinstance(value, int | float) and abs(value) < math.inf):
        return f"value={short(value)} is no finite number"
    return None
