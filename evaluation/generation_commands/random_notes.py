"""`generate.py random`: notes of random timbre."""

import argparse

from evaluation.generation_commands.common import add_run, flat, open_instrument, output_folder
from evaluation.random_notes import write_random_notes
from utils.arguments import at_least_one, pitches, seed

DEFAULT_COUNT = 16


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate.py random`."""
    add_run(parser, "random")
    parser.add_argument(
        "--count", type=at_least_one, help=f"number of notes ({DEFAULT_COUNT}, or one per pitch if those are more)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="seed of the first note; the next ones count on (0)")
    parser.add_argument(
        "--pitch", type=pitches, nargs="+", help="MIDI pitches taken in turn, such as 60 or 60-72 (drawn by the seed)"
    )


def run(args: argparse.Namespace) -> str:
    """Notes of random timbre."""
    instrument, folder, asked = open_instrument(args), output_folder(args), flat(args.pitch)
    count = args.count or max(DEFAULT_COUNT, len(asked or ()))
    written = write_random_notes(instrument, folder, count=count, seed=args.seed, pitches=asked)
    return f"{len(written)} notes in {folder}, {written[0].name} first; see rainbowgrams.png there\n"
