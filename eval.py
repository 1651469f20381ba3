"""Measure representations."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation.floor_report import FloorOptions, write_floors
from models.device import choose_device
from utils.arguments import at_least_one
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.config_file import load_experiment
from utils.errors import UserError

CONFIG_FILES = Path(__file__).resolve().parent / "config_files"


@user_errors_in_one_line("eval.py")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    sys.stdout.write(args.evaluate(args))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this script: each evaluation is a subcommand whose function returns what it found."""
    parser = Parser(prog="eval.py", description=__doc__)
    evaluations = parser.add_subparsers(dest="evaluation", required=True, metavar="evaluation")
    add_floor(evaluations.add_parser("floor", help="what a representation itself loses", description=floor.__doc__))
    return parser


def add_floor(parser: argparse.ArgumentParser) -> None:
    """The flags of `eval.py floor`."""
    parser.set_defaults(evaluate=floor)
    parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="folder of notes, WAV or FLAC")
    parser.add_argument("-c", "--config", type=Path, nargs="+", help="experiments (JSON); config_files/*/paper.json")
    parser.add_argument("-d", "--output", type=Path, default=Path("floor"), help="folder for the report (floor)")
    parser.add_argument("-n", "--count", type=at_least_one, default=200, help="notes at most, over all families (200)")
    parser.add_argument("--pairs", type=at_least_one, default=4, help="notes to listen to, before and after (4)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--skip-broken", action="store_true", help="measure without the notes that cannot be read")
    add_verbosity(parser)


def floor(args: argparse.Namespace) -> str:
    """What representations lose by themselves: real notes, there and back, compared with what they were."""
    paths = args.config or sorted(CONFIG_FILES.glob("*/paper.json"))
    if not paths:
        raise UserError(f"{CONFIG_FILES}: no */paper.json here; name configs with -c")
    options = FloorOptions(
        real=args.real,
        output=args.output,
        count=args.count,
        n_pairs=args.pairs,
        device=choose_device(args.device),
        skip_broken=args.skip_broken,
    )
    return write_floors([load_experiment(path) for path in paths], options)


if __name__ == "__main__":
    sys.exit(main())
