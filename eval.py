"""Measure representations, and what was generated."""

import argparse
import sys
from collections.abc import Sequence

from evaluation.commands import all_scores, compare, floor, save_statistics, score, timing
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line


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
    times = evaluations.add_parser(
        "time", help="time per note of generator and inverse", description=timing.run.__doc__
    )
    timing.add_flags(times)
    times.set_defaults(run=timing.run)
    for name, meaning in score.SCORES.items():
        scores = evaluations.add_parser(name, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}.")
        score.add_flags(scores, name)
        scores.set_defaults(run=score.run)
    everything = evaluations.add_parser("all", help="every score in one pass", description=all_scores.run.__doc__)
    all_scores.add_flags(everything)
    everything.set_defaults(run=all_scores.run)
    saved = evaluations.add_parser(
        "statistics", help="features of notes in a file", description=save_statistics.run.__doc__
    )
    save_statistics.add_flags(saved)
    saved.set_defaults(run=save_statistics.run)
    compared = evaluations.add_parser("compare", help="results in one table", description=compare.run.__doc__)
    compare.add_flags(compared)
    compared.set_defaults(run=compare.run)
    for evaluation in evaluations.choices.values():
        add_verbosity(evaluation)
    return parser


if __name__ == "__main__":
    sys.exit(main())
