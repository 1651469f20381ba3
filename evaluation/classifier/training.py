"""What `python -m evaluation.train_classifier` does: a classifier trained, saved and judged on what it never heard."""

import argparse
import json
import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from data.instrument_folders import is_of_instruments
from evaluation.classifier.classifier_run import ClassifierRun, Pool, Schedule, begun_with
from evaluation.classifier.folds import instrument_folds
from evaluation.classifier.labelled_notes import (
    LabelledNotes,
    open_labelled_notes,
    records_of,
    without_doubtful_pitches,
    without_unplayable_families,
)
from evaluation.classifier.predictions import PREDICTIONS, predictions_of, write_predictions
from evaluation.classifier.report import write_report
from evaluation.classifier.tasks import Task, inception_task, note_task
from evaluation.embeddings.note_classifier import named_weights
from evaluation.embeddings.weights import read_weights
from utils.cli import EXIT_INTERRUPTED
from utils.device import choose_device
from utils.errors import UserError
from utils.files import atomic_path, sha256_of_file, write_json
from utils.interrupt import StopRequest
from utils.precision import has_bf16, warn_if_slow
from utils.run_lock import RunFolderLock

logger = logging.getLogger(__name__)

WEIGHTS = "classifier.safetensors"
NOTE_CACHE = "note_cache"
PRECISIONS = {"bf16": torch.bfloat16, "float32": torch.float32}


def train_classifier(args: argparse.Namespace, argv: Sequence[str]) -> int:
    """Train with the options `args`, parsed from the command line `argv`; returns the exit code. Raises: UserError."""
    if not -1 <= args.fold < args.folds or (args.fold >= 0 and args.folds < 2):
        raise UserError(f"fold {args.fold} of {args.folds}: must be from 0 to {args.folds - 1}, or -1")
    cache = args.output.parent / NOTE_CACHE  # beside the run, so that the folds of a cross-check share what is decoded
    with StopRequest() as stop, RunFolderLock(args.output) as lock:
        task = _task(args)
        notes = [
            open_labelled_notes(folder, task, cache, skip_broken=args.skip_broken)
            for folder in (args.data, *args.extra_data)
        ]
        if args.drop_doubtful_pitches:
            notes = [
                without_doubtful_pitches(each) if each is notes[0] or is_of_instruments(each.folder) else each
                for each in notes
            ]
        if args.drop_unplayable_families:
            notes = [without_unplayable_families(each) for each in notes]
        unheard = [open_labelled_notes(folder, task, cache, skip_broken=args.skip_broken) for folder in args.unheard]
        lock.take()
        held = _held_out(args, notes[0])
        precision = _precision(args)
        start = named_weights(args.start_from) if args.start_from else None
        run = _run(args, task, notes, held, unheard, precision)
        if start:
            run.begin_with(read_weights(start), start)
        identity = _identity(args, task, notes, precision, start)
        if run.restore(args.output, identity):
            logger.info("%s: resuming at step %d", args.output, run.step)
        if not run.train(args.output, identity, lambda: stop.made):
            return EXIT_INTERRUPTED
        sys.stdout.write(_write_results(args, argv, run, notes[0], held, identity))
    return 0


def _task(args: argparse.Namespace) -> Task:
    if args.network == "note-classifier":
        return note_task()
    records = [record for folder in (args.data, *args.extra_data) for record in records_of(folder)]
    return inception_task(args.attribute, records)


def _held_out(args: argparse.Namespace, notes: LabelledNotes) -> npt.NDArray[np.int64]:
    """The rows of the notes that are judged."""
    if args.fold < 0:
        return np.zeros(0, dtype=np.int64)
    folds = instrument_folds(notes.records, notes.contents(), args.folds, seed=0)
    held = np.flatnonzero(folds == args.fold)
    if len(held) in (0, len(folds)):
        raise UserError(f"{notes.folder}: too few instruments for {args.folds} folds; give fewer folds, or fold -1")
    return held


def _run(
    args: argparse.Namespace,
    task: Task,
    notes: Sequence[LabelledNotes],
    held: npt.NDArray[np.int64],
    unheard: Sequence[LabelledNotes],
    precision: torch.dtype,
) -> ClassifierRun:
    schedule = Schedule(
        steps=args.steps,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate or task.learning_rate,
        validate_every=args.validate_every,
        patience=args.patience,
    )
    rows = [np.flatnonzero(each.labelled()) for each in notes]
    rows[0] = np.setdiff1d(rows[0], held)
    if not len(rows[0]):
        raise UserError(f"{args.data}: no note is left for training outside fold {args.fold}; give more notes")
    return ClassifierRun(
        task,
        [Pool(each, chosen) for each, chosen in zip(notes, rows, strict=True)],
        schedule,
        seed=args.seed,
        device=choose_device(args.device),
        precision=precision,
        held_out=(notes[0], held) if len(held) else None,
        unheard=unheard,
    )


def _precision(args: argparse.Namespace) -> torch.dtype:
    """The one asked for, else that in which this training began, else bfloat16 where the processor has it."""
    device = choose_device(args.device)
    begun = begun_with(args.output).get("precision") if args.precision == "auto" else None
    names = {str(dtype).removeprefix("torch."): name for name, dtype in PRECISIONS.items()}
    name = names.get(str(begun)) or args.precision
    if name == "auto":
        name = "bf16" if has_bf16(device) else "float32"
    if name == "bf16":
        warn_if_slow(device)
    logger.info("the network computes in %s", name)
    return PRECISIONS[name]


def _identity(
    args: argparse.Namespace,
    task: Task,
    notes: Sequence[LabelledNotes],
    precision: torch.dtype,
    start: Path | None,
) -> dict[str, Any]:
    """Settings and notes by which a training is recognised, as JSON values."""
    free = {"output", "verbose", "quiet", "device", "skip_broken", "data", "extra_data", "unheard", "start_from"}
    settings = {name: value for name, value in vars(args).items() if name not in free}
    classes = {name: list(values) for name, values in task.classes.items()}
    if start:
        settings["started_from_sha256"] = sha256_of_file(start)
    settings["precision"] = str(precision).removeprefix("torch.")
    return {**settings, "classes": classes, "notes": [sorted(each.contents()) for each in notes]}


def _write_results(
    args: argparse.Namespace,
    argv: Sequence[str],
    run: ClassifierRun,
    notes: LabelledNotes,
    held: npt.NDArray[np.int64],
    identity: dict[str, Any],
) -> str:
    path = args.output / WEIGHTS
    half = {
        name: tensor.half().contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in run.weights().items()
        if not name.endswith("num_batches_tracked")
    }
    with atomic_path(path) as temporary:
        # one entry: safetensors writes several in an order that changes from run to run, and the file's hash with it
        save_file(
            half, temporary, {"classifier": json.dumps({"network": run.task.name, "classes": identity["classes"]})}
        )
    card = {
        "command": shlex.join(["python", "-m", "evaluation.train_classifier", *argv]),
        "network": run.task.name,
        "steps": run.step,
        **({"started_from_sha256": identity["started_from_sha256"]} if args.start_from else {}),
        "precision": identity["precision"],
        "weights_of_step": run.best.get("step", run.step),
        "weights_sha256": sha256_of_file(path),
        "notes": {
            str(folder): len(pool.rows) for folder, pool in zip((args.data, *args.extra_data), run.pools, strict=True)
        },
        "classes": identity["classes"],
        "torch": torch.__version__,
    }
    write_json(args.output / "card.json", card)
    if not len(held):
        return f"{path}: trained on all notes, judged on none; train with held-out folds to judge it\n"
    run.average.module.load_state_dict(run.weights())
    labels = {name: values[held] for name, values in notes.labels.items()}
    found = predictions_of([notes.records[row] for row in held], labels, run.logits(notes, held), run.task.classes)
    write_predictions(args.output / PREDICTIONS, found)
    report = write_report(args.output, found, run.task.classes)
    return f"{report}\n{args.output}: {WEIGHTS}, {PREDICTIONS}, report.md, report.json, confusion_*.csv, .png\n"
