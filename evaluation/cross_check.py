"""Pool the folds of `evaluation.train_classifier`: how well the classifier does on every instrument, never heard."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation.classifier_training.predictions import PREDICTIONS, Prediction, read_predictions
from evaluation.classifier_training.report import write_report
from evaluation.classifier_training.tasks import Classes
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.errors import DataError
from utils.files import read_json


@user_errors_in_one_line("evaluation.cross_check")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    pooled = [prediction for folder in args.folds for prediction in read_predictions(folder / PREDICTIONS)]
    _require_once(pooled)
    sys.stdout.write(write_report(args.output, pooled, _classes(args.folds)))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this program."""
    parser = Parser(prog="python -m evaluation.cross_check", description=__doc__)
    parser.add_argument("folds", type=Path, nargs="+", metavar="FOLD", help="folder of a training, one for each --fold")
    parser.add_argument("-d", "--output", type=Path, required=True, help="folder for the report")
    add_verbosity(parser)
    return parser


def _classes(folders: Sequence[Path]) -> Classes:
    """The classes of all folds. Raises: DataError if they differ."""
    found: list[Classes] = []
    for folder in folders:
        card = read_json(folder / "card.json", DataError)
        found.append({attribute: tuple(values) for attribute, values in card["classes"].items()})
        if found[-1] != found[0]:
            raise DataError(f"{folder}: has other classes than {folders[0]}; pool folds of one network and data")
    return found[0]


def _require_once(predictions: Sequence[Prediction]) -> None:
    seen: set[tuple[str, str]] = set()
    for each in predictions:
        if (each.name, each.attribute) in seen:
            raise DataError(f"{each.name}: is in two of the folds; give each --fold of one split once")
        seen.add((each.name, each.attribute))


if __name__ == "__main__":
    sys.exit(main())
