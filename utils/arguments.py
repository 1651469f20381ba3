"""Types of command-line arguments that several scripts take."""

import argparse

from utils.config import MIDI_MAX

MAX_SEED = 2**62


def whole_number(text: str) -> int:
    """A whole number in decimal digits."""
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be a whole number") from error


def at_least_one(text: str) -> int:
    """A whole number of 1 or more."""
    number = whole_number(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be 1 or more")
    return number


def seed(text: str) -> int:
    """A whole number from 0 to 2**62."""
    number = whole_number(text)
    if not 0 <= number <= MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be from 0 to 2**62")
    return number


def pitches(text: str) -> list[int]:
    """One MIDI pitch, or all from one to another as `60-72`."""
    low, dash, high = text.partition("-")
    first = whole_number(low)
    last = whole_number(high) if dash else first
    if not 0 <= first <= last <= MIDI_MAX:
        raise argparse.ArgumentTypeError(f"{text}: must be MIDI pitches from 0 to {MIDI_MAX}, the lowest first")
    return list(range(first, last + 1))
