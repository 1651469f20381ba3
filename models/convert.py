"""Convert a published run to a run folder of ours, or a run to a generator for sharing."""

import argparse
import sys
from collections.abc import Sequence

from utils.arguments import add_checkpoint_choice, path
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line


@user_errors_in_one_line("models.convert")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    from models.conversion import convert  # here, so that --help needs no torch

    sys.stdout.write(convert(args))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this program."""
    parser = Parser(prog="python -m models.convert", description=__doc__)
    parser.add_argument("source", type=path, metavar="RUN", help="run folder: a published one, or one of train.py")
    help_ = "folder to make; it must not exist, or be empty"
    parser.add_argument("-o", "--output", type=path, required=True, metavar="FOLDER", help=help_)
    help_ = (
        "ours: a run folder such as train.py makes; safetensors: the averaged generator and JSON, for sharing "
        "(default: ours for a published run, safetensors for one of train.py)"
    )
    parser.add_argument("--to", choices=("ours", "safetensors"), help=help_)
    add_checkpoint_choice(parser)
    parser.add_argument("--half", action="store_true", help="write safetensors in float16, which is half the size")
    add_verbosity(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
