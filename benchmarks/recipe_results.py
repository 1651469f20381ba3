"""The results of training recipes: a row for each run in recipes.csv, and a table for readers in recipes.md."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from benchmarks.recipe_measures import MEASURES
from benchmarks.recipe_runs import DIVERGED
from evaluation.metrics.uncertainty import Estimate
from utils.errors import UserError
from utils.files import write_text
from utils.tables import markdown_table

ROWS, TABLE = "recipes.csv", "recipes.md"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A run of a recipe, or real notes, with what was measured; numbers that do not exist are empty in the file."""

    recipe: str
    seed: str = ""  # of the run
    geometry: str  # the representation
    changes: str = ""  # the keys that the recipe replaces, as JSON
    protocol: str  # hash of the config, the budget and the number of notes
    date: str
    notes: int | None = None
    outcome: str = ""
    steps: int | None = None
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    threads: int | None = None
    processor: str = ""
    measures: dict[str, Estimate] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """What only one row has: a run its recipe and seed, real notes their representation."""
        return self.recipe, self.seed, "" if self.seed else self.geometry

    def to_cells(self) -> list[str]:
        """The cells of `HEADER`."""
        values = [getattr(self, name) for name in _PLAIN]
        for name in MEASURES:
            values += self.measures.get(name, (None, None))
        return ["" if value is None else str(value) for value in values]

    @classmethod
    def from_cells(cls, cells: Sequence[str]) -> Self:
        """The row of the cells that `to_cells` gave. Raises: ValueError."""
        told = dict(zip(HEADER, cells, strict=True))
        measures = {
            name: Estimate(float(told[name]), _number(told[f"{name} error"])) for name in MEASURES if told[name]
        }
        texts = {name: told[name] for name in _TEXTS}
        counts = {name: int(told[name]) if told[name] else None for name in _COUNTS}
        seconds = {name: _number(told[name]) for name in _SECONDS}
        values: dict[str, Any] = {**texts, **counts, **seconds}
        return cls(**values, measures=measures)


_COUNTS, _SECONDS = ("notes", "steps", "threads"), ("wall_seconds", "cpu_seconds")
_PLAIN = [each.name for each in fields(Row) if each.name != "measures"]
_TEXTS = [name for name in _PLAIN if name not in (*_COUNTS, *_SECONDS)]
HEADER = [*_PLAIN, *(column for name in MEASURES for column in (name, f"{name} error"))]


def read_rows(folder: Path) -> list[Row]:
    """The rows of `folder`, none if it has no file of them. Raises: UserError if the file is of another program."""
    path = folder / ROWS
    if not path.exists():
        return []
    try:
        header, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True)
        if header != HEADER:
            raise ValueError("other columns")
        return [Row.from_cells(cells) for cells in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(
            f"{path}: is not what this program writes ({error}); move it away, or give another -o"
        ) from error


def add_row(folder: Path, row: Row) -> None:
    """Write `row` behind those that `folder` has; it replaces one of the same key, as of a process beside this one.

    Raises: UserError.
    """
    rows = [*(each for each in read_rows(folder) if each.key != row.key), row]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *(each.to_cells() for each in rows)])
    write_text(folder / ROWS, text.getvalue())


def table_of(rows: Sequence[Row], command: str) -> str:
    """The table for readers, one line for each recipe: the mean over its seeds, and the range."""
    recipes: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        recipes.setdefault((row.recipe, row.geometry), []).append(row)
    header = ["recipe", "representation", "seeds", "notes", "steps", "s", "CPU s", *MEASURES.values()]
    machines = sorted({row.processor for row in rows if row.processor})
    dates = sorted({row.date for row in rows})
    return "\n".join(
        [
            f"`{command}`, {' to '.join(dict.fromkeys((dates[0], dates[-1])))}; {'; '.join(machines)}.",
            "",
            "Means over seeds, with the lowest and the highest in brackets. Of the notes that are held, dB, cents, "
            "attack and onset level are medians, and the spread is a standard deviation. The distance is that to the "
            "notes of training, of real notes that between two parts of them; the diversity is 1 for all notes of "
            f"training. {ROWS} has each run, with standard errors over notes.",
            "",
            markdown_table(header, [_line(*key, group) for key, group in recipes.items()]),
            "",
            *(f"- {each}" for each in _remarks(recipes)),
            "",
        ]
    )


def _line(recipe: str, geometry: str, rows: Sequence[Row]) -> list[str]:
    seeds = " ".join(row.seed for row in rows)
    costs = ([row.notes for row in rows], [row.steps for row in rows])
    seconds = ([row.wall_seconds for row in rows], [row.cpu_seconds for row in rows])
    cells = [_mean_and_range(values, "{:.0f}") for values in (*costs, *seconds)]
    for name in MEASURES:
        cells.append(_mean_and_range([row.measures[name].value for row in rows if name in row.measures], "{:.3g}"))
    return [recipe, geometry, seeds, *cells]


def _mean_and_range(values: Sequence[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    mean, low, high = (form.format(each) for each in (math.fsum(known) / len(known), min(known), max(known)))
    return mean if len(known) == 1 else f"{mean} ({low} to {high})"


def _remarks(recipes: dict[tuple[str, str], list[Row]]) -> list[str]:
    """What each recipe replaces, and which of its runs diverged."""
    said = []
    for (recipe, _), rows in recipes.items():
        if rows[0].changes:
            said.append(f"{recipe}: `{rows[0].changes}`")
        diverged = [f"seed {row.seed} (after {row.steps} steps)" for row in rows if row.outcome == DIVERGED]
        if diverged:
            said.append(f"{recipe}: diverged, not measured: {', '.join(diverged)}")
    return said


def _number(cell: str) -> float | None:
    return float(cell) if cell else None
