"""NSynth's vocabulary: its families, sources, qualities and attributes, and the form of its file names.

Source: Engel et al. 2017, https://arxiv.org/abs/1704.01279.
"""

import re

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

_NUMBERED = {"instrument_family": FAMILIES, "instrument_source": SOURCES}
_NAME = re.compile(
    rf"(?P<instrument>(?P<family>[^\W\d]\w*)_(?P<source>{'|'.join(SOURCES)})_\d{{3,}})"
    r"-(?P<pitch>\d{3})-(?P<velocity>\d{3})",
    re.ASCII,
)


def attributes_of_name(name: str) -> dict[str, Value]:
    """The attributes that a file name (without suffix) of the form `NAME_FORM` gives; empty for any other name."""
    match = _NAME.fullmatch(name)
    if match is None or max(int(match["pitch"]), int(match["velocity"])) > MIDI_MAX:
        return {}
    attributes: dict[str, Value] = {
        "pitch": int(match["pitch"]),
        "velocity": int(match["velocity"]),
        "instrument_str": match["instrument"],
        "instrument_family_str": match["family"],
        "instrument_source_str": match["source"],
        "instrument_source": SOURCES.index(match["source"]),
    }
    if match["family"] in FAMILIES:
        attributes["instrument_family"] = FAMILIES.index(match["family"])
    return attributes


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
