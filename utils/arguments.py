"""Command-line arguments that several programs take: their types, and flags of one meaning everywhere."""

import argparse
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from utils.cli import add_alias
from utils.config import MIDI_MAX, path_fault
from utils.hub_name import HubName, is_hub_name
from utils.note_names import named_pitch
from utils.spelling import shortened

MAX_SEED = 2**62
MOST_TRUNCATION = 100.0
LATENT_SCALES = (1e-3, 100.0)
"""The smallest and the largest factor of a latent."""
MOST_SEEDS = 10_000
MOST_PITCHES = 10_000
LONGEST_GAP = 60.0  # s
LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000  # Hz

_MOST_DIGITS = 60
_RANGE = re.compile(r"(?P<first>[+-]?\d{1,30})(-(?P<last>-?\d{1,30}))?", re.ASCII)


def path(text: str) -> Path:
    """A path; an empty one, as of a variable that is not set, would mean the current folder."""
    if fault := path_fault(text):
        raise argparse.ArgumentTypeError(f"{shortened(text)!r}: {fault}")
    return Path(text)


def run(text: str) -> Path | HubName:
    """A run folder, or the name of a run on the Hub."""
    if not is_hub_name(text):
        return path(text)
    try:
        return HubName.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{shortened(text)}: {error}") from error


def whole_number(text: str) -> int:
    """A whole number in decimal digits."""
    try:
        if not text.isascii() or len(text) > _MOST_DIGITS:
            raise ValueError
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be a whole number") from error


def key_and_value(text: str) -> tuple[str, int | str]:
    """A name and its value, which is a number where it has digits alone.

    >>> key_and_value("timeout_min=600")
    ('timeout_min', 600)
    """
    key, equals, value = text.partition("=")
    if not (equals and value and key.isidentifier()):
        raise argparse.ArgumentTypeError(f"{shortened(text)!r}: must be KEY=VALUE, such as timeout_min=600")
    return key, whole_number(value) if value.isdecimal() else value


def at_least_one(text: str) -> int:
    """A whole number of 1 or more."""
    return _within(text, 1, math.inf, "1 or more")


def seed(text: str) -> int:
    """A whole number from 0 to 2**62."""
    return _within(text, 0, MAX_SEED, "from 0 to 2**62")


def sample_rate(text: str) -> int:
    """A rate from 1 000 to 384 000 Hz."""
    return _within(text, LOWEST_RATE, HIGHEST_RATE, f"from {LOWEST_RATE} to {HIGHEST_RATE} Hz")


def pitch_list(text: str) -> list[int]:
    """MIDI pitches or names of notes, and ranges of MIDI pitches, separated by commas; at most 10 000.

    >>> pitch_list("48-50,E4")
    [48, 49, 50, 64]
    """
    ranges = [_pitch_range(part) for part in text.split(",")]
    if sum(len(each) for each in ranges) > MOST_PITCHES:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be at most {MOST_PITCHES} pitches")
    return [pitch for each in ranges for pitch in each]


def seed_list(text: str) -> list[int]:
    """Seeds and ranges of them, separated by commas; at most 10 000.

    >>> seed_list("0-2,7")
    [0, 1, 2, 7]
    """
    ranges = [_seed_range(part) for part in text.split(",")]
    if sum(len(each) for each in ranges) > MOST_SEEDS:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be at most {MOST_SEEDS} seeds")
    return [number for each in ranges for number in each]


def number_between(lowest: float, highest: float) -> Callable[[str], float]:
    """The type of a number from `lowest` to `highest`."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be a number") from error
        if not (math.isfinite(value) and lowest <= value <= highest):
            raise argparse.ArgumentTypeError(f"{text[:60]}: must be from {lowest:g} to {highest:g}")
        return value

    return number


class Joined(argparse.Action):
    """Keeps the values of a flag that takes several lists as one list."""

    def __call__(self, _: Any, namespace: argparse.Namespace, values: Any, __: str | None = None) -> None:
        """Join the lists in their order."""
        setattr(namespace, self.dest, [each for group in values for each in group])


def add_device(parser: argparse._ActionsContainer) -> None:
    """Add `--device`."""
    help_ = "where to compute: auto, cpu, cuda, cuda:1 or mps (default: %(default)s)"
    parser.add_argument("--device", default="auto", metavar="NAME", help=help_)


def add_skip_broken(parser: argparse._ActionsContainer) -> None:
    """Add `--skip-broken`."""
    parser.add_argument("--skip-broken", action="store_true", help="leave out notes that cannot be read")


def add_seed(parser: argparse._ActionsContainer, what: str, *, default: int | None = 0, **settings: Any) -> None:
    """Add `--seed`, which is `what` and 0 by default; with `default` None it is None where it is not given."""
    help_ = f"{what} (default: {default or 0})"
    parser.add_argument("--seed", type=seed, default=default, metavar="N", help=help_, **settings)


def add_seeds(parser: argparse._ActionsContainer, help_: str) -> None:
    """Add `--seeds`, a list of seeds."""
    parser.add_argument("--seeds", type=seed_list, nargs="+", action=Joined, metavar="LIST", help=help_)


def add_pitches(parser: argparse._ActionsContainer, help_: str, default: Sequence[int] | None = None) -> None:
    """Add `--pitches`, a list of MIDI pitches."""
    flag = parser.add_argument("--pitches", type=pitch_list, nargs="+", action=Joined, metavar="LIST", default=default)
    flag.help = f"MIDI pitches, ranges and names of them, such as 60-72,80 F#3: {help_}"
    add_alias(parser, flag, "--pitch")


def add_output(parser: argparse.ArgumentParser, help_: str) -> None:
    """Add `--output`, the folder that a program of `data` makes."""
    output = parser.add_argument("--output", type=path, required=True, metavar="DIR", help=help_)
    add_alias(parser, output, "--out")


def add_checkpoint_choice(parser: argparse._ActionsContainer) -> None:
    """Add `--scale` and `--iteration`, which choose one checkpoint of a run."""
    for short, name in (("-s", "scale"), ("-i", "iteration")):
        help_ = f"{name} of the checkpoint to use (default: of the newest checkpoint)"
        parser.add_argument(short, f"--{name}", type=whole_number, metavar="N", help=help_)


def add_precision(parser: argparse._ActionsContainer, auto: str) -> None:
    """Add `--precision` of the networks; `auto` says what that means."""
    parser.add_argument(
        "--precision",
        type=lambda text: "bf16" if text == "bfloat16" else text,
        choices=("auto", "float32", "bf16"),
        default="auto",
        help=f"number format that the networks compute in (default: auto, {auto})",
    )


def _within(text: str, lowest: int, highest: float, said: str) -> int:
    number = whole_number(text)
    if not lowest <= number <= highest:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be {said}")
    return number


def _ends(text: str) -> tuple[int, int]:
    """First and last of a range such as 48-50, or a single number twice."""
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be a whole number, or a range such as 48-50")
    first = int(match["first"])
    return first, int(match["last"]) if match["last"] else first


def _pitch_range(text: str) -> Sequence[int]:
    named = named_pitch(text.strip())
    if named is not None:
        if not isinstance(named, int):
            raise argparse.ArgumentTypeError(f"{text[:60]}: must be a whole MIDI pitch, without cents")
        return [named]
    first, last = _ends(text)
    if not 0 <= first <= last <= MIDI_MAX:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be MIDI pitches from 0 to {MIDI_MAX}, the lowest first")
    return range(first, last + 1)


def _seed_range(text: str) -> range:
    first, last = _ends(text)
    if not 0 <= first <= last <= MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be seeds from 0 to 2**62, the lowest first")
    return range(first, min(last, first + MOST_SEEDS) + 1)
