"""One track's bytes as events in ticks, each decoded by mido.

mido's own loop over a track loses the whole track with its first fault, the waiting time before an unknown meta event,
and running status after system exclusive messages. So the loop is ours: it reads delta times and running status, and
finds where a track breaks. Events of ours take 96 bytes, messages of mido 240.
Source: Standard MIDI Files 1.0 (RP-001) and MIDI 1.0 Detailed Specification, MIDI Manufacturers Association.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from mido import KeySignatureError
from mido.messages import SPEC_BY_STATUS
from mido.midifiles.midifiles import (
    MAX_MESSAGE_LENGTH,
    read_byte,
    read_message,
    read_meta_message,
    read_sysex,
    read_variable_int,
)

from generation.midi.remarks import Remarks

# Kinds of events: mido's names, PART_MODE and KEY_TUNING.
NOTE_OFF, NOTE_ON, CONTROL = "note_off", "note_on", "control_change"
PROGRAM, PITCH_BEND = "program_change", "pitchwheel"
TEMPO, TIME_SIGNATURE, END_OF_TRACK, PART_MODE = "set_tempo", "time_signature", "end_of_track", "part_mode"
KEY_TUNING = "key_tuning"
KEY_TUNING_UNIT = 2**-14  # semitones

_TWO_VALUES: dict[str, Callable[[Any], tuple[int, int]]] = {
    NOTE_OFF: attrgetter("note", "velocity"),
    NOTE_ON: attrgetter("note", "velocity"),
    CONTROL: attrgetter("control", "value"),
    PROGRAM: attrgetter("program", "channel"),
    PITCH_BEND: attrgetter("pitch", "channel"),
}
_META, _SYSEX, _SYSEX_END = 0xFF, 0xF0, 0xF7
_TEMPO_BYTE, _TIME_SIGNATURE_BYTE = 0x51, 0x58
_LONGEST_NUMBER = 4  # bytes: deltas stay below 2^28
_TOO_LONG = f"an event claims more than the {MAX_MESSAGE_LENGTH} bytes that mido reads"
_WRONG_DATA = "a status byte stands where a data byte should"
_UNDECODED = (KeySignatureError, ValueError, LookupError)  # mido raises these once it has read the whole event


class Event(NamedTuple):
    """An event at `tick`, counted from the track's beginning; `first` and `second` depend on its kind."""

    tick: int
    track: int  # from 1
    port: int
    channel: int  # from 1; 0 for what concerns no channel
    kind: str
    first: int  # pitch, controller, program, bend; microseconds per quarter; beats in a bar; 1 for drums, else 0;
    # 128 times the tuning program and the key that it tunes
    second: int  # velocity, value; the note that is a beat, as 4 for a quarter; pitch of the key in units of
    # `KEY_TUNING_UNIT`; else without meaning


def read_track(content: bytes, offset: int, track: int, remarks: Remarks) -> list[Event]:
    """The events in a track's `content`, which begins at byte `offset` of the file, in order; an end of track last.

    Raises: DataError on a fault, unless lenient: then the track ends before a fault after which nothing can be read.
    """
    return _TrackReader(content, offset, track, remarks).read()


class _UnreadableError(Exception):
    """Nothing that follows in the track can be read."""


class _TrackReader:
    def __init__(self, content: bytes, offset: int, track: int, remarks: Remarks) -> None:
        self._content, self._offset, self._track, self._remarks = content, offset, track, remarks
        self._file = io.BytesIO(content)
        self._tick = self._port = self._status = 0
        self._interrupted = False  # another event came after the status byte
        self._events: list[Event] = []

    def read(self) -> list[Event]:
        start, ended = 0, False
        try:
            while not ended and self._file.tell() < len(self._content):
                start = self._file.tell()
                self._remarks.count_event()
                ended = self._read_event()
        except (_UnreadableError, EOFError) as error:
            what = "the track breaks off within an event" if isinstance(error, EOFError) else str(error)
            self._remarks.fault(what, "the rest of the track left out", self._offset + start, self._track)
        else:
            if not ended:
                self._remarks.say("tracks without an end-of-track event, which end with their last one: {n}")
            elif self._file.tell() < len(self._content):
                self._remarks.say("tracks that go on after their end-of-track event, where reading ends: {n}")
        self._keep(END_OF_TRACK, 0, 0, 0)
        return self._events

    def _read_event(self) -> bool:
        """Whether it was the end of track."""
        self._check_number(0)
        self._tick += read_variable_int(self._file)
        status = read_byte(self._file)
        if status < _SYSEX:
            self._read_channel_message(status)
            return False
        self._interrupted = True
        if status == _META:
            return self._read_meta()
        if status in (_SYSEX, _SYSEX_END):
            self._read_sysex()
        else:
            self._read_system_message(status)
        return False

    def _read_channel_message(self, status: int) -> None:
        peeked = []
        if status >= 0x80:
            self._status, self._interrupted = status, False
        elif self._status == 0:
            raise _UnreadableError("a data byte stands where an event should begin")
        else:
            peeked = [status]
        if self._interrupted:
            # The specification forbids it, but files have it and players accept it.
            self._remarks.say("running status that goes on after a meta or sysex event, read as meant: {n}")
            self._interrupted = False
        try:
            message = read_message(self._file, self._status, peeked, 0)
        except OSError as error:
            raise _UnreadableError(_WRONG_DATA) from error
        two_values = _TWO_VALUES.get(message.type)
        if two_values:
            self._keep(message.type, message.channel + 1, *two_values(message))

    def _read_meta(self) -> bool:
        start = self._file.tell()
        self._check_number(1)
        try:
            message = read_meta_message(self._file, 0)
        except OSError as error:
            raise _UnreadableError(_TOO_LONG) from error
        except _UNDECODED:
            self._say_unusable(self._content[start], start)
            return False
        if message.type == TEMPO and message.tempo > 0:
            self._keep(TEMPO, 0, message.tempo, 0)
        elif message.type == TIME_SIGNATURE and message.numerator > 0:
            self._keep(TIME_SIGNATURE, 0, message.numerator, message.denominator)
        elif message.type in (TEMPO, TIME_SIGNATURE):
            self._say_unusable(self._content[start], start)
        elif message.type == "midi_port":
            self._port = message.port
        return bool(message.type == END_OF_TRACK)

    def _say_unusable(self, kind: int, start: int) -> None:
        if kind == _TEMPO_BYTE:
            self._remarks.fault("a tempo of 0 or of the wrong size", "skipped", self._offset + start, self._track)
        elif kind == _TIME_SIGNATURE_BYTE:
            self._remarks.say("impossible time signatures skipped: {n}")
        else:
            self._remarks.say("broken meta events that change no note, such as an impossible key, skipped: {n}")

    def _read_sysex(self) -> None:
        self._check_number(0)
        try:
            # clip: otherwise mido refuses the status bytes that may follow F7
            message = read_sysex(self._file, 0, clip=True)
        except OSError as error:
            raise _UnreadableError(_TOO_LONG) from error
        mode = _part_mode(message.data)
        if mode:
            self._keep(PART_MODE, *mode, 0)
        for key, pitch in _key_tunings(message.data):
            self._remarks.count_event()
            self._keep(KEY_TUNING, 0, key, pitch)

    def _read_system_message(self, status: int) -> None:
        if status not in SPEC_BY_STATUS:
            place = self._offset + self._file.tell() - 1
            self._remarks.fault(f"status byte {status:#04x} is undefined", "skipped", place, self._track)
            return
        try:
            read_message(self._file, status, [], 0)
        except OSError as error:
            raise _UnreadableError(_WRONG_DATA) from error
        self._remarks.say("system messages, which a file should not have, skipped: {n}")

    def _check_number(self, ahead: int) -> None:
        """Refuse a long number: mido would read it, in a time that grows with the square of its length."""
        start = self._file.tell() + ahead
        digits = self._content[start : start + _LONGEST_NUMBER]
        if len(digits) == _LONGEST_NUMBER and min(digits) >= 0x80:
            raise _UnreadableError("a number of more than 4 bytes")

    def _keep(self, kind: str, channel: int, first: int, second: int) -> None:
        self._events.append(Event(self._tick, self._track, self._port, channel, kind, first, second))


def _part_mode(data: Sequence[int]) -> tuple[int, int] | None:
    """The channel (from 1) that a system exclusive message gives to drums (1) or to tones (0); None: another message.

    `data` are its bytes between F0 and F7. Source: Roland GS, parameter "use for rhythm part" (address 40 1x 15);
    Yamaha XG, multi part parameter "part mode" (address 08 nn 07).
    """
    match data:
        case (0x41, _, 0x42, 0x12, 0x40, part, 0x15, mode, _) if part >> 4 == 1:
            number = part & 0x0F  # parts count 10, 1 to 9, 11 to 16
            return (10 if number == 0 else number + (number > 9)), int(mode > 0)
        case (0x43, device, 0x4C, 0x08, part, 0x07, mode) if device >> 4 == 1 and part < 16:
            return part + 1, int(mode > 0)
        case _:
            return None


def _key_tunings(data: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each key that a system exclusive message tunes, with 128 times its tuning program added, and its pitch in units.

    Source: MIDI Tuning, single note tuning change (real-time 08 02), and the same with a bank (08 07), of bank 0.
    """
    match data:
        case (0x7F, _, 0x08, 0x02, program, _, *changes):
            pass
        case (0x7E | 0x7F, _, 0x08, 0x07, 0, program, _, *changes):
            pass
        case _:
            return
    for key, *pitch in zip(*(changes[start::4] for start in range(4)), strict=False):
        if pitch != [0x7F, 0x7F, 0x7F]:  # which means no change
            semitone, high, low = pitch
            yield 128 * program + key, semitone << 14 | high << 7 | low
