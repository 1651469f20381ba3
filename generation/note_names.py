"""Names of notes that were generated."""

import re
from collections.abc import Mapping

from data.nsynth import Value
from utils.config import MIDI_MAX

_WITH_PITCH = re.compile(r"pitch(?P<pitch>\d{3})_seed\d{6,}", re.ASCII)


def generated_name(values: Mapping[str, Value], seed: int) -> str:
    """Name of a note that was generated with the attributes `values`: `pitch060_seed000001`, or `note_seed000001`.

    >>> generated_name({"pitch": 60}, 1)
    'pitch060_seed000001'
    """
    return f"pitch{values['pitch']:03d}_seed{seed:06d}" if "pitch" in values else f"note_seed{seed:06d}"


def pitch_of_name(name: str) -> int | None:
    """MIDI pitch in the name of a generated note; None if there is none.

    >>> pitch_of_name("pitch060_seed000001")
    60
    """
    match = _WITH_PITCH.fullmatch(name)
    return int(match["pitch"]) if match and int(match["pitch"]) <= MIDI_MAX else None
