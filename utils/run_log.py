"""The numbers of a run: one JSON line per logged step, its scores as a table, and the same in TensorBoard."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, TextIO

from torch.utils.tensorboard import SummaryWriter

from utils.errors import UserError
from utils.files import atomic_path, explained_write_errors

LOG_NAME = "log.jsonl"
SCORES_NAME = "scores.csv"
TENSORBOARD_FOLDER = "tensorboard"

Row = dict[str, float]
"""The numbers of one step by name, `step` among them."""

_TAIL = 2**18  # bytes: room for more rows than are asked for
_LONGEST_LINE = 2**14


class RunLog:
    """Appends to `log.jsonl`, `scores.csv` and TensorBoard under `run_folder`, from step `first_step` on.

    Rows of `first_step` and later, left by a run that was killed after its last checkpoint, are removed.
    """

    def __init__(self, run_folder: Path, first_step: int) -> None:
        self.path, self._scores_path = run_folder / LOG_NAME, run_folder / SCORES_NAME
        with explained_write_errors(run_folder):
            run_folder.mkdir(parents=True, exist_ok=True)
            _drop_rows_from(self.path, first_step)
            _drop_scores_from(self._scores_path, first_step)
            self._file: TextIO = self.path.open("a", encoding="utf-8")
            self.tensorboard = SummaryWriter(str(run_folder / TENSORBOARD_FOLDER), purge_step=first_step)
        self._former_hook, threading.excepthook = threading.excepthook, self._on_end_of_thread

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Log the numbers of one step."""
        with explained_write_errors(self.path):
            self._file.write(json.dumps({"step": step, **values}) + "\n")
            self._file.flush()
            for name, value in values.items():
                self.tensorboard.add_scalar(_tensorboard_group(name), value, step)

    def write_scores(self, step: int, values: Mapping[str, float]) -> None:
        """Log the scores after one step; the first row of a run decides over the columns.

        Raises: UserError if `scores.csv` has other columns.
        """
        columns = ["step", *values]
        there = _score_lines(self._scores_path)
        if there and there[0] != columns:
            raise UserError(f"{self._scores_path}: has other columns than {', '.join(columns)}; move it away")
        row = ",".join([str(step), *(str(value) for value in values.values())]) + "\n"
        with explained_write_errors(self._scores_path), self._scores_path.open("a", encoding="utf-8") as file:
            file.write(row if there else ",".join(columns) + "\n" + row)
            for name, value in values.items():
                self.tensorboard.add_scalar(f"scores/{name}", value, step)

    def close(self) -> None:
        """Write out what is buffered."""
        try:
            with explained_write_errors(self.path):
                self._file.close()
                self.tensorboard.close()
        finally:
            threading.excepthook = self._former_hook

    def _on_end_of_thread(self, arguments: threading.ExceptHookArgs) -> None:
        """Say nothing of TensorBoard's thread that finds the disk full: its next call in ours raises the same."""
        if not isinstance(arguments.exc_value, OSError):
            self._former_hook(arguments)


def read_last_rows(run_folder: Path, most: int = 100) -> dict[int, list[Row]]:
    """Scale -> its last rows in `log.jsonl`, at most `most`; {} without a log.

    Each scale's end is found by bisection, so that a log of any length is read in a moment, while it is written too.
    """
    path = run_folder / LOG_NAME
    if not path.exists():
        return {}
    found: dict[int, list[Row]] = {}
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(end - _TAIL, 0)
            rows = _rows_between(file, start, end)
            begin = end
            if rows:
                scale = int(rows[-1]["scale"])
                found[scale] = [row for row in rows if row["scale"] == scale][-most:]
                begin = _beginning_of(scale, file, end)
            # no nearer to the beginning: what a power cut left blank, or rows in disorder
            end = begin if begin < end else start
    return dict(sorted(found.items()))


def read_log(run_folder: Path) -> list[Row]:
    """The rows of the run's `log.jsonl`, up to a line that a kill cut short or a power cut left blank."""
    rows = []
    for line in (run_folder / LOG_NAME).read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            break
        if not isinstance(row, dict) or "step" not in row:
            break
        rows.append(row)
    return rows


def read_scores(run_folder: Path) -> list[Row]:
    """The rows of the run's `scores.csv`, up to a line that a kill cut short; none if there is no such file."""
    columns, *rows = _score_lines(run_folder / SCORES_NAME) or [[]]
    return [dict(zip(columns, map(float, row), strict=True)) for row in rows]


def _rows_between(file: BinaryIO, start: int, end: int) -> list[Row]:
    """The usable rows of the lines that begin and end there."""
    file.seek(max(start - 1, 0))
    content = file.read(end - file.tell())
    *lines, _ = content.split(b"\n")
    rows = (_parse_row(line) for line in (lines[1:] if start else lines))
    return [row for row in rows if row]


def _parse_row(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or not all(isinstance(value, int | float) for value in row.values()):
        return None
    return row if type(row.get("step")) is type(row.get("scale")) is int else None


def _beginning_of(scale: int, file: BinaryIO, end: int) -> int:
    """Where the first line of `scale` or above begins, before `end`."""
    low, high = -1, end
    while high - low > 1:
        middle = (low + high) // 2
        rows = _rows_between(file, middle, min(middle + _LONGEST_LINE, end))
        if rows and rows[0]["scale"] < scale:
            low = middle
        else:
            high = middle
    if high == 0:
        return 0
    file.seek(high - 1)  # the last line of the scales below begins there
    file.readline()
    return file.tell()


def _score_lines(path: Path) -> list[list[str]]:
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


def _drop_scores_from(path: Path, first_step: int) -> None:
    if not path.exists():
        return
    columns, *rows = _score_lines(path) or [[]]
    kept = [row for row in rows if int(row[0]) < first_step]
    with atomic_path(path) as temporary:
        lines = [columns, *kept] if kept else []
        temporary.write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8")


def _drop_rows_from(path: Path, first_step: int) -> None:
    if not path.exists():
        return
    kept = [row for row in read_log(path.parent) if row["step"] < first_step]
    with atomic_path(path) as temporary:
        temporary.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")


def _tensorboard_group(name: str) -> str:
    groups = {"d_": "discriminator/", "g_": "generator/"}
    return next((group + name for letter, group in groups.items() if name.startswith(letter)), f"training/{name}")
