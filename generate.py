"""Make sound with a trained run."""

import argparse
import sys
from collections.abc import Sequence

from evaluation.generation_commands import interpolation, random_notes, scale
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line


@user_errors_in_one_line("generate.py")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    sys.stdout.write(args.run(args))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this script: each mode is a subcommand, `add_flags` and `run` of a module."""
    parser = Parser(prog="generate.py", description=__doc__)
    modes = parser.add_subparsers(dest="mode", required=True, metavar="mode")
    random = modes.add_parser("random", help="notes of random timbre", description=random_notes.run.__doc__)
    random_notes.add_flags(random)
    random.set_defaults(run=random_notes.run)
    scales = modes.add_parser("scale", help="one timbre through the pitches", description=scale.run.__doc__)
    scale.add_flags(scales)
    scales.set_defaults(run=scale.run)
    paths = modes.add_parser("interpolation", help="from timbre to timbre", description=interpolation.run.__doc__)
    interpolation.add_flags(paths)
    paths.set_defaults(run=interpolation.run)
    for mode in modes.choices.values():
        add_verbosity(mode)
    return parser


if __name__ == "__main__":
    sys.exit(main())
