"""Judge a classifier on instruments that it was not trained on: the folds of its training, or a folder of notes."""

import argparse
import sys
from collections.abc import Sequence

from utils.arguments import at_least_one, path
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.errors import UserError


@user_errors_in_one_line("evaluation.cross_check")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    if bool(args.folds) == (args.classifier is not None):
        raise UserError("give folders of folds, or --classifier with --data; not both, and not neither")
    if args.classifier is not None:
        from evaluation.classifier.other_notes import report_other_notes  # here, so that --help needs no torch

        sys.stdout.write(report_other_notes(args))
    else:
        from evaluation.classifier.pooled_folds import report_folds

        sys.stdout.write(report_folds(args))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this program."""
    description = (
        "Judge a classifier on instruments that it was not trained on: folds together, each instrument by the fold "
        "that never heard it; or with --classifier, weights on a folder of other notes."
    )
    parser = Parser(prog="python -m evaluation.cross_check", description=description)
    folds = "folders of evaluation.train_classifier, one for each --fold"
    parser.add_argument("folds", type=path, nargs="*", metavar="FOLD", help=folds)
    parser.add_argument("-d", "--output", type=path, required=True, metavar="FOLDER", help="folder for the report")
    judged = (
        "folder of the folds' notes, to judge pitch also without those that sound octaves away from their label; with "
        "--classifier, the notes that are judged: NSynth's layout, or a folder for each instrument"
    )
    parser.add_argument("--data", type=path, metavar="DIR", help=judged)
    named = "weights to judge on --data instead of folds: 1 (shipped), or a file of evaluation.train_classifier"
    parser.add_argument("--classifier", type=path, metavar="NAME", help=named)
    every = "judge every N-th note of --data by name (default: all)"
    parser.add_argument("--every", type=at_least_one, default=1, metavar="N", help=every)
    add_verbosity(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
