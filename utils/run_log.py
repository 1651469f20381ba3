"""The numbers of a run: one JSON line per logged step, and the same, with its scores, in TensorBoard."""

import json
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from torch.utils.tensorboard import SummaryWriter

from utils.files import explained_write_errors, write_text
from utils.regular_files import open_regular
from utils.score_table import append_scores, drop_scores_from

LOG_NAME = "log.jsonl"
TENSORBOARD_FOLDER = "tensorboard"

_BLOCK = 4096  # lines
_NUMBERS = {int, float, bool}

Row = dict[str, float]
"""The numbers of one step by name, `step` among them."""


class RunLog:
    """Appends to `log.jsonl`, `scores.csv` and TensorBoard under `run_folder`, from step `first_step` on.

    Rows of `first_step` and later, left by a run that was killed after its last checkpoint, are removed.
    """

    def __init__(self, run_folder: Path, first_step: int) -> None:
        self.run_folder, self.path = run_folder, run_folder / LOG_NAME
        with explained_write_errors(run_folder):
            run_folder.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                kept = [row for row in read_log(run_folder) if row["step"] < first_step]
                write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))
            drop_scores_from(run_folder, first_step)
            self._file: TextIO = self.path.open("a", encoding="utf-8", newline="\n")
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
        """Log the scores after one step. Raises: UserError if `scores.csv` has other columns."""
        append_scores(self.run_folder, step, values)
        with explained_write_errors(self.run_folder):
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


def read_log(run_folder: Path) -> list[Row]:
    """The rows of the run's `log.jsonl`, up to a line that a kill cut short or a power cut left blank."""
    with open_regular(run_folder / LOG_NAME) as file:
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    rows: list[Row] = []
    for start in range(0, len(lines), _BLOCK):
        block = lines[start : start + _BLOCK]
        try:
            found = json.loads(f"[{','.join(block)}]")  # faster than line by line
        except (ValueError, RecursionError):
            found = []
        if len(found) != len(block) or not all(map(_is_row, found)):
            return rows + _rows_before_damage(block)
        rows += found
    return rows


def _rows_before_damage(lines: Iterable[str]) -> list[Row]:
    rows: list[Row] = []
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not _is_row(row):
            break
        rows.append(row)
    return rows


def read_last_rows(run_folder: Path, most: int = 100) -> dict[int, list[Row]]:
    """Scale -> its last rows in `log.jsonl`, at most `most`; {} without a log, which may be written meanwhile."""
    of_scale: dict[int, list[Row]] = {}
    for row in read_log(run_folder) if (run_folder / LOG_NAME).exists() else []:
        if "scale" in row:
            of_scale.setdefault(int(row["scale"]), []).append(row)
    return {scale: rows[-most:] for scale, rows in sorted(of_scale.items())}


def _is_row(row: object) -> bool:
    return (
        isinstance(row, dict)
        and type(row.get("step")) is type(row.get("scale", 0)) is int
        and set(map(type, row.values())) <= _NUMBERS
    )


def _tensorboard_group(name: str) -> str:
    groups = {"d_": "discriminator/", "g_": "generator/"}
    return next((group + name for letter, group in groups.items() if name.startswith(letter)), f"training/{name}")
