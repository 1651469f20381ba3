"""Names of notes, such as C4, F#3, Bb2 and A4+20 -> MIDI pitches."""

import re

from utils.config import MIDI_MAX

DECIMALS = 6
"""Of a pitch in semitones: it is exact to a ten-thousandth of a cent, so that names and cards can hold it."""

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME = re.compile(
    r"(?P<letter>[A-Ga-g])(?P<signs>#{0,2}|b{1,2})(?P<octave>-1|\d)(?P<cents>[+-]\d{1,4}(\.\d{1,6})?)?", re.ASCII
)


def exact_pitch(pitch: float) -> float:
    """`pitch` in semitones, rounded to 6 decimals; a whole one is an int.

    >>> exact_pitch(60.0), exact_pitch(67.0195500087)
    (60, 67.01955)
    """
    rounded = round(float(pitch), DECIMALS)
    return int(rounded) if rounded.is_integer() else rounded


def named_pitch(text: str) -> float | None:
    """The MIDI pitch from 0 to 127 of a note's name, with cents if there are some; None if `text` is none.

    C4 is 60. One or two signs # or b follow the letter. C-1 is the lowest octave, so C-1-15 is 15 cents below C-1.

    >>> named_pitch("Bb2"), named_pitch("A4+20"), named_pitch("H4")
    (46, 69.2, None)
    """
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    signs = match["signs"]
    key = 12 * (int(match["octave"]) + 1) + _SEMITONES[match["letter"].upper()] + signs.count("#") - signs.count("b")
    pitch = exact_pitch(key + float(match["cents"] or 0) / 100)
    return pitch if 0 <= pitch <= MIDI_MAX else None
