"""MIDI files as notes in seconds: when each sounds, for how long, at which pitch, how loud, by which program."""

from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from pathlib import Path

from generation.midi.bars import BarLines
from generation.midi.chunks import read_frame
from generation.midi.events import read_track
from generation.midi.note_timing import NoteTimer, PieceNote
from generation.midi.remarks import Remarks
from utils.errors import DataError
from utils.regular_files import open_regular

__all__ = ["LARGEST_FILE", "Piece", "PieceNote", "read_midi", "read_midi_bytes"]

LARGEST_FILE = 4 * 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """The notes by onset, then track, channel and pitch; the bars; and a line for each thing skipped or repaired."""

    notes: list[PieceNote]
    bars: list[float]  # seconds: where bars begin, rising from 0.0 up to the end of the last note
    remarks: list[str]

    @property
    def duration(self) -> float:
        """Seconds from the beginning to the end of the last note; 0 without notes."""
        return _end(self.notes)


def read_midi(path: Path, *, lenient: bool = False, drums: bool = False, controllers: bool = True) -> Piece:
    """The notes and bars of the file `path`, as `read_midi_bytes` reads its content.

    Raises: DataError also if the file is missing or unreadable.
    """
    try:
        with open_regular(path) as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a Standard MIDI File") from error
    return read_midi_bytes(content, str(path), lenient=lenient, drums=drums, controllers=controllers)


def read_midi_bytes(
    content: bytes, name: str, *, lenient: bool = False, drums: bool = False, controllers: bool = True
) -> Piece:
    """The notes and bars of a Standard MIDI File of format 0, 1 or 2, in quarters or in SMPTE frames, also in RIFF.

    Tempo events and time signatures of all tracks apply to all, but for format 2, whose tracks are pieces of their
    own: they are played one after the other. A note-off (or a note-on of velocity 0) ends all notes of its track,
    channel and pitch that sound from an earlier tick, as in synthesizers. While the sustain pedal of its channel is
    down (controller 64 at 64 or more) a note sounds on until the pedal goes up or the pitch is struck again.
    Controllers 120, 121 and 123 to 127 end notes as MIDI 1.0 says. Notes never ended end with their track.

    Bars follow the time signatures: 4/4 before the first, and a change begins a new bar. Where a file counts in SMPTE
    frames a quarter is taken as half a second, hence a bar of 4/4 as two. Bars after the first 100 000 are left out.

    Skipped, with a remark: notes of no length, and notes of drums, which are those of channel 10 and of the channels
    that Roland GS or Yamaha XG messages give to drums (drums chosen by bank or program are not recognised). With
    `drums` they are notes like others, whose pitch is the key of the drum.
    Each note has the curves of its channel's pitch (bend in its range, tuning) and level (volume, expression), and the
    pitch that MIDI tuning messages have given to its key by its onset. Without `controllers`, as pieces were read
    before 2026-12, these are left out, with a remark.
    Not applied, with a remark: sostenuto. Harmless faults are passed over, with a
    remark. A file may hold no note at all. With `lenient`, a broken file gives what can be read: each track up to
    its fault. Only the format bounds the times, so check `duration` before you allocate memory for it.

    `name` stands for the file in messages.
    Raises: DataError if the content is over 4 MiB, has more than 200 000 events, or is no MIDI file; if it is broken,
    unless `lenient`.
    """
    if len(content) > LARGEST_FILE:
        raise DataError(f"{name}: larger than {LARGEST_FILE // 2**20} MiB; cut it into pieces")
    remarks = Remarks(name, lenient=lenient)
    form, time_base, extents = read_frame(content, name, remarks)
    tracks = (read_track(content[a:b], a, track, remarks) for track, (a, b) in enumerate(extents, start=1))
    if form == 2 and len(extents) > 1:
        remarks.say(f"format 2: its {len(extents)} tracks are played one after the other")
    notes: list[PieceNote] = []
    bars = BarLines(time_base.quarter, time_base.denominator, remarks)
    start = 0
    for events in tracks if form == 2 else [list(chain.from_iterable(tracks))]:
        events.sort(key=attrgetter("tick"))  # stable: what falls on one tick stays in the order of the file
        player = NoteTimer(time_base, start, bars, remarks, drums=drums, controllers=controllers)
        start = player.play(events)
        notes += player.notes
    notes.sort(key=attrgetter("onset", "track", "channel", "pitch", "duration"))
    return Piece(notes, bars.before(_end(notes)), remarks.lines())


def _end(notes: list[PieceNote]) -> float:
    return max((note.onset + note.duration for note in notes), default=0.0)
