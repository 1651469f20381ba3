"""Measure representations, and what was generated."""

import argparse
import sys
from collections.abc import Sequence

from evaluation.commands import floor, score
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line

SCORES = {
    "pis": "inception score of a pitch classifier",
    "iis": "inception score of an instrument classifier",
    "pkid": "kernel distance between a pitch classifier's outputs",
    "ikid": "kernel distance between an instrument classifier's outputs",
    "fad": "Frechet audio distance",
}


@user_errors_in_one_line("eval.py")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    sys.stdout.write(args.run(args))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this script: each evaluation is a subcommand, `add_flags` and `run` of a module."""
    parser = Parser(prog="eval.py", description=__doc__)
    evaluations = parser.add_subparsers(dest="evaluation", required=True, metavar="evaluation")
    floors = evaluations.add_parser("floor", help="what a representation itself loses", description=floor.run.__doc__)
    floor.add_flags(floors)
    floors.set_defaults(run=floor.run)
    for name, meaning in SCORES.items():
        scores = evaluations.add_parser(name, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}.")
        score.add_flags(scores, name)
        scores.set_defaults(run=score.run)
    for evaluation in evaluations.choices.values():
        add_verbosity(evaluation)
    return parser


if __name__ == "__main__":
    sys.exit(main())
