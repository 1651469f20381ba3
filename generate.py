"""Make sound with a trained run."""

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol

from commands.generate import from_midi, interpolation, page, random_notes, scale, serve
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line


class Mode(Protocol):
    """A module of `commands.generate`."""

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        """Add the mode's flags."""

    def run(self, args: argparse.Namespace) -> str:
        """Do it; returns what the terminal shows."""


MODES: dict[str, tuple[Mode, str]] = {
    "random": (random_notes, "notes of random timbre"),
    "scale": (scale, "one timbre through the pitches"),
    "interpolation": (interpolation, "from timbre to timbre"),
    "from_midi": (from_midi, "a MIDI file, played"),
    "page": (page, "a web page to hear and see runs"),
    "serve": (serve, "a page to play on, for this computer's browser"),
}


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
    for name, (mode, meaning) in MODES.items():
        flags = modes.add_parser(name, help=meaning, description=mode.run.__doc__)
        mode.add_flags(flags)
        flags.set_defaults(run=mode.run)
    for flags in modes.choices.values():
        add_verbosity(flags)
    return parser


if __name__ == "__main__":
    sys.exit(main())
