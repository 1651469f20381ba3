"""What a classifier says of notes that it has not learned from: a table by note."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from data.note_folder import family_of
from data.note_records import NoteRecord
from evaluation.classifier.folds import instrument_of
from evaluation.classifier.tasks import UNLABELLED, Classes
from utils.errors import DataError
from utils.files import atomic_path

PREDICTIONS = "predictions.csv"
_COLUMNS = ("name", "instrument", "family", "attribute", "label", "predicted")


@dataclass(frozen=True)
class Prediction:
    """One head's word on one note."""

    name: str
    instrument: str
    family: str
    attribute: str
    label: str
    predicted: str


def predictions_of(
    records: Sequence[NoteRecord], labels: Mapping[str, Tensor], logits: Mapping[str, Tensor], classes: Classes
) -> list[Prediction]:
    """One for each note and head, where the note has a class; labels (n,), logits (n, n_classes) by attribute."""
    found = []
    for attribute, values in classes.items():
        chosen = logits[attribute].argmax(1).tolist()
        for record, label, predicted in zip(records, labels[attribute].tolist(), chosen, strict=True):
            if label != UNLABELLED:
                words = (attribute, str(values[label]), str(values[predicted]))
                found.append(Prediction(record.name, instrument_of(record), family_of(record), *words))
    return found


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write the table, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(vars(prediction) for prediction in predictions)


def read_predictions(path: Path) -> list[Prediction]:
    """The table that `write_predictions` wrote. Raises: DataError if it is missing or damaged."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [Prediction(**row) for row in csv.DictReader(file)]
    except (OSError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not a table of predictions ({error}); train the fold to its end first") from error
