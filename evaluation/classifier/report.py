"""How well a classifier does on notes that it has not learned from: by class, by instrument, and what it mixes up."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from evaluation.classifier.predictions import Prediction
from evaluation.classifier.tasks import Classes
from utils.files import atomic_path, write_json
from utils.tables import markdown_table

_MOST_COUNTED = 20  # classes whose counts fit into the picture


def write_report(folder: Path, predictions: Sequence[Prediction], classes: Classes) -> str:
    """Write report.md, report.json and, for each head, a confusion matrix as CSV and picture; returns the report."""
    parts, plain = [], {}
    for attribute, values in classes.items():
        of_head = [each for each in predictions if each.attribute == attribute]
        if not of_head:
            continue
        names = [str(value) for value in values]
        matrix = confusion_matrix(of_head, names)
        _write_confusion(folder / f"confusion_{attribute}", matrix, names)
        plain[attribute] = _in_numbers(of_head, matrix, names)
        parts.append(f"## {attribute}\n\n{_in_words(plain[attribute])}\n\n{_by_class(plain[attribute])}\n")
    text = "\n".join(parts)
    write_json(folder / "report.json", plain)
    with atomic_path(folder / "report.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    return text


def confusion_matrix(predictions: Sequence[Prediction], names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Notes (n, n): rows are what they are, columns what they are taken for."""
    place = {name: index for index, name in enumerate(names)}
    matrix = np.zeros((len(names), len(names)), dtype=np.int64)
    for each in predictions:
        matrix[place[each.label], place[each.predicted]] += 1
    return matrix


def _in_numbers(
    predictions: Sequence[Prediction], matrix: npt.NDArray[np.int64], names: Sequence[str]
) -> dict[str, object]:
    n_notes = Counter(each.instrument for each in predictions)
    right = [(each.label == each.predicted, n_notes[each.instrument]) for each in predictions]
    by_class = {}
    for name, row, column in zip(names, matrix, matrix.T, strict=True):
        hits = int(row[names.index(name)])
        if row.sum() or column.sum():
            by_class[name] = {
                "notes": int(row.sum()),
                "recall": hits / int(row.sum()) if row.sum() else None,
                "precision": hits / int(column.sum()) if column.sum() else None,
            }
    recalls = [each["recall"] for each in by_class.values() if each["recall"] is not None]
    return {
        "notes": len(predictions),
        "instruments": len(n_notes),
        "accuracy": float(np.mean([hit for hit, _ in right])),
        "mean_recall": float(np.mean(recalls)),
        "of_instruments_with_10_notes_or_more": _share([hit for hit, n in right if n >= 10]),
        "of_instruments_with_fewer": _share([hit for hit, n in right if n < 10]),
        "by_class": by_class,
    }


def _share(hits: Sequence[bool]) -> dict[str, float | int | None]:
    return {"notes": len(hits), "accuracy": float(np.mean(hits)) if hits else None}


def _in_words(numbers: Mapping[str, object]) -> str:
    many, few = numbers["of_instruments_with_10_notes_or_more"], numbers["of_instruments_with_fewer"]
    assert isinstance(many, dict)
    assert isinstance(few, dict)
    return (
        f"{_percent(numbers['accuracy'])} of {numbers['notes']} notes of {numbers['instruments']} instruments that "
        f"training did not hear are right, {_percent(numbers['mean_recall'])} as a mean over the classes; "
        f"{_percent(many['accuracy'])} of the {many['notes']} notes of instruments with 10 notes or more, "
        f"{_percent(few['accuracy'])} of the {few['notes']} notes of the others."
    )


def _by_class(numbers: Mapping[str, object]) -> str:
    by_class = numbers["by_class"]
    assert isinstance(by_class, dict)
    rows = [
        (name, str(each["notes"]), _percent(each["recall"]), _percent(each["precision"]))
        for name, each in by_class.items()
    ]
    return markdown_table(("class", "notes", "recall", "precision"), rows)


def _percent(share: object) -> str:
    return f"{100 * share:.1f} %" if isinstance(share, float) else "-"


def _write_confusion(path: Path, matrix: npt.NDArray[np.int64], names: Sequence[str]) -> None:
    with atomic_path(path.with_suffix(".csv")) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["is / taken for", *names])
        writer.writerows([name, *row] for name, row in zip(names, matrix.tolist(), strict=True))
    few = len(names) <= _MOST_COUNTED
    size, letters = (2.5 + 0.28 * len(names), 7) if few else (2.5 + 0.12 * len(names), 5)
    figure = Figure(figsize=(size + 0.6, size), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    picture = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))  # single errors are seen
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=letters)
    axes.set_yticks(range(len(names)), names, fontsize=letters)
    axes.set(xlabel="taken for", ylabel="is")
    if few:
        for row, column in zip(*np.nonzero(matrix), strict=True):
            colour = "white" if share[row, column] > 0.3 else "black"
            axes.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=7, color=colour)
    figure.colorbar(picture, label="share of the notes that are it", shrink=0.8)
    with atomic_path(path.with_suffix(".png")) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
