"""The tables and pictures of checkpoints that were chosen during training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.comparison.cells import Table, mean_cell, range_cell
from evaluation.comparison.checkpoints import KeptCheckpoint
from evaluation.comparison.during_training import BEST, EQUAL_TIME, LAST, SOONER, Chosen, DuringTraining, Validation
from evaluation.metrics.seeds import over_seeds
from utils.line_chart import CurveGroup, Points, save_curves

_MINUTE = 60  # s


def checkpoint_tables(found: DuringTraining, scores: Sequence[str], headings: Sequence[str]) -> list[Table]:
    """The best checkpoints beside the last ones, and all runs at equal time; `headings` are those of the `scores`."""
    tables = []
    if found.validation is not None:
        score = found.validation.score
        header = ["representation", "checkpoint", "seeds", "notes seen", f"validation: {score}", *headings]
        rows = [_row_of_best(each, found.validation, scores) for each in found.of(BEST, LAST)]
        tables.append(Table(f"Best checkpoint by {score}", header, rows))
    if found.seconds is not None:
        header = ["representation", "seeds", "notes seen", "minutes", *headings]
        rows = [_row_at_time(each, scores) for each in found.of(EQUAL_TIME)]
        tables.append(Table(f"At equal time: {found.seconds / _MINUTE:.3g} minutes", header, rows))
    return tables


def checkpoint_records(found: DuringTraining) -> list[dict[str, Any]]:
    """Rows of the CSV table: scores of chosen checkpoints, and the validation score of every one."""
    rows = [row for each in found.chosen for row in _records_of_chosen(each)]
    return rows + (_records_of_validation(found.kept, found.validation) if found.validation else [])


def _records_of_validation(kept: Sequence[KeptCheckpoint], validation: Validation) -> list[dict[str, Any]]:
    return [
        {
            "kind": "validation",
            "representation": each.title,
            "name": validation.score,
            "value": validation.values[each.sha256],
            "notes_seen": each.notes_seen,
            "seconds": each.seconds,
            "training_seed": each.seed,
        }
        for each in kept
        if each.sha256 in validation.values
    ]


def _records_of_chosen(each: Chosen) -> list[dict[str, Any]]:
    notes = [kept.notes_seen for kept in each.checkpoints]
    places = {"notes_seen": sum(notes) / len(notes), "seconds": _mean_time(each.checkpoints)}
    rows = []
    for name, over in each.scores.items():
        low, high = over.interval or (None, None)
        spread = {"value": over.mean, "low": low, "high": high, "seeds": over.n}
        rows.append({"kind": each.how, "representation": each.title, "name": name, **spread, **places})
    return rows


def names_of_curves(score: str) -> list[str]:
    """The files of `write_curves`, in their folder."""
    return [f"{score}_by_notes.png", f"{score}_by_time.png"]


def write_curves(folder: Path, found: DuringTraining, titles: Sequence[str], name: str) -> None:
    """Draw the validation score of every checkpoint against notes seen and against time. Raises: UserError."""
    if found.validation is None:
        return
    by_notes, by_time = names_of_curves(found.validation.score)
    shown = {"title": f"{name}: {found.validation.score} of the kept checkpoints", "y_label": found.validation.score}
    save_curves(
        folder / by_notes, _groups(found.kept, found.validation, titles, by_time=False), x_label="notes seen", **shown
    )
    save_curves(
        folder / by_time,
        _groups(found.kept, found.validation, titles, by_time=True),
        x_label="minutes of training",
        **shown,
    )


def _row_of_best(each: Chosen, validation: Validation, scores: Sequence[str]) -> list[str]:
    how = f"best by {validation.score}" if each.how == BEST else "last"
    values = [validation.values[kept.sha256] for kept in each.checkpoints if kept.sha256 in validation.values]
    return [
        *(each.title, how, str(len(each.checkpoints)), range_cell([kept.notes_seen for kept in each.checkpoints])),
        mean_cell(over_seeds(values) if values else None),
        *(mean_cell(each.scores.get(name)) for name in scores),
    ]


def _row_at_time(each: Chosen, scores: Sequence[str]) -> list[str]:
    minutes = [kept.seconds / _MINUTE for kept in each.checkpoints if kept.seconds is not None]
    return [
        f"{each.title} {SOONER}" if each.ended_sooner else each.title,
        str(len(each.checkpoints)),
        range_cell([kept.notes_seen for kept in each.checkpoints]),
        range_cell(minutes, ".3g"),
        *(mean_cell(each.scores.get(name)) for name in scores),
    ]


def _mean_time(checkpoints: Sequence[KeptCheckpoint]) -> float | None:
    times = [each.seconds for each in checkpoints if each.seconds is not None]
    return sum(times) / len(times) if len(times) == len(checkpoints) else None


def _groups(
    kept: Sequence[KeptCheckpoint], validation: Validation, titles: Sequence[str], *, by_time: bool
) -> list[CurveGroup]:
    """A curve for each seed, and their mean at the steps that all seeds have."""
    groups = []
    for title in titles:
        curves: dict[int, dict[int, tuple[float, float]]] = {}  # seed -> step -> point
        for each in kept:
            x = (None if each.seconds is None else each.seconds / _MINUTE) if by_time else each.notes_seen
            if each.title == title and each.sha256 in validation.values and x is not None:
                curves.setdefault(each.seed, {})[each.step] = (x, validation.values[each.sha256])
        if curves:
            members = [[curve[step] for step in sorted(curve)] for curve in curves.values()]
            groups.append(CurveGroup(title, _mean(list(curves.values())), members))
    return groups


def _mean(curves: Sequence[dict[int, tuple[float, float]]]) -> Points:
    common = sorted(set.intersection(*(set(curve) for curve in curves)))
    return [
        (
            sum(curve[step][0] for curve in curves) / len(curves),
            sum(curve[step][1] for curve in curves) / len(curves),
        )
        for step in common
    ]
