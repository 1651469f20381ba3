"""NSynth's vocabulary: its families, sources, qualities and attributes, and the form of its file names.

Source: Engel et al. 2017, https://arxiv.org/abs/1704.01279.
"""

import re
from collections.abc import Iterable

from utils.config import MIDI_MAX

Value = int | float | str
"""A class is an integer or a text, a quantity is a float."""

# Both in the order of NSynth's numbers: instrument_family 0 is bass, instrument_source 0 is acoustic.
FAMILIES = ("bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "synth_lead", "vocal")
SOURCES = ("acoustic", "electronic", "synthetic")
QUALITIES = (
    *("bright", "dark", "distortion", "fast_decay", "long_release"),
    *("multiphonic", "nonlinear_env", "percussive", "reverb", "tempo-synced"),
)
ATTRIBUTE_TYPES: dict[str, type[int] | type[str]] = {
    "pitch": int,
    "velocity": int,
    "instrument": int,
    "instrument_str": str,
    "instrument_family": int,
    "instrument_family_str": str,
    "instrument_source": int,
    "instrument_source_str": str,
}
METADATA_NAME = "examples.json"
NAME_FORM = "<family>_<source>_<nnn>-<pitch>-<velocity>"

NO_PITCH = "none"
"""In a name, of a note whose pitch is unknown, as of a drum."""

_NUMBERED = {"instrument_family": FAMILIES, "instrument_source": SOURCES}
_NAME = re.compile(
    rf"(?P<instrument>(?P<family>\w+)_(?P<source>{'|'.join(SOURCES)})_\d{{3,}})"
    rf"-(?P<pitch>\d{{3}}|{NO_PITCH})-(?P<velocity>\d{{3}})(_\d+)?",
    re.ASCII,
)


def attributes_of_name(name: str) -> dict[str, Value]:
    """The attributes that a file name (without suffix) of the form `NAME_FORM` gives; empty for any other name.

    `note_name` makes such names; a number after it, as of a second take, says nothing.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return {}
    pitch: dict[str, Value] = {} if match["pitch"] == NO_PITCH else {"pitch": int(match["pitch"])}
    if max(int(match["velocity"]), *map(int, pitch.values())) > MIDI_MAX:
        return {}
    attributes: dict[str, Value] = {
        **pitch,
        "velocity": int(match["velocity"]),
        "instrument_str": match["instrument"],
        "instrument_family_str": match["family"],
        "instrument_source_str": match["source"],
        "instrument_source": SOURCES.index(match["source"]),
    }
    if match["family"] in FAMILIES:
        attributes["instrument_family"] = FAMILIES.index(match["family"])
    return attributes


def family_numbers(names: Iterable[str]) -> dict[str, int]:
    """Number of each family: NSynth's, and the next ones for others among `names`, in their order."""
    return {name: number for number, name in enumerate((*FAMILIES, *sorted(set(names) - set(FAMILIES))))}


def note_name(instrument: str, pitch: int | None, velocity: int) -> str:
    """The name of a note of the instrument; a pitch of None is unknown.

    >>> note_name("kick_acoustic_000", None, 100)
    'kick_acoustic_000-none-100'
    """
    return f"{instrument}-{NO_PITCH if pitch is None else f'{pitch:03d}'}-{velocity:03d}"


def value_in_words(name: str, value: Value) -> str:
    """`value` of the attribute `name` as text: the word, where NSynth numbers words.

    >>> value_in_words("instrument_family", 4), value_in_words("pitch", 60)
    ('keyboard', '60')
    """
    words = _NUMBERED.get(name, ())
    return words[value] if isinstance(value, int) and 0 <= value < len(words) else str(value)


def described(name: str, value: Value) -> str:
    """`value` in words that say enough beside other values: a number with decimals needs its name.

    >>> described("instrument_family", 4), described("brightness", 310.5)
    ('keyboard', 'brightness 310.5')
    """
    words = value_in_words(name, value)
    return f"{name} {words}" if isinstance(value, float) else words
