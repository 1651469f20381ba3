"""What a classifier predicts for notes that it has not learned from: a table with a row for each note and head."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from torch import Tensor

from data.note_folder import family_of
from data.note_records import NoteRecord
from evaluation.classifier.folds import instrument_of
from evaluation.classifier.tasks import UNLABELLED, Classes
from utils.errors import DataError
from utils.files import atomic_path

PREDICTIONS = "predictions.csv"
COLUMNS = ["name", "instrument", "family", "attribute", "label", "predicted"]


def predictions_of(
    records: Sequence[NoteRecord], labels: Mapping[str, Tensor], logits: Mapping[str, Tensor], classes: Classes
) -> pd.DataFrame:
    """`COLUMNS` as text, for the notes that have a class; labels (n,) and logits (n, n_classes) by attribute."""
    rows = []
    for attribute, values in classes.items():
        chosen = logits[attribute].argmax(1).tolist()
        for record, label, predicted in zip(records, labels[attribute].tolist(), chosen, strict=True):
            if label != UNLABELLED:
                note = (record.name, instrument_of(record), family_of(record))
                rows.append((*note, attribute, str(values[label]), str(values[predicted])))
    return pd.DataFrame(rows, columns=COLUMNS, dtype=str)


def write_predictions(path: Path, predictions: pd.DataFrame) -> None:
    """Write the table, whole or not at all."""
    with atomic_path(path) as temporary:
        predictions.to_csv(temporary, index=False, lineterminator="\r\n")


def read_predictions(path: Path) -> pd.DataFrame:
    """The table that `write_predictions` wrote. Raises: DataError if it is missing or damaged."""
    remedy = "train the fold to its end first"
    try:
        found = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a table of predictions ({error}); {remedy}") from error
    if list(found) != COLUMNS:
        raise DataError(f"{path}: not a table of predictions (its columns are {', '.join(found)}); {remedy}")
    return found
