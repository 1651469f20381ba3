"""Command-line arguments that name pitches between the keys of a piano too."""

import argparse
import re

from utils.arguments import MOST_PITCHES, Joined, pitch_list, whole_number
from utils.cli import add_alias
from utils.config import MIDI_MAX
from utils.note_names import exact_pitch, named_pitch

_FRACTION = re.compile(r"\d{1,3}\.\d{1,20}", re.ASCII)


def pitch_or_fraction(text: str) -> float:
    """One MIDI pitch from 0 to 127: a number, with decimals or without, or a note's name, with cents or without."""
    asked = text.strip()
    pitch = exact_pitch(float(asked)) if _FRACTION.fullmatch(asked) else named_pitch(asked)
    if pitch is None:
        pitch = whole_number(asked)
    if not 0 <= pitch <= MIDI_MAX:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be a MIDI pitch from 0 to {MIDI_MAX}")
    return pitch


def key(text: str) -> int:
    """One key: a whole MIDI pitch from 0 to 127, or a note's name."""
    pitch = pitch_or_fraction(text)
    if not isinstance(pitch, int):
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be a whole MIDI pitch, or a name such as D4")
    return pitch


def exact_pitch_list(text: str) -> list[float]:
    """Pitches as `pitch_or_fraction` reads them, and ranges of whole ones, separated by commas; at most 10 000.

    >>> exact_pitch_list("48-50,60.5,A4-15")
    [48, 49, 50, 60.5, 68.85]
    """
    pitches = [pitch for part in text.split(",") for pitch in _pitches(part)]
    if len(pitches) > MOST_PITCHES:
        raise argparse.ArgumentTypeError(f"{text[:60]}: must be at most {MOST_PITCHES} pitches")
    return pitches


def add_exact_pitches(parser: argparse._ActionsContainer, help_: str) -> None:
    """Add `--pitches`, a list of pitches, fractions of a semitone too."""
    flag = parser.add_argument("--pitches", type=exact_pitch_list, nargs="+", action=Joined, metavar="LIST")
    flag.help = f"MIDI pitches, with decimals or without, ranges and names, such as 60-72 60.5 F#3 A4+20: {help_}"
    add_alias(parser, flag, "--pitch")


def _pitches(part: str) -> list[float]:
    asked = part.strip()
    if _FRACTION.fullmatch(asked) or named_pitch(asked) is not None:
        return [pitch_or_fraction(asked)]
    return [*pitch_list(asked)]
