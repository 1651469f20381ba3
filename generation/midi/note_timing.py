"""From the events of a MIDI file to notes in seconds: what begins a note, and what ends it.

Source: MIDI 1.0 Detailed Specification and General MIDI System Level 1, MIDI Manufacturers Association.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from generation.midi.bars import BarLines
from generation.midi.chunks import TimeBase
from generation.midi.controllers import CONTROLLERS, EXPRESSION, VOLUME, ChannelControllers, StepCurve
from generation.midi.events import (
    CONTROL,
    END_OF_TRACK,
    KEY_TUNING,
    KEY_TUNING_UNIT,
    NOTE_OFF,
    NOTE_ON,
    PART_MODE,
    PITCH_BEND,
    PROGRAM,
    TEMPO,
    TIME_SIGNATURE,
    Event,
)
from generation.midi.remarks import Remarks

DRUM_CHANNEL = 10
DRUMS_SKIPPED = "notes of drums"  # how the remark on them begins

_PEDAL, _SOSTENUTO = 64, 66
_ALL_SOUND_OFF, _RESET_CONTROLLERS, _ALL_NOTES_OFF = 120, 121, 123
_PEDAL_DOWN = 64


class PieceNote(NamedTuple):
    """One note as it sounds. Its times are computed exactly, then rounded to the nearest float64."""

    onset: float  # seconds from the beginning
    duration: float  # seconds, > 0: up to the release of key and pedal
    pitch: int  # 0 to 127; 60 is middle C
    velocity: int  # 1 to 127
    channel: int  # 1 to 16
    track: int  # from 1, in the order of the file
    program: int | None  # 0 to 127, numbered as in `data.general_midi`: the one set at the onset; None of drums
    tuned: float | None = None  # pitch that the piece's own tuning gives to the key; None: its equal-tempered one
    bend: StepCurve | None = None  # semitones that the channel is bent by, by time; None: never
    level: StepCurve | None = None  # factor of the amplitude by the channel's volume and expression; None: 1


class _Voice(NamedTuple):
    """A note that sounds now; its onset in units of the time base."""

    onset: int
    pitch: int
    velocity: int
    channel: int
    track: int
    program: int | None
    tuned: float | None
    controllers: ChannelControllers


@dataclass(slots=True)
class _Channel:
    """The state of one channel of one port. Keys are kept by track, so that two hands may hold the same pitch."""

    drums: bool
    controllers: ChannelControllers
    program: int = 0
    pedal: bool = False
    held: defaultdict[tuple[int, int], list[_Voice]] = field(default_factory=lambda: defaultdict(list))
    sustained: defaultdict[int, list[_Voice]] = field(default_factory=lambda: defaultdict(list))


class NoteTimer:
    """Follows the events of one piece, which begins at `start`; collects ended notes in `notes`, and counts `bars`.

    With `drums`, notes of drums are notes like others. Without `controllers`, bends, volume, expression and tunings
    are left out. Time is counted in whole units of 1 / denominator seconds, so that nothing is rounded on the way.
    """

    def __init__(
        self, time_base: TimeBase, start: int, bars: BarLines, remarks: Remarks, *, drums: bool, controllers: bool
    ) -> None:
        self.notes: list[PieceNote] = []
        self._plays_drums, self._follows = drums, controllers
        self._ended: list[tuple[_Voice, int]] = []
        self._tuned_keys: dict[int, float] = {}  # by 128 times the tuning program and the key
        bars.begin_piece()
        self._time_base, self._bars, self._remarks = time_base, bars, remarks
        self._rate, self._tick, self._now = time_base.rate, 0, start
        self._channels: dict[tuple[int, int], _Channel] = {}
        self._keys_of_track: defaultdict[int, set[tuple[int, int, int]]] = defaultdict(set)

    def play(self, events: Iterable[Event]) -> int:
        """Follow `events`, in the order of their ticks. Returns the time when the last track ends."""
        for event in events:
            if event.tick > self._tick:
                self._bars.pass_time(self._tick, event.tick, self._now, self._rate)
                self._now += (event.tick - self._tick) * self._rate
                self._tick = event.tick
            self._handle(event)
        for channel in self._channels.values():
            for _ in range(sum(map(len, channel.sustained.values()))):
                self._remarks.say("notes held by a pedal that never went up, which end with the last track: {n}")
            self._silence_sustained(channel)
        self.notes += self._timed_notes()
        return self._now

    def _timed_notes(self) -> Iterator[PieceNote]:
        denominator = self._time_base.denominator
        of_channels = [channel.controllers for channel in self._channels.values()]
        curves = {id(each): each.curves(denominator) for each in of_channels}
        for voice, end in self._ended:
            yield PieceNote(
                voice.onset / denominator,
                (end - voice.onset) / denominator,
                voice.pitch,
                voice.velocity,
                voice.channel,
                voice.track,
                voice.program,
                voice.tuned,
                *curves[id(voice.controllers)],
            )

    def _handle(self, event: Event) -> None:
        if event.channel > 0:
            self._handle_of_channel(event, self._channel(event.port, event.channel))
        elif event.kind == TEMPO and self._time_base.tempo_applies:
            self._rate = event.first
        elif event.kind == TEMPO:
            self._remarks.say("tempo events not applied, since the file counts in SMPTE frames: {n}")
        elif event.kind == KEY_TUNING and self._follows:
            self._tuned_keys[event.first] = event.second * KEY_TUNING_UNIT
        elif event.kind == KEY_TUNING:
            self._remarks.say("tunings of keys not applied: {n}")
        elif event.kind == TIME_SIGNATURE:
            self._bars.set_signature(self._tick, event.first, event.second)
        elif event.kind == END_OF_TRACK:
            self._end_track(event.track)

    def _channel(self, port: int, number: int) -> _Channel:
        if (port, number) not in self._channels:
            self._channels[port, number] = _Channel(
                drums=number == DRUM_CHANNEL, controllers=ChannelControllers(self._remarks)
            )
        return self._channels[port, number]

    def _handle_of_channel(self, event: Event, channel: _Channel) -> None:
        if event.kind == PART_MODE:
            channel.drums = event.first > 0
        elif event.kind == PROGRAM:
            channel.program = event.first
        elif event.kind == NOTE_OFF or (event.kind == NOTE_ON and event.second == 0):
            self._release(event, channel)
        elif channel.drums and not self._plays_drums:
            if event.kind == NOTE_ON:
                self._remarks.say(f"{DRUMS_SKIPPED} (channel {event.channel}) skipped: {{n}}")
        elif event.kind == NOTE_ON:
            self._strike(event, channel)
        elif event.kind == CONTROL:
            self._control(channel, event.first, event.second)
        elif event.kind == PITCH_BEND and self._follows:
            channel.controllers.bend(self._now, event.first)
        elif event.kind == PITCH_BEND and event.first != 0:
            self._remarks.say("pitch bends not applied: {n}")

    def _strike(self, event: Event, channel: _Channel) -> None:
        pitch, velocity = event.first, event.second
        for voice in channel.sustained.pop(pitch, ()):
            self._end(voice)
        program = None if channel.drums else channel.program
        tuned = self._tuned_keys.get(128 * channel.controllers.tuning_program + pitch)
        voice = _Voice(self._now, pitch, velocity, event.channel, event.track, program, tuned, channel.controllers)
        channel.held[event.track, pitch].append(voice)
        self._keys_of_track[event.track].add((event.port, event.channel, pitch))

    def _release(self, event: Event, channel: _Channel) -> None:
        """End the notes struck before this tick; those struck on it only if there are no earlier ones."""
        key = event.track, event.first
        voices = channel.held.pop(key, [])
        earlier = [voice for voice in voices if voice.onset < self._now]
        if earlier and len(earlier) < len(voices):
            channel.held[key] = voices[len(earlier) :]
        for voice in earlier or voices:
            self._let_go(channel, voice)

    def _let_go(self, channel: _Channel, voice: _Voice) -> None:
        if channel.pedal:
            channel.sustained[voice.pitch].append(voice)
        else:
            self._end(voice)

    def _control(self, channel: _Channel, controller: int, value: int) -> None:
        if controller in CONTROLLERS and self._follows:
            channel.controllers.control(self._now, controller, value)
        elif controller in (_PEDAL, _RESET_CONTROLLERS):
            if controller == _RESET_CONTROLLERS and self._follows:
                channel.controllers.reset(self._now)
            channel.pedal = controller == _PEDAL and value >= _PEDAL_DOWN
            if not channel.pedal:
                self._silence_sustained(channel)
        elif controller in (VOLUME, EXPRESSION):
            self._remarks.say("changes of volume and expression not applied: {n}")
        elif controller == _SOSTENUTO and value >= _PEDAL_DOWN:
            self._remarks.say("presses of the sostenuto pedal not applied: {n}")
        elif controller == _ALL_SOUND_OFF or controller >= _ALL_NOTES_OFF:
            for voice in chain.from_iterable(channel.held.values()):
                self._let_go(channel, voice)
            channel.held.clear()
            if controller == _ALL_SOUND_OFF:
                self._silence_sustained(channel)

    def _silence_sustained(self, channel: _Channel) -> None:
        for voice in chain.from_iterable(channel.sustained.values()):
            self._end(voice)
        channel.sustained.clear()

    def _end_track(self, track: int) -> None:
        for port, number, pitch in self._keys_of_track.pop(track, ()):
            for voice in self._channels[port, number].held.pop((track, pitch), ()):
                self._remarks.say("notes never ended, which end with their track: {n}")
                self._end(voice)

    def _end(self, voice: _Voice) -> None:
        if voice.onset == self._now:
            self._remarks.say("notes of no length skipped: {n}")
            return
        self._ended.append((voice, self._now))
