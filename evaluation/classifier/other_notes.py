"""What `python -m evaluation.cross_check --classifier` does: weights judged on a folder of other notes."""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evaluation.classifier.labelled_notes import LabelledNotes, open_labelled_notes
from evaluation.classifier.predictions import PREDICTIONS, predictions_of, write_predictions
from evaluation.classifier.report import files_of_report, write_report
from evaluation.classifier.tasks import Task, note_task
from evaluation.embeddings.note_classifier import load_note_classifier, named_weights
from utils.arrays import Int64Array
from utils.errors import UserError
from utils.files import sha256_of_file, write_json
from utils.own_files import require_own_report

_BATCH = 64  # notes
_CARD, _MADE_BY = "card.json", "evaluation.cross_check --classifier"


def report_other_notes(args: argparse.Namespace) -> str:
    """Write the predictions and the report to `args.output`; returns what the terminal shows. Raises: UserError."""
    if args.data is None:
        raise UserError("--classifier judges the notes of --data; give their folder")
    names = [PREDICTIONS, _CARD, *(file.name for file in files_of_report(args.output))]
    require_own_report(args.output, names, _CARD, _MADE_BY)
    weights, task = named_weights(args.classifier), note_task()
    with tempfile.TemporaryDirectory() as cache:
        notes = open_labelled_notes(args.data, task, Path(cache), skip_broken=False)
        rows = np.arange(0, len(notes.cache), args.every)
        logits = _logits(weights, task, notes, rows)
    labels = {name: values[rows] for name, values in notes.labels.items()}
    found = predictions_of([notes.records[row] for row in rows], labels, logits, task.classes)
    judged = {"weights": weights.name, "sha256": sha256_of_file(weights), "every": args.every, "notes": len(rows)}
    write_json(args.output / _CARD, {"made_by": _MADE_BY} | judged)  # first: it shows whose the other files are
    write_predictions(args.output / PREDICTIONS, found)
    return write_report(args.output, found, task.classes, of="")


@torch.inference_mode()
def _logits(weights: Path, task: Task, notes: LabelledNotes, rows: Int64Array) -> dict[str, Tensor]:
    network = load_note_classifier(weights)
    parts = [
        task.logits(network, task.images(notes.cache.waves(rows[start : start + _BATCH])))
        for start in range(0, len(rows), _BATCH)
    ]
    return {name: torch.cat([part[name] for part in parts]) for name in task.classes}
