"""Flags that several subcommands of generate.py share, and the types of their arguments."""

import argparse
import math
from collections.abc import Iterable
from pathlib import Path

from evaluation.generation import Instrument
from models.device import choose_device
from utils.arguments import pitches, seed

MOST_SEEDS = 10_000
LONGEST_GAP = 60.0


def add_run(parser: argparse.ArgumentParser, mode: str) -> None:
    """Add what every mode needs: the run, its checkpoint, the folder for the sound, the device."""
    parser.add_argument("-d", "--dir", type=Path, required=True, help="run folder, as train.py made it")
    parser.add_argument("-o", "--output", type=Path, help=f"folder for the sound (RUN/generated/{mode})")
    parser.add_argument("-s", "--scale", type=int, help="scale of the checkpoint (the newest)")
    parser.add_argument("-i", "--iteration", type=int, help="iteration of the checkpoint (the newest)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (auto)")


def add_gap(parser: argparse.ArgumentParser) -> None:
    """Add `--gap`."""
    parser.add_argument("--gap", type=seconds, default=0.0, help="s of silence between the notes of the whole (0)")


def open_instrument(args: argparse.Namespace) -> Instrument:
    """The run that the flags of `add_run` name. Raises: CheckpointError, UserError."""
    return Instrument.from_run(args.dir, scale=args.scale, iteration=args.iteration, device=choose_device(args.device))


def output_folder(args: argparse.Namespace) -> Path:
    """Where the sound goes."""
    folder: Path = args.output or args.dir / "generated" / args.mode
    return folder


def flat(groups: Iterable[list[int]] | None) -> list[int] | None:
    """The numbers of all groups of a flag that was given; None where it was not."""
    return None if groups is None else [number for group in groups for number in group]


def pitch_list(text: str) -> list[int]:
    """MIDI pitches and ranges of them, separated by commas.

    >>> pitch_list("48-50,64")
    [48, 49, 50, 64]
    """
    return [pitch for part in text.split(",") for pitch in pitches(part)]


def seed_list(text: str) -> list[int]:
    """Seeds and ranges of them, separated by commas; at most 10 000.

    >>> seed_list("0-2,7")
    [0, 1, 2, 7]
    """
    ranges = [_seed_range(part) for part in text.split(",")]
    if sum(len(each) for each in ranges) > MOST_SEEDS:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be at most {MOST_SEEDS} seeds")
    return [number for each in ranges for number in each]


def seconds(text: str) -> float:
    """A time from 0 to 60 s."""
    return _number(text, LONGEST_GAP)


def norm(text: str) -> float:
    """A norm from 0 to 100 times the usual one."""
    return _number(text, 100.0)


def _seed_range(text: str) -> range:
    low, dash, high = text.partition("-")
    first = seed(low)
    last = seed(high) if dash else first
    if last < first:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be seeds, the lowest first")
    return range(first, min(last, first + MOST_SEEDS) + 1)


def _number(text: str, highest: float) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be a number") from error
    if not (math.isfinite(number) and 0 <= number <= highest):
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be from 0 to {highest:g}")
    return number
