"""The opening of Beethoven's bagatelle in A minor "Für Elise", WoO 59 (1810, public domain), as a MIDI file.

Transcribed from the music, not copied from another file: bars 1 to 22 with their upbeat, the first part twice.
"""

import io
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

import mido

TICKS_PER_QUARTER = 480
SIXTEENTH = TICKS_PER_QUARTER // 4
BAR = 6  # sixteenths: 3/8

# Bars stand between "|". A name is a sixteenth, "C5:3" three of them, "-" a rest of one.
# "ped" holds the sustain pedal from the beginning of the bar for four sixteenths.
_UPBEAT_RIGHT = "E5 D#5"
_UPBEAT_LEFT = "- -"
_THEME_RIGHT = (
    "E5 D#5 E5 B4 D5 C5 | A4:2 - C4 E4 A4 | B4:2 - E4 G#4 B4 | C5:2 - E4 E5 D#5"
    " | E5 D#5 E5 B4 D5 C5 | A4:2 - C4 E4 A4 | B4:2 - E4 C5 B4"
)
_THEME_LEFT = (
    "- - - - - - | ped A2 E3 A3 - - - | ped E2 E3 G#3 - - - | ped A2 E3 A3 - - -"
    " | - - - - - - | ped A2 E3 A3 - - - | ped E2 E3 G#3 - - -"
)
_BACK_RIGHT, _ON_RIGHT, _END_RIGHT = "A4:4 E5 D#5", "A4:2 - B4 C5 D5", "A4:4 - -"
_CLOSE_LEFT = "ped A2 E3 A3 - - -"
_MIDDLE_RIGHT = "E5:3 G4 F5 E5 | D5:3 F4 E5 D5 | C5:3 E4 D5 C5 | B4:2 - E4 E5 - | - E5 E6 - - D#5 | E5 - - D#5 E5 D#5"
_MIDDLE_LEFT = (
    "ped C3 G3 C4 - - - | ped G2 G3 B3 - - - | ped A2 E3 A3 - - - | E2 E3 E4 - - E4 | E5 - - D#5 E5 - | - D#5 E5 - - -"
)

RIGHT_HAND = " | ".join(
    [_UPBEAT_RIGHT, _THEME_RIGHT, _BACK_RIGHT, _THEME_RIGHT, _ON_RIGHT, _MIDDLE_RIGHT, _THEME_RIGHT, _END_RIGHT]
)
LEFT_HAND = " | ".join(
    [_UPBEAT_LEFT, _THEME_LEFT, _CLOSE_LEFT, _THEME_LEFT, _CLOSE_LEFT, _MIDDLE_LEFT, _THEME_LEFT, _CLOSE_LEFT]
)

_QUAVERS_PER_MINUTE = 130  # poco moto
_SLOWER = ((-2, 112), (-1, 88))  # the last bars, in quavers per minute
_VELOCITY = {"right": 72, "left": 54}
_STRESS, _SHORT = 8, -6  # of a bar's first note; of its other sixteenths
_PEDAL, _PEDAL_SIXTEENTHS = 64, 4
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class WrittenNote(NamedTuple):
    """A note as written; times in sixteenths from the beginning of its bar."""

    start: int
    length: int
    pitch: int  # 60 is middle C


class Bar(NamedTuple):
    """One hand's bar."""

    length: int  # sixteenths
    notes: list[WrittenNote]
    pedal: bool


def bars_of(hand: str) -> list[Bar]:
    """The bars of a hand's text, the upbeat first."""
    return [_bar(cell.split()) for cell in hand.split("|")]


def fur_elise() -> bytes:
    """A Standard MIDI File of format 1: track 1 the right hand on channel 1, track 2 the left hand on channel 2.

    42 s at 130 quavers a minute with a broadening at the end; the pedal holds the left hand's arpeggios.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER)
    right, left = bars_of(RIGHT_HAND), bars_of(LEFT_HAND)
    file.tracks.append(_track([*_directions(right), *_events(right, 0, _VELOCITY["right"])], "right hand"))
    file.tracks.append(_track(list(_events(left, 1, _VELOCITY["left"])), "left hand"))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _bar(words: list[str]) -> Bar:
    pedal = words[0] == "ped"
    now, notes = 0, []
    for word in words[pedal:]:
        name, _, sixteenths = word.partition(":")
        length = int(sixteenths or 1)
        if name != "-":
            notes.append(WrittenNote(now, length, _pitch(name)))
        now += length
    return Bar(now, notes, pedal)


def _pitch(name: str) -> int:
    """MIDI pitch of a name such as D#5; C4 is 60."""
    return _SEMITONES[name[0]] + name.count("#") + 12 * (int(name[-1]) + 1)


def _starts(bars: list[Bar]) -> list[int]:
    """Where each bar begins, in sixteenths; one more, the end."""
    return list(accumulate((bar.length for bar in bars), initial=0))


def _directions(bars: list[Bar]) -> Iterator[tuple[int, mido.MetaMessage]]:
    """Time signatures and tempi, at their sixteenths: the upbeat is a bar of 1/8."""
    starts = _starts(bars)
    yield 0, mido.MetaMessage("time_signature", numerator=1, denominator=8)
    yield starts[1], mido.MetaMessage("time_signature", numerator=3, denominator=8)
    for start, quavers in [(0, _QUAVERS_PER_MINUTE), *((starts[bar - 1], speed) for bar, speed in _SLOWER)]:
        yield start, mido.MetaMessage("set_tempo", tempo=round(60_000_000 / (quavers / 2)))


def _events(bars: list[Bar], channel: int, velocity: int) -> Iterator[tuple[int, mido.Message]]:
    """A hand's messages, at their sixteenths."""
    for bar, begin in zip(bars, _starts(bars), strict=False):
        if bar.pedal:
            yield begin, mido.Message("control_change", channel=channel, control=_PEDAL, value=127)
            up = begin + _PEDAL_SIXTEENTHS
            yield up, mido.Message("control_change", channel=channel, control=_PEDAL, value=0)
        for note in bar.notes:
            stress = _STRESS if note.start == 0 else _SHORT * (note.length == 1)
            start, end = begin + note.start, begin + note.start + note.length
            yield start, mido.Message("note_on", channel=channel, note=note.pitch, velocity=velocity + stress)
            yield end, mido.Message("note_off", channel=channel, note=note.pitch)


def _track(events: list[tuple[int, mido.Message]], name: str) -> mido.MidiTrack:
    """`events` with the waiting times between them; note-offs before note-ons of the same time."""
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    now = 0
    for time, message in sorted(events, key=lambda event: (event[0], event[1].type != "note_off")):
        track.append(message.copy(time=(time - now) * SIXTEENTH))
        now = time
    return track
