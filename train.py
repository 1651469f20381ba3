"""Train a progressive GAN on one representation of audio as a JSON config describes it, or all runs of a comparison."""

import sys
from collections.abc import Sequence
from importlib import import_module

from commands.subcommands import run_module
from commands.train.comparison_flags import trains_comparison
from commands.train.flags import USAGE, add_flags
from commands.train.model_flags import list_overrides
from utils.cli import Parser, start_logging, user_errors_in_one_line
from utils.errors import UserError


@user_errors_in_one_line("train.py")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    parser = Parser(prog="train.py", usage=USAGE, description=__doc__)
    add_flags(parser)
    args = parser.parse_args(argv)
    start_logging(args)
    if args.json and not (args.status or args.dry_run):
        raise UserError("--json goes with --status or --dry-run; leave it out")
    if args.overrides:
        sys.stdout.write(list_overrides() + "\n")
    elif args.status:
        sys.stdout.write(run_module("commands.train.status", args))
    elif not args.config:
        raise UserError("no config given; name one with -c, such as config_files/mag-if/quick.json")
    elif args.dry_run:
        sys.stdout.write(run_module("commands.train.dry_run", args))
    else:
        work = "comparison" if trains_comparison(args) else "training"
        exit_code: int = import_module(f"commands.train.{work}").run(args)
        return exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
