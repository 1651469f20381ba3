"""`results.jsonl` has a line for each computed score, which is never changed; the tables are made from all lines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from utils.errors import UserError
from utils.files import atomic_path, explained_write_errors, write_text
from utils.folder_lock import FolderLock
from utils.own_files import require_replaceable
from utils.regular_files import open_regular
from utils.tables import markdown_table

RESULTS = "results.jsonl"
CSV, MARKDOWN, LATEX = TABLES = ("results.csv", "results.md", "results.tex")
COMPARISON_KEY, COMPARISON_TABLE = "comparison", "table.csv"
"""The key that names its comparison in every line of one, and the table of what such lines say together."""

_COLUMNS = [
    "name",
    "value",
    "standard_error",
    "standard_error_by_instrument",
    "n_real",
    "n_fake",
    "real",
    "fake",
    "baseline",
    "date",
]
_HEADER = ["score", "value", "standard error", "by instrument", "n real", "n fake", "real", "fake", "references"]

Line = Mapping[str, Any]


def read_results(path: Path) -> list[Line]:
    """The lines of `path`. Raises: UserError if it is missing, or a line is no JSON object."""
    try:
        with open_regular(path) as file:
            text = file.read().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read; give a folder of results of eval.py") from error
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            lines.append(json.loads(line))
        except ValueError as error:
            raise UserError(f"{path}, line {number}: not JSON lines ({error}); move the file away") from error
        if not isinstance(lines[-1], dict):
            raise UserError(f"{path}, line {number}: not a JSON object; move the file away")
    return lines


def read_own_results(folder: Path) -> list[Line]:
    """The lines that eval.py wrote in `folder`; none if it holds no results yet.

    Raises: UserError if files there have the names of results, but are somebody else's.
    """
    path = folder / RESULTS
    lines = read_results(path) if path.exists() else []
    if lines and not any({"name", "value", "date"} <= line.keys() for line in lines):
        raise UserError(f"{path}: is not a file that eval.py wrote; move it away, or choose another output folder")
    tables = [folder / name for name in TABLES]
    require_replaceable(tables, lambda _: path.is_file(), "a table of results")
    return lines


def append_results(folder: Path, lines: Sequence[Line]) -> None:
    """Append `lines` to the results in `folder` and rewrite its tables from all of them: CSV, Markdown and LaTeX.

    Each file is written whole. Another process that appends there meanwhile is waited for. Raises: UserError.
    """
    with _alone(folder / RESULTS):
        everything = _append(folder / RESULTS, lines)
        # dtype object: whole numbers stay whole in columns where some are missing
        numbers = pd.DataFrame(everything, columns=_COLUMNS, dtype=object)
        with atomic_path(folder / CSV) as temporary:
            numbers.to_csv(temporary, index=False, lineterminator="\r\n")
        write_text(folder / MARKDOWN, results_table(everything) + "\n")
        texts = pd.DataFrame([_row(line) for line in everything], columns=_HEADER)
        write_text(folder / LATEX, texts.to_latex(index=False, escape=True, column_format="lrrrrrlll"))


def append_lines(path: Path, lines: Sequence[Line]) -> list[Line]:
    """Append `lines` to those in the file `path`, which is written whole; returns all of them.

    Another process that appends there meanwhile is waited for. Raises: UserError.
    """
    with _alone(path):
        return _append(path, lines)


def results_table(lines: Sequence[Line]) -> str:
    """One row for each line, in the order given, in Markdown; what a line does not have is `-`."""
    return markdown_table(_HEADER, [_row(line) for line in lines])


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two processes that read the file `path` at once, each to write it with lines of its own, would lose lines."""
    with explained_write_errors(path), FolderLock(path) as lock:
        lock.acquire(wait=True)
        yield


def _append(path: Path, lines: Sequence[Line]) -> list[Line]:
    earlier = read_results(path) if path.exists() else []
    text = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    write_text(path, "\n".join([*text, *(json.dumps(line, allow_nan=False) for line in lines)]) + "\n")
    return [*earlier, *lines]


def _row(line: Line) -> tuple[str, ...]:
    real, fake = str(line.get("real") or "-"), str(line.get("fake") or "-")
    if line.get("baseline"):
        alone = line.get("n_fake") is None
        real, fake = (real, "-") if alone else (f"part of {real}", f"other notes of {real}")
    return (
        str(line.get("name", "-")),
        _number(line.get("value"), ".6g"),
        _number(line.get("standard_error"), ".2g"),
        _number(line.get("standard_error_by_instrument"), ".2g"),
        _number(line.get("n_real"), "d"),
        _number(line.get("n_fake"), "d"),
        real,
        fake,
        ", ".join(f"{name} {_number(value, '.4g')}" for name, value in (line.get("references") or {}).items()) or "-",
    )


def _number(value: Any, form: str) -> str:
    return format(value, form) if isinstance(value, int | float) else "-"
