"""Drums that end each other: a hi-hat that closes ends the stroke on it while it was open.

Source: MIDI Manufacturers Association, General MIDI Level 2 (RP-024), exclusive classes of the percussion sounds.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from generation.midi.midi_file import PieceNote
from generation.playing.drums import is_drum

FADE = 0.02
"""Seconds in which a choked drum ends: too short to hear as a fade, too long to click."""

_GROUPS = ((42, 44, 46), (71, 72), (73, 74), (78, 79), (80, 81))  # hi-hat, whistle, guiro, cuica, triangle
_GROUP_OF = {key: number for number, keys in enumerate(_GROUPS, start=1) for key in keys}


def choke_group(key: int) -> int | None:
    """The number from 1 of the drums of General MIDI that end each other and the drum `key`; None: nothing ends it.

    >>> choke_group(42) == choke_group(46), choke_group(36)
    (True, None)
    """
    return _GROUP_OF.get(key)


def choke_samples(notes: Sequence[PieceNote], onsets: npt.NDArray[np.int64]) -> dict[int, int]:
    """Place in `notes` -> the sample at which the next stroke of its group begins, for all drums that have one.

    `notes` come by their `onsets`, which are samples. A group is that of a channel, on whatever tracks its strokes are.
    Strokes that begin together do not end each other.
    """
    ends: dict[int, int] = {}
    sounding: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for place, note in enumerate(notes):
        group = choke_group(note.pitch) if is_drum(note) else None
        if group is None:
            continue
        strokes, onset = sounding[note.channel, group], int(onsets[place])
        if strokes and onsets[strokes[0]] < onset:  # those of a list began together
            ends |= dict.fromkeys(strokes, onset)
            strokes.clear()
        strokes.append(place)
    return ends
