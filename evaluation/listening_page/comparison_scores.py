"""The scores of a comparison as its table.csv has them: representations, floors and unseen real notes, over seeds."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.listening_page.charts import in_words
from evaluation.listening_page.runs import HeardRun
from evaluation.listening_page.score_intervals import Interval, bars, clear_best
from evaluation.scoring.results_file import COMPARISON_KEY, COMPARISON_TABLE, RESULTS, read_results
from evaluation.scoring.verdict import better_in_words, higher_is_better
from utils.errors import UserError

RUN, FLOOR, UNSEEN = "score", "floor", "unseen"
"""What a row is of, as the column `kind` of the table says: trained runs, or real notes."""

Record = Mapping[str, str]


@dataclass(frozen=True)
class SeedsCell:
    """The mean of a score over seeds, its t-interval in words (empty for one seed), and what may be claimed.

    `bar`: mean and interval as (low, value, high) in percent of the column's span. `best`: its interval overlaps that
    of no other representation; never said of a single seed, which has none.
    """

    value: str
    interval: str
    claim: str
    bar: tuple[float, float, float]
    best: bool


@dataclass(frozen=True)
class SeedsRow:
    """A row: its `kind`, how many seeds it is over, a cell for each score (None: not scored) and the run to hear.

    `run` is the place of a run of its representation among those of the page, from 1; None if none is there.
    """

    kind: str
    title: str
    seeds: str
    cells: list[SeedsCell | None]
    run: int | None


@dataclass(frozen=True)
class ComparisonScores:
    """One comparison: its name, and its rows in the order of its file. `ways`: which way each of `scores` is better."""

    name: str
    scores: list[str]
    ways: list[str]
    rows: list[SeedsRow]

    @property
    def has_best(self) -> bool:
        """Whether any score has a best representation."""
        return any(cell.best for row in self.rows for cell in row.cells if cell)


def is_comparison(folder: Path) -> bool:
    """Whether `folder` holds the results of a comparison. Raises: UserError if it holds no results."""
    return any(COMPARISON_KEY in line for line in read_results(folder / RESULTS))


def comparison_scores(folder: Path, runs: Sequence[HeardRun]) -> ComparisonScores:
    """What `table.csv` in `folder` says, beside the `runs` of the page. Raises: UserError if it cannot be read."""
    records = [record for record in _records(folder / COMPARISON_TABLE) if record["kind"] in (RUN, FLOOR, UNSEEN)]
    lines = [line for line in read_results(folder / RESULTS) if COMPARISON_KEY in line]
    scores = list(dict.fromkeys(record["name"] for record in records))
    found = {(record["kind"], record["representation"], record["name"]): record for record in records}
    titles = list(dict.fromkeys(record["representation"] for record in records if record["kind"] == RUN))
    places = [place for title in titles for place in ((RUN, title), (FLOOR, title))] + [(UNSEEN, "")]
    places = [place for place in places if any((*place, score) in found for score in scores)]
    columns = [_column(score, [found.get((*place, score)) for place in places]) for score in scores]
    scored = {(line.get("representation"), line.get("checkpoint_sha256")) for line in lines}
    rows = []
    for number, (kind, title) in enumerate(places):
        shown = {FLOOR: f"real notes through {title}", UNSEEN: "unseen real notes"}.get(kind, title)
        heard = [k for k, run in enumerate(runs, start=1) if (title, run.card["checkpoint_sha256"]) in scored]
        of_runs = kind == RUN
        rows.append(
            SeedsRow(
                kind,
                shown,
                _seeds(records, title) if of_runs else "",
                [column[number] for column in columns],
                heard[0] if of_runs and heard else None,
            )
        )
    name = next((str(line[COMPARISON_KEY]) for line in lines), folder.name)
    return ComparisonScores(name, scores, [better_in_words(score) for score in scores], rows)


def _records(path: Path) -> list[Record]:
    """The rows of a comparison's table. Raises: UserError."""
    what = "not the table of a comparison; score it again"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            records: list[Record] = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read; score the comparison again") from error
    for number, record in enumerate(records, start=2):
        try:
            values = {name: record[name] for name in ("kind", "representation", "name", "seeds", "claim")}
            numbers = [_number(record[name]) for name in ("value", "low", "high")]
            numbers += [int(record["seeds"] or "")] if record["kind"] == RUN else []
        except (KeyError, ValueError) as error:
            raise UserError(f"{path}, line {number}: {what}") from error
        if None in values.values() or any(value is not None and not math.isfinite(value) for value in numbers):
            raise UserError(f"{path}, line {number}: {what}")
    return records


def _seeds(records: Sequence[Record], title: str) -> str:
    """Of how many seeds the scores of a representation are: a number, or the fewest and the most."""
    counts = [int(record["seeds"]) for record in records if (record["kind"], record["representation"]) == (RUN, title)]
    return " to ".join(str(count) for count in dict.fromkeys((min(counts), max(counts))))


def _number(text: str | None) -> float | None:
    """Raises: ValueError."""
    return float(text) if text else None


def _column(score: str, records: Sequence[Record | None]) -> list[SeedsCell | None]:
    """The cells of one score, the best representation marked where its interval stands apart."""
    known = [_interval(record) if record else None for record in records]
    of_runs = [place for place, record in enumerate(records) if record and record["kind"] == RUN]
    higher = higher_is_better(score)
    best = None
    if higher is not None:
        spread = [each if (each := known[place]) and each.low < each.high else None for place in of_runs]
        clear = clear_best(spread, higher=higher)
        best = None if clear is None else of_runs[clear]
    return [
        _cell(record, each, bar, place == best) if record and each and bar else None
        for place, (record, each, bar) in enumerate(zip(records, known, bars(known), strict=True))
    ]


def _interval(record: Record) -> Interval | None:
    """Mean and interval; of one seed, or of real notes, the value alone."""
    value, low, high = (_number(record[name]) for name in ("value", "low", "high"))
    return None if value is None else Interval(value, *((value, value) if low is None or high is None else (low, high)))


def _cell(record: Record, found: Interval, bar: tuple[float, float, float], best: bool) -> SeedsCell:
    said = f"[{in_words(found.low)}, {in_words(found.high)}]" if found.low < found.high else ""
    return SeedsCell(in_words(found.value), said, record["claim"], bar, best)
