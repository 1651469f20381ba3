"""Train a classifier of notes on folders in NSynth's layout; judge it on instruments it was not trained on."""

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

from data.note_folder import notes_of_folder
from evaluation.classifier.classifier_run import ClassifierRun, Pool, Schedule
from evaluation.classifier.folds import instrument_folds
from evaluation.classifier.labelled_notes import LabelledNotes, open_labelled_notes, without_doubtful_pitches
from evaluation.classifier.predictions import PREDICTIONS, predictions_of, write_predictions
from evaluation.classifier.report import write_report
from evaluation.classifier.tasks import InceptionTask, NoteTask, Task
from utils.arguments import add_device, add_skip_broken, at_least_one, seed, whole_number
from utils.cli import EXIT_INTERRUPTED, Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.device import choose_device
from utils.errors import UserError
from utils.files import atomic_path, sha256_of_file, write_json
from utils.interrupt import StopRequest
from utils.run_lock import RunFolderLock

logger = logging.getLogger(__name__)

WEIGHTS = "classifier.safetensors"
NOTE_CACHE = "note_cache"
PRECISIONS = {"bfloat16": torch.bfloat16, "float32": torch.float32}


@user_errors_in_one_line("evaluation.train_classifier")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    args = build_parser().parse_args(argv)
    start_logging(args)
    _require_fold(args)
    with StopRequest() as stop, RunFolderLock(args.output) as lock:
        task = _task(args)
        notes = [
            open_labelled_notes(folder, task, _cache(args), skip_broken=args.skip_broken)
            for folder in (args.data, *args.extra_data)
        ]
        if args.drop_doubtful_pitches:
            notes[0] = without_doubtful_pitches(notes[0])
        lock.take()
        held = _held_out(args, notes[0])
        run = _run(args, task, notes, held)
        identity = _identity(args, task, notes)
        if run.restore(args.output, identity):
            logger.info("%s: resuming at step %d", args.output, run.step)
        if not run.train(args.output, identity, lambda: stop.made):
            return EXIT_INTERRUPTED
        sys.stdout.write(_write_results(args, argv, run, notes[0], held, identity))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this program."""
    parser = Parser(prog="python -m evaluation.train_classifier", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="notes to learn from and be judged on")
    parser.add_argument("--extra-data", type=Path, nargs="+", default=[], metavar="DIR", help="to learn from only")
    parser.add_argument("-d", "--output", type=Path, required=True, help="folder of this training; the same goes on")
    parser.add_argument("--network", choices=("note-classifier", "inception"), default="note-classifier")
    parser.add_argument("--attribute", default="pitch", help="what --network inception tells apart (pitch)")
    parser.add_argument("--folds", type=at_least_one, default=5, help="parts that the instruments are dealt into (5)")
    parser.add_argument("--fold", type=whole_number, default=0, help="the part that is held out (0); -1: none")
    parser.add_argument(
        "--drop-doubtful-pitches", action="store_true", help="do not learn pitches of --data that sound octaves away"
    )
    parser.add_argument("--steps", type=at_least_one, default=4000, help="at most (4000)")
    parser.add_argument("--batch-size", type=at_least_one, default=64, help="notes per step (64)")
    parser.add_argument("--learning-rate", type=float, help="at its highest (what serves the network)")
    parser.add_argument("--validate-every", type=at_least_one, default=250, metavar="STEPS", help="(250)")
    parser.add_argument("--patience", type=at_least_one, default=8, help="validations without a better one (8)")
    parser.add_argument("--precision", choices=sorted(PRECISIONS), default="bfloat16", help="(bfloat16)")
    parser.add_argument("--seed", type=seed, default=0, help="of everything that is random (0)")
    add_device(parser)
    add_skip_broken(parser)
    add_verbosity(parser)
    return parser


def _require_fold(args: argparse.Namespace) -> None:
    if not -1 <= args.fold < args.folds or (args.fold >= 0 and args.folds < 2):
        raise UserError(f"--fold {args.fold} of --folds {args.folds}: give one from 0 to {args.folds - 1}, or -1")


def _task(args: argparse.Namespace) -> Task:
    if args.network == "note-classifier":
        return NoteTask()
    records = [record for folder in (args.data, *args.extra_data) for record in notes_of_folder(folder)]
    return InceptionTask.of_notes(args.attribute, records)


def _cache(args: argparse.Namespace) -> Path:
    """Beside the run, so that the folds of a cross-check share what is decoded."""
    return Path(args.output).parent / NOTE_CACHE


def _held_out(args: argparse.Namespace, notes: LabelledNotes) -> npt.NDArray[np.int64]:
    """The rows of the notes that are judged."""
    if args.fold < 0:
        return np.zeros(0, dtype=np.int64)
    folds = instrument_folds(notes.records, notes.contents(), args.folds, seed=0)
    held = np.flatnonzero(folds == args.fold)
    if len(held) in (0, len(folds)):
        raise UserError(f"{notes.folder}: too few instruments for --folds {args.folds}; give fewer folds, or --fold -1")
    return held


def _run(
    args: argparse.Namespace, task: Task, notes: Sequence[LabelledNotes], held: npt.NDArray[np.int64]
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
        [Pool.of(each, chosen) for each, chosen in zip(notes, rows, strict=True)],
        schedule,
        seed=args.seed,
        device=choose_device(args.device),
        precision=PRECISIONS[args.precision],
        held_out=(notes[0], held) if len(held) else None,
    )


def _identity(args: argparse.Namespace, task: Task, notes: Sequence[LabelledNotes]) -> dict[str, Any]:
    """Settings and notes by which a training is recognised, as JSON values."""
    free = {"output", "verbose", "quiet", "device", "skip_broken", "data", "extra_data"}
    settings = {name: value for name, value in vars(args).items() if name not in free}
    classes = {name: list(values) for name, values in task.classes.items()}
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


if __name__ == "__main__":
    sys.exit(main())
