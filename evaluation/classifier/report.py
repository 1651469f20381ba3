"""How well a classifier does on notes that it has not learned from: by class, by instrument, and what it confuses."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from evaluation.classifier.tasks import PITCH, Classes
from utils.errors import DataError, UserError
from utils.files import atomic_path, read_json, write_json, write_text
from utils.spelling import counted
from utils.tables import markdown_table

REPORT, REPORT_IN_WORDS = "report.json", "report.md"
_MANY_NOTES = 10  # of an instrument that has a row of its own
_OCTAVE = 12
_MOST_COUNTED = 20  # classes whose counts fit into the picture


def write_report(
    folder: Path, predictions: pd.DataFrame, classes: Classes, *, of: str = " that training did not hear"
) -> str:
    """Write report.md, report.json and, for each head, a confusion matrix as CSV and picture; returns the report.

    `predictions` have the columns of `evaluation.classifier.predictions`; `of` says of the instruments what they are.
    """
    parts, plain, matrices = [], {}, {}
    for attribute, values in classes.items():
        of_head = predictions[predictions["attribute"] == attribute]
        if of_head.empty:
            continue
        matrix = confusion_matrix(of_head, [str(value) for value in values])
        matrices[attribute] = matrix
        plain[attribute] = _in_numbers(of_head, matrix)
        numbers = plain[attribute]
        parts.append(
            f"## {attribute}\n\n{_in_words(numbers, of)}\n\n{_by_class(numbers)}\n\n{_by_instrument(numbers)}\n"
        )
    text = "\n".join(parts)
    write_json(folder / REPORT, plain)  # first: it shows whose the other files are
    write_text(folder / REPORT_IN_WORDS, text)
    for attribute, matrix in matrices.items():
        _write_confusion(folder / f"confusion_{attribute}", matrix)
    return text


def files_of_report(folder: Path) -> list[Path]:
    """Those in `folder` that have the names of a report's files."""
    return [*(folder / name for name in (REPORT, REPORT_IN_WORDS)), *sorted(folder.glob("confusion_*"))]


def is_report(folder: Path) -> bool:
    """Whether `folder` holds a report that `write_report` began to write."""
    try:
        found = read_json(folder / REPORT)
    except UserError:
        return False
    heads = found.values() if isinstance(found, dict) else ()
    return bool(heads) and all(isinstance(head, dict) and "by_class" in head for head in heads)


def confusion_matrix(predictions: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Number of notes of each class `names` (rows) that are taken for each class (columns).

    Raises: DataError if the predictions have another class.
    """
    counts = pd.crosstab(predictions["label"], predictions["predicted"])
    if unknown := sorted({*counts.index, *counts.columns} - set(names)):
        raise DataError(f"predictions of {unknown[0]}, not one of the {len(names)} classes; train the fold again")
    return counts.reindex(index=names, columns=names, fill_value=0)


def _in_numbers(predictions: pd.DataFrame, matrix: pd.DataFrame) -> dict[str, Any]:
    right = predictions["label"] == predictions["predicted"]
    notes_of_instrument = predictions.groupby("instrument")["name"].transform("size")
    by_class = {}
    for name in matrix:
        hits, notes, taken = (int(n) for n in (matrix.loc[name, name], matrix.loc[name].sum(), matrix[name].sum()))
        if notes or taken:
            by_class[name] = {
                "notes": notes,
                "recall": hits / notes if notes else None,
                "precision": hits / taken if taken else None,
            }
    shares = right.groupby(predictions["instrument"]).agg(["size", "mean"])
    recalls = [each["recall"] for each in by_class.values() if each["recall"] is not None]
    return {
        "notes": len(predictions),
        "instruments": predictions["instrument"].nunique(),
        "accuracy": float(right.mean()),
        "mean_recall": float(np.mean(recalls)),
        "of_instruments_with_10_notes_or_more": _accuracy(right[notes_of_instrument >= _MANY_NOTES]),
        "of_instruments_with_fewer": _accuracy(right[notes_of_instrument < _MANY_NOTES]),
        "by_class": by_class,
        "by_instrument": {
            str(name): {"notes": int(size), "accuracy": float(mean)}
            for name, size, mean in shares.itertuples()
            if size >= _MANY_NOTES
        },
        **_octave_free(predictions),
    }


def _accuracy(right: pd.Series) -> dict[str, float | int | None]:
    return {"notes": len(right), "accuracy": float(right.mean()) if len(right) else None}


def _octave_free(predictions: pd.DataFrame) -> dict[str, float]:
    """Of pitches: the accuracy that forgives whole octaves, since labels of some instruments are octaves off."""
    if not (predictions["attribute"] == PITCH).all():
        return {}
    steps = predictions["label"].astype(int) - predictions["predicted"].astype(int)
    return {"accuracy_but_for_octaves": float((steps % _OCTAVE == 0).mean())}


def _in_words(numbers: Mapping[str, Any], of: str) -> str:
    octaves = numbers.get("accuracy_but_for_octaves")
    forgiven = "" if octaves is None else f" ({_percent(octaves)} but for whole octaves)"
    many, few = numbers["of_instruments_with_10_notes_or_more"], numbers["of_instruments_with_fewer"]
    instruments = counted(numbers["instruments"], "instrument")
    return (
        f"{_percent(numbers['accuracy'])} of {counted(numbers['notes'], 'note')} of {instruments}{of} "
        f"are right{forgiven}, {_percent(numbers['mean_recall'])} as a mean over the classes; "
        f"{_percent(many['accuracy'])} of {counted(many['notes'], 'note')} of instruments with 10 notes or more, "
        f"{_percent(few['accuracy'])} of {counted(few['notes'], 'note')} of the others."
    )


def _by_class(numbers: Mapping[str, Any]) -> str:
    rows = [
        (name, str(each["notes"]), _percent(each["recall"]), _percent(each["precision"]))
        for name, each in numbers["by_class"].items()
    ]
    return markdown_table(("class", "notes", "recall", "precision"), rows)


def _by_instrument(numbers: Mapping[str, Any]) -> str:
    rows = [(name, str(each["notes"]), _percent(each["accuracy"])) for name, each in numbers["by_instrument"].items()]
    return markdown_table((f"instrument with {_MANY_NOTES} notes or more", "notes", "right"), rows)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _write_confusion(path: Path, matrix: pd.DataFrame) -> None:
    with atomic_path(path.with_suffix(".csv")) as temporary:
        matrix.to_csv(temporary, index_label="is / taken for", lineterminator="\r\n")
    names, counts = list(matrix), matrix.to_numpy()
    few = len(names) <= _MOST_COUNTED
    size, letters = (2.5 + 0.28 * len(names), 7) if few else (2.5 + 0.12 * len(names), 5)
    figure = Figure(figsize=(size + 0.6, size), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    picture = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))  # makes single errors visible
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=letters)
    axes.set_yticks(range(len(names)), names, fontsize=letters)
    axes.set(xlabel="taken for", ylabel="is")
    if few:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if share[row, column] > 0.3 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=7, color=colour)
    figure.colorbar(picture, label="share of the notes of the class", shrink=0.8)
    with atomic_path(path.with_suffix(".png")) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
