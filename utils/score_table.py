"""The scores of a run while it trains, as a table in its folder."""

from collections.abc import Mapping
from pathlib import Path

from utils.errors import UserError
from utils.files import explained_write_errors, write_text

SCORES_NAME = "scores.csv"


def append_scores(run_folder: Path, step: int, values: Mapping[str, float]) -> None:
    """Add the scores after one step to `scores.csv`; the first row of a run decides over the columns.

    Raises: UserError if the table has other columns.
    """
    path = run_folder / SCORES_NAME
    columns = ["step", *values]
    there = _whole_lines(path)
    if there and there[0] != columns:
        raise UserError(f"{path}: has other columns than {', '.join(columns)}; move it away")
    with explained_write_errors(path), path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(_as_text([*([] if there else [columns]), [str(step), *map(str, values.values())]]))


def read_scores(run_folder: Path) -> list[dict[str, float]]:
    """The rows of the run's `scores.csv`, up to a line that a kill cut short; none if there is no such file."""
    columns, *rows = _whole_lines(run_folder / SCORES_NAME) or [[]]
    return [dict(zip(columns, map(float, row), strict=True)) for row in rows]


def drop_scores_from(run_folder: Path, first_step: int) -> None:
    """Remove the rows of `first_step` and later, and what a kill cut short; a table without rows has no columns."""
    path = run_folder / SCORES_NAME
    if path.exists():
        columns, *rows = _whole_lines(path) or [[]]
        kept = [row for row in rows if int(row[0]) < first_step]
        write_text(path, _as_text([columns, *kept] if kept else []))


def _whole_lines(path: Path) -> list[list[str]]:
    """The names of the columns and all whole rows."""
    if not path.exists():
        return []
    *lines, _ = path.read_text(encoding="utf-8", errors="replace").split("\n")
    found: list[list[str]] = []
    for fields in (line.split(",") for line in lines):
        if found and (len(fields) != len(found[0]) or not fields[0].isdecimal()):
            break
        found.append(fields)
    return found


def _as_text(lines: list[list[str]]) -> str:
    return "".join(",".join(line) + "\n" for line in lines)
