"""The frame of a Standard MIDI File: its header, how long a tick lasts, and where the bytes of each track are.

Source: Standard MIDI Files 1.0 (RP-001) and RIFF MIDI files (RP-029), MIDI Manufacturers Association.
mido gives up the whole file for a wrong length, an unknown chunk or one broken track; so the frame is read here.
"""

import struct
from fractions import Fraction
from typing import NamedTuple

from generation.midi.remarks import Remarks
from utils.errors import DataError
from utils.spelling import counted

_MTHD, _MTRK = b"MThd", b"MTrk"
_FRAMES_PER_SECOND = {24: (24, 1), 25: (25, 1), 29: (30_000, 1_001), 30: (30, 1)}
_DEFAULT_TEMPO = 500_000  # microseconds per quarter


class TimeBase(NamedTuple):
    """One tick lasts `rate / denominator` seconds; a tempo event replaces `rate` where `tempo_applies`."""

    rate: int
    denominator: int
    tempo_applies: bool
    quarter: Fraction  # ticks; half a second where the file counts in SMPTE frames


class Frame(NamedTuple):
    """A file's format (0, 1 or 2), its time base, and the first and one past the last byte of each track's events."""

    form: int
    time_base: TimeBase
    tracks: list[tuple[int, int]]


def read_frame(content: bytes, name: str, remarks: Remarks) -> Frame:
    """The frame of the file `content`, which errors call `name`; the file may be wrapped in RIFF (.rmi).

    Raises: DataError if it is no MIDI file, has no track or no usable division; unless lenient also on any fault.
    """
    start, end = _extent(content)
    if content[start : start + 4] != _MTHD:
        what = "is empty" if not content else "is not a MIDI file (it does not begin with MThd)"
        raise DataError(f"{name}: {what}; give a Standard MIDI File")
    if end - start < 14:
        raise DataError(f"{name}: breaks off in its header; export it again")
    size, form, promised, division = struct.unpack_from(">LHHh", content, start + 4)
    if size < 6:
        raise DataError(f"{name}: its header has {counted(size, 'byte')} instead of 6; export it again")
    time_base = _time_base(division, name)
    if form > 2:
        remarks.fault(f"format {form} is not 0, 1 or 2", "read as 1", start + 8)
        form = 1
    tracks = _tracks(content[:end], start + 8 + size, promised, remarks)
    if not tracks:
        raise DataError(f"{name}: holds no track; export it again")
    if form == 0 and len(tracks) > 1:
        remarks.say("format 0 has one track, this file more; they are played together, as in format 1")
        form = 1
    return Frame(form, time_base, tracks)


def _extent(content: bytes) -> tuple[int, int]:
    """First and one past the last byte of the MIDI file itself."""
    if content[:4] == b"RIFF" and content[8:12] == b"RMID":
        position = 12
        while position + 8 <= len(content):
            kind, size = struct.unpack_from("<4sL", content, position)
            if kind == b"data":
                return position + 8, min(position + 8 + size, len(content))
            position += 8 + size + size % 2
    return 0, len(content)


def _time_base(division: int, name: str) -> TimeBase:
    if division > 0:
        return TimeBase(_DEFAULT_TEMPO, 1_000_000 * division, tempo_applies=True, quarter=Fraction(division))
    frames, ticks_per_frame = -(division >> 8), division & 0xFF
    if division == 0 or frames not in _FRAMES_PER_SECOND or ticks_per_frame == 0:
        raise DataError(f"{name}: its division {division & 0xFFFF:#06x} gives ticks no length; export it again")
    numerator, denominator = _FRAMES_PER_SECOND[frames]
    ticks_per_second = Fraction(numerator * ticks_per_frame, denominator)
    return TimeBase(denominator, numerator * ticks_per_frame, tempo_applies=False, quarter=ticks_per_second / 2)


def _tracks(content: bytes, position: int, promised: int, remarks: Remarks) -> list[tuple[int, int]]:
    """First and one past the last byte of what each track chunk holds, in the chunks that begin at `position`."""
    tracks: list[tuple[int, int]] = []
    while position + 8 <= len(content):
        kind, size = struct.unpack_from(">4sL", content, position)
        body, end = position + 8, position + 8 + size
        next_track = content.find(_MTRK, body if kind == _MTRK else position) if end > len(content) else -1
        if kind == _MTRK:
            if end > len(content):
                what = "the track claims more bytes than the file has"
                remarks.fault(what, "read as far as it goes", position, len(tracks) + 1)
                end = next_track if next_track >= 0 else len(content)
            tracks.append((body, end))
        elif content[position + 1 : position + 5] == _MTRK:
            remarks.say("bytes that pad chunks skipped: {n}")
            end = position + 1
        elif end <= len(content):
            remarks.say("unknown chunks skipped: {n}")
        elif next_track < 0:
            break
        else:
            remarks.fault("no chunk begins here", "skipped up to the next track", position)
            end = next_track
        position = end
    if position < len(content):
        remarks.say(f"bytes skipped after the last chunk: {len(content) - position}")
    there = f"the header promises {counted(promised, 'track')}, the file has {len(tracks)}"
    if len(tracks) < promised:
        remarks.fault(there, "these are read", min(position, len(content)))
    elif len(tracks) > promised:
        remarks.say(f"{there}; all are read")
    return tracks
