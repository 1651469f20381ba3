"""What `python -m evaluation.cross_check` does: the predictions of all folds, judged together."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from data.audio_io import read_audio
from data.note_folder import family_of, notes_of_folder
from evaluation.classifier.doubtful_labels import sounds_octaves_away
from evaluation.classifier.predictions import PREDICTIONS, read_predictions
from evaluation.classifier.report import files_of_report, is_report, write_report
from evaluation.classifier.tasks import PITCH, Classes
from evaluation.embeddings.semitone_spectrogram import SAMPLE_RATE
from utils.cli import show_progress
from utils.errors import DataError
from utils.files import read_json
from utils.own_files import require_replaceable

UNDOUBTED = "without_doubtful"


def report_folds(args: argparse.Namespace) -> str:
    """Write the reports to `args.output`; returns what the terminal shows. Raises: UserError."""
    _require_own(args.output, args.folds)
    pooled = pd.concat([read_predictions(folder / PREDICTIONS) for folder in args.folds], ignore_index=True)
    repeated = pooled[pooled.duplicated(["name", "attribute"])]
    if not repeated.empty:
        raise DataError(f"{repeated['name'].iloc[0]}: is in two of the folds; give each fold of one split once")
    classes = _classes(args.folds)
    kept = None
    if args.data:
        kept = pooled[(pooled["attribute"] == PITCH) & pooled["name"].isin(_undoubted(args.data))]
        if kept.empty:
            raise DataError(
                f"{args.data}: none of the folds' notes is here, or all sound octaves away from their label"
            )
    said = write_report(args.output, pooled, classes)
    if kept is not None:
        said += "# Without the notes that sound octaves away from their label\n\n"
        said += write_report(args.output / UNDOUBTED, kept, {PITCH: classes[PITCH]})
    return said


def _require_own(output: Path, folds: Sequence[Path]) -> None:
    """Refuse to replace anything but an earlier pooled report, such as the report of a fold. Raises: UserError."""
    inputs = [path for fold in folds for path in files_of_report(fold)]
    for folder in (output, output / UNDOUBTED):
        require_replaceable(
            files_of_report(folder), lambda path: is_report(path.parent), "part of a report", inputs=inputs
        )


def _undoubted(folder: Path) -> set[str]:
    """Names of the notes whose first second does not sound octaves away from its label.

    Raises: DataError if a note is too short to tell, under half a second.
    """
    names = set()
    for record in tqdm(notes_of_folder(folder), unit="note", disable=not show_progress(), leave=False):
        wave = read_audio(record.path, SAMPLE_RATE)[:SAMPLE_RATE]
        try:
            doubtful = sounds_octaves_away(wave, int(record.attributes[PITCH]), family_of(record))
        except ValueError as error:
            raise DataError(f"{record.path}: too short to tell its pitch; leave the folder of notes out") from error
        if not doubtful:
            names.add(record.name)
    return names


def _classes(folders: Sequence[Path]) -> Classes:
    """The classes of all folds. Raises: DataError if they differ."""
    found: list[Classes] = []
    for folder in folders:
        card = read_json(folder / "card.json", DataError)
        found.append({attribute: tuple(values) for attribute, values in card["classes"].items()})
        if found[-1] != found[0]:
            raise DataError(f"{folder}: has other classes than {folders[0]}; pool folds of one network and data")
    return found[0]
