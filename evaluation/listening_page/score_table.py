"""The scores that eval.py wrote, by score and by what was scored, each with its metric card."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.listening_page.charts import in_words
from evaluation.listening_page.runs import HeardRun
from evaluation.listening_page.score_intervals import Interval, bars, clear_best, interval
from evaluation.scoring.comparison import compare_results, differences
from evaluation.scoring.results_file import RESULTS, Line, read_results
from evaluation.scoring.verdict import better_in_words
from utils.errors import UserError

BASELINE = "baseline (the real side alone)"
_NOT_BETTER = dict.fromkeys(("attack-time", "onset-level", "loudness", "loudness-spread"), "near that of real notes")
"""What is said of scores that alone make no sound the best."""


@dataclass(frozen=True)
class ScoreCell:
    """One score: value, standard error and notes in words, and the number of its card (from 1).

    `bar`: its interval as (low, value, high) in percent of the row's span, if it is known. `best`: its interval
    overlaps that of no other run that was scored under the same conditions.
    """

    value: str
    number: float
    error: str
    notes: str
    card: int
    bar: tuple[float, float, float] | None = None
    best: bool = False


@dataclass(frozen=True)
class ScoreCard:
    """A metric card as indented JSON, with a title."""

    title: str
    text: str


@dataclass(frozen=True)
class ScoreTable:
    """`rows`: score -> a cell for each of `columns`, None where that was not scored so."""

    columns: list[str]
    rows: dict[str, list[ScoreCell | None]]
    cards: list[ScoreCard]
    remarks: list[str]
    runs: list[int | None]
    """For each column, the place of its run among those of the page, from 1; None if it is not there."""


def better(score: str) -> str:
    """Which way the score is better, where that is known of it by its name.

    >>> better("fad-vggish-google")
    'lower is better'
    """
    return _NOT_BETTER.get(score) or better_in_words(score)


def default_score_folders(runs: Sequence[HeardRun]) -> list[Path]:
    """The folders RUN/scores* that eval.py filled, by name."""
    found = [sorted(path for path in run.folder.glob("scores*") if (path / RESULTS).is_file()) for run in runs]
    return [path for paths in found for path in paths]


def score_table(folders: Sequence[Path], runs: Sequence[HeardRun]) -> ScoreTable | None:
    """The last line of each score of each source in the results of `folders`; None if there is no line.

    Raises: UserError if a folder holds no results, or a line of them is none.
    """
    lines = [line for folder in folders for line in _lines(folder)]
    if not lines:
        return None
    last = {(str(line["name"]), _column(line, runs)): line for line in lines}
    names = list(dict.fromkeys(name for name, _ in last))
    columns = sorted(dict.fromkeys(column for _, column in last), key=BASELINE.__eq__)
    cards: list[ScoreCard] = []
    rows: dict[str, list[ScoreCell | None]] = {}
    for name in names:
        row: list[ScoreCell | None] = []
        for column in columns:
            line = last.get((name, column))
            if line:
                cards.append(ScoreCard(f"{name}, {column}", json.dumps(line, indent=2, ensure_ascii=False)))
            row.append(_cell(line, len(cards)) if line else None)
        rows[name] = _side_by_side(name, row, [last.get((name, column)) for column in columns])
    _, remarks = compare_results(folders)
    if len(last) < len(lines):
        remarks.append(f"{len(lines) - len(last)} earlier values of the same scores are in {RESULTS} only.")
    titles = [run.title for run in runs]
    heard = [titles.index(column) + 1 if column in titles else None for column in columns]
    return ScoreTable(columns, rows, cards, remarks, heard)


def _lines(folder: Path) -> list[Line]:
    lines = read_results(folder / RESULTS)
    for number, line in enumerate(lines, start=1):
        if not isinstance(line.get("name"), str) or not isinstance(line.get("value"), int | float):
            where = f"{folder / RESULTS}, line {number}"
            raise UserError(f"{where}: lacks the name or the value of a score; move the file away")
    return lines


def _column(line: Line, runs: Sequence[HeardRun]) -> str:
    """Where the line stands: under the run whose checkpoint was scored, or else under what its card calls it."""
    if line.get("baseline"):
        return BASELINE
    origin = line.get("fake_origin")
    scored = origin.get("checkpoint_sha256") if isinstance(origin, dict) else None
    run = next((run for run in runs if run.card["checkpoint_sha256"] == scored), None)
    return run.title if run else str(line.get("fake") or "not recorded")


def _cell(line: Line, card: int) -> ScoreCell:
    error, n_real, n_fake = line.get("standard_error"), line.get("n_real"), line.get("n_fake")
    if line.get("baseline"):
        notes = f"{n_real} real" if n_fake is None else f"{n_real} and {n_fake} real"
    else:
        notes = ", ".join(f"{n} {what}" for n, what in ((n_real, "real"), (n_fake, "generated")) if n is not None)
    said = f"± {error:.2g}" if isinstance(error, int | float) else ""
    return ScoreCell(in_words(line["value"]), line["value"], said, notes, card)


def _side_by_side(name: str, cells: Sequence[ScoreCell | None], lines: Sequence[Line | None]) -> list[ScoreCell | None]:
    """The `cells` of one score, with their bars, and the best one marked where it may be called so."""
    known = [_interval(line) if line else None for line in lines]
    scored = [place for place, line in enumerate(lines) if line and not line.get("baseline")]
    best = None
    if (way := better(name)) in ("higher is better", "lower is better"):
        clear = clear_best([known[place] for place in scored], higher=way == "higher is better")
        alike = all(not differences(lines[scored[0]] or {}, lines[place] or {}) for place in scored[1:])
        best = scored[clear] if clear is not None and alike else None
    return [
        cell and replace(cell, bar=bar, best=place == best)
        for place, (cell, bar) in enumerate(zip(cells, bars(known), strict=True))
    ]


def _interval(line: Line) -> Interval | None:
    """By instrument where the line has that, since notes of one instrument are not independent."""
    by_instrument = line.get("standard_error_by_instrument")
    return interval(line["value"], line.get("standard_error") if by_instrument is None else by_instrument)
