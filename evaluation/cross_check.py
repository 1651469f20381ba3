"""Pool the folds of `evaluation.train_classifier`: how well it does on instruments that it was not trained on."""

import argparse
import sys
from collections.abc import Sequence

from utils.arguments import path
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line


@user_errors_in_one_line("evaluation.cross_check")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    from evaluation.classifier.pooled_folds import report_folds  # here, so that --help needs no torch

    sys.stdout.write(report_folds(args))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this program."""
    description = "Judge the folds of a classifier together, on every instrument, each by the fold that never heard it."
    parser = Parser(prog="python -m evaluation.cross_check", description=description)
    folds = "folders of evaluation.train_classifier, one for each --fold"
    parser.add_argument("folds", type=path, nargs="+", metavar="FOLD", help=folds)
    parser.add_argument("-d", "--output", type=path, required=True, metavar="FOLDER", help="folder for the report")
    judged = "folder of their notes, to judge pitch also without those that sound octaves away from their label"
    parser.add_argument("--data", type=path, metavar="DIR", help=judged)
    add_verbosity(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
