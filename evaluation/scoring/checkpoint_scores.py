"""The scores of one checkpoint among the results of eval.py, for its card."""

from collections.abc import Sequence
from pathlib import Path

from evaluation.scoring.results_file import RESULTS, Line, read_results
from utils.errors import UserError
from utils.tables import markdown_table

_HEADER = ["score", "value", "standard error", "notes", "real notes", "date"]


def scores_of_checkpoint(folders: Sequence[Path], checkpoint_sha256: str) -> str:
    """The newest line of each score, in Markdown, of notes that eval.py made with that checkpoint (`--run`).

    The names of files and folders stay out of it. Raises: UserError if a folder has no such scores.
    """
    newest: dict[str, Line] = {}
    for folder in folders:
        lines = [line for line in read_results(folder / RESULTS) if _is_of(line, checkpoint_sha256)]
        if not lines:
            raise UserError(f"{folder}: holds no scores of this checkpoint; score it with eval.py all --run")
        newest |= {str(line.get("name")): line for line in lines}
    return markdown_table(_HEADER, [_row(name, line) for name, line in newest.items()])


def _is_of(line: Line, checkpoint_sha256: str) -> bool:
    origin = line.get("fake_origin")
    return (
        isinstance(origin, dict)
        and origin.get("kind") == "run"
        and origin.get("checkpoint_sha256") == checkpoint_sha256
        and not line.get("baseline")
    )


def _row(name: str, line: Line) -> list[str]:
    numbers = [(line.get(key), form) for key, form in (("value", ".4g"), ("standard_error", ".2g"))]
    counts = [(line.get(key), "d") for key in ("n_fake", "n_real")]
    shown = [format(value, form) if isinstance(value, int | float) else "-" for value, form in (*numbers, *counts)]
    return [name, *shown, str(line.get("date", "-"))[:10]]
