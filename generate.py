"""Make sound with a trained run."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation.generation import Instrument
from evaluation.random_notes import write_random_notes
from models.device import choose_device
from utils.arguments import at_least_one, pitches, seed
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line

DEFAULT_COUNT = 16


@user_errors_in_one_line("generate.py")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    device = choose_device(args.device)
    instrument = Instrument.from_run(args.dir, scale=args.scale, iteration=args.iteration, device=device)
    folder = args.output or args.dir / "generated" / args.mode
    asked = [pitch for group in args.pitch for pitch in group] if args.pitch else None
    count = args.count or max(DEFAULT_COUNT, len(asked or ()))
    written = write_random_notes(instrument, folder, count=count, seed=args.seed, pitches=asked)
    sys.stdout.write(f"{len(written)} notes in {folder}, {written[0].name} first; see rainbowgrams.png there\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this script."""
    parser = Parser(prog="generate.py", description=__doc__)
    modes = parser.add_subparsers(dest="mode", required=True, metavar="mode")
    random = modes.add_parser("random", help="notes of random timbre", description="Notes of random timbre.")
    random.add_argument("-d", "--dir", type=Path, required=True, help="run folder, as train.py made it")
    random.add_argument("-o", "--output", type=Path, help="folder for the sound (RUN/generated/random)")
    random.add_argument("-s", "--scale", type=int, help="scale of the checkpoint (the newest)")
    random.add_argument("-i", "--iteration", type=int, help="iteration of the checkpoint (the newest)")
    random.add_argument(
        "--count", type=at_least_one, help=f"number of notes ({DEFAULT_COUNT}, or one per pitch if those are more)"
    )
    random.add_argument("--seed", type=seed, default=0, help="seed of the first note; the next ones count on (0)")
    random.add_argument(
        "--pitch", type=pitches, nargs="+", help="MIDI pitches taken in turn, such as 60 or 60-72 (drawn by the seed)"
    )
    random.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (auto)")
    add_verbosity(random)
    return parser


if __name__ == "__main__":
    sys.exit(main())
