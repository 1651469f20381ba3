"""The record of a comparison, OUT/results.jsonl: one line for each score and each cost of each run, never changed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from evaluation.scoring.results_file import COMPARISON_KEY, RESULTS, Line, append_lines, read_results
from utils.errors import UserError


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
        for line in lines:
            if line.get(COMPARISON_KEY) != comparison:
                whose = f"of the comparison {line[COMPARISON_KEY]}" if COMPARISON_KEY in line else "of another command"
                raise UserError(f"{path}: holds results {whose}; choose another output folder")
        return cls(path, comparison, lines)

    def find(self, wanted: Mapping[str, Any]) -> Line | None:
        """The last line that has everything `wanted`."""
        plain = json.loads(json.dumps(wanted))
        return next((line for line in reversed(self.lines) if plain.items() <= line.items()), None)

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write `lines` behind the others. Raises: UserError."""
        if new := [{COMPARISON_KEY: self._comparison, **line} for line in lines]:
            self.lines = append_lines(self.path, new)
