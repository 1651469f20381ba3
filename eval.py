"""Measure representations, and notes that were generated."""

import sys
from collections.abc import Sequence

from commands.evaluate.flags import SUBCOMMANDS
from commands.subcommands import add_subcommands, run_module
from utils.cli import Parser, add_version, start_logging, user_errors_in_one_line


@user_errors_in_one_line("eval.py")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    parser = Parser(prog="eval.py", description=__doc__)
    add_version(parser)
    add_subcommands(parser, "evaluation", SUBCOMMANDS)
    args = parser.parse_args(argv)
    start_logging(args)
    sys.stdout.write(run_module(args.module, args))
    return 0


if __name__ == "__main__":
    sys.exit(main())
