"""Measure representations, and what was generated."""

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol

from commands.evaluate import all_scores, compare, floor, save_statistics, score, timing
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line


class Command(Protocol):
    """A module of `commands.evaluate`."""

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        """Add the subcommand's flags."""

    def run(self, args: argparse.Namespace) -> str:
        """Do it; returns what the terminal shows."""


COMMANDS: dict[str, tuple[Command, str]] = {
    "all": (all_scores, "every score in one pass"),
    "floor": (floor, "what a representation itself loses"),
    "time": (timing, "time per note of generator and inverse"),
    "statistics": (save_statistics, "features of notes in a file"),
    "compare": (compare, "results in one table"),
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
    for name, (command, meaning) in COMMANDS.items():
        flags = evaluations.add_parser(name, help=meaning, description=command.run.__doc__)
        command.add_flags(flags)
        flags.set_defaults(run=command.run)
    for name, meaning in score.SCORES.items():
        flags = evaluations.add_parser(name, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}.")
        score.add_flags(flags, name)
        flags.set_defaults(run=score.run)
    for evaluation in evaluations.choices.values():
        add_verbosity(evaluation)
    return parser


if __name__ == "__main__":
    sys.exit(main())
