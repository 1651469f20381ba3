"""One picture for each primary score: representations with the interval of their seeds, in the order of the file.

Beside them, the validation score of kept checkpoints.
"""

from collections.abc import Sequence
from pathlib import Path

from evaluation.comparison.checkpoint_tables import names_of_curves, write_curves
from evaluation.comparison.findings import Finding
from evaluation.comparison.summary import Summary
from evaluation.comparison.tables import UNSEEN_ROW
from evaluation.scoring.verdict import better_in_words
from utils.interval_chart import IntervalRow, save_intervals

FOLDER = "figures"


def names_of_figures(scores: Sequence[str], validation: str | None) -> list[str]:
    """The files below the output folder."""
    curves = [] if validation is None else names_of_curves(validation)
    return [f"{FOLDER}/{name}" for name in (*(f"{score}.png" for score in scores), *curves)]


def write_figures(folder: Path, summary: Summary) -> None:
    """Write the picture of every score, and those of kept checkpoints, into `folder`. Raises: UserError."""
    for score, name in zip(summary.scores, names_of_figures(summary.scores, None), strict=True):
        rows = [
            _row(each, summary.floors.get(each.representation, {}).get(score))
            for each in summary.findings
            if each.score == score
        ]
        lines = {UNSEEN_ROW: summary.unseen[score]} if score in summary.unseen else {}
        title = ", ".join(text for text in (f"{summary.name}: {score}", better_in_words(score)) if text)
        save_intervals(folder / name, rows, title=title, beside="real notes through the representation", lines=lines)
    if summary.during:
        write_curves(folder / FOLDER, summary.during, [title for title, _ in summary.by_representation()], summary.name)


def _row(finding: Finding, floor: float | None) -> IntervalRow:
    over = finding.over
    return IntervalRow(
        label=finding.representation,
        mean=over.mean if over else None,
        interval=over.interval if over else None,
        values=list(finding.values.values()),
        beside=floor,
    )
