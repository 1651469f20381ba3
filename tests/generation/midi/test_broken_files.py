"""Broken and odd files: each gives notes, or an error of one line; strictly and leniently."""

import os
import struct
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from generation.midi.midi_file import LARGEST_FILE, read_midi, read_midi_bytes
from tests.generation.midi.midi_files import END, NOTE, ONE, chunk, control, off, on, raw, tempo, written
from utils.errors import DataError

META_TEXT = b"\x00\xff\x01\x02\xe9\xff"
SLOW_DOWN = b"\x00\xff\x51\x03\x0f\x42\x40"


def attempt(content, *, lenient):
    """The piece, or None where the reader says in one line that there is none."""
    try:
        piece = read_midi_bytes(content, "odd.mid", lenient=lenient)
    except DataError as error:
        complaint = str(error)
    else:
        assert all(note.duration > 0 and note.onset >= 0 for note in piece.notes)
        assert all(0 <= note.pitch <= 127 and 1 <= note.velocity <= 127 for note in piece.notes)
        assert all(remark and "\n" not in remark for remark in piece.remarks)
        assert piece.bars[0] == 0
        return piece
    assert complaint.startswith("odd.mid")
    assert "\n" not in complaint
    return None


def rmi(content, *, before=b""):
    data = before + b"data" + struct.pack("<L", len(content)) + content + b"\x00" * (len(content) % 2)
    return b"RIFF" + struct.pack("<L", 4 + len(data)) + b"RMID" + data


def first_track(content, size):
    """`content` whose first track claims to have `size` bytes."""
    return content[:18] + struct.pack(">L", size) + content[22:]


# Content; the number of notes; a remark's beginning, if there is one.
ODD = {
    "format 0 with several channels": (raw(NOTE + b"\x00\x93\x40\x40\x10\x83\x40\x00" + END, form=0), 2, None),
    "format 0 with two tracks": (raw(NOTE + END, NOTE + END, form=0), 2, "format 0 has one track"),
    "format 2 with one track": (raw(NOTE + END, form=2), 1, None),
    "format 2 with three tracks": (raw(*[NOTE + END] * 3, form=2), 3, "format 2: its 3 tracks"),
    "format 1 with 300 tracks": (raw(*[NOTE + END] * 300), 300, None),
    "running status": (raw(b"\x00\x90\x3c\x40\x10\x3c\x00\x00\x3e\x40\x10\x3e\x00" + END), 2, None),
    "running status across a text": (raw(b"\x00\x90\x3c\x40" + META_TEXT + b"\x60\x3c\x00" + END), 1, "running status"),
    "running status across sysex": (
        raw(b"\x00\x90\x3c\x40\x00\xf0\x02\x7e\xf7\x60\x3c\x00" + END),
        1,
        "running status",
    ),
    "waiting before an unknown meta event": (raw(b"\x30\xff\x60\x01\x07" + NOTE + END), 1, None),
    "waiting before an unknown empty meta event": (raw(b"\x30\xff\x0f\x00" + NOTE + END), 1, None),
    "note-on of velocity 0 first": (raw(b"\x00\x90\x3c\x00" + NOTE + END), 1, None),
    "SMPTE 24": (raw(NOTE + END, division=-24 * 256 + 4), 1, None),
    "SMPTE 25 in milliseconds": (raw(NOTE + END, division=-25 * 256 + 40), 1, None),
    "SMPTE 29, which is 29.97": (raw(NOTE + END, division=-29 * 256 + 100), 1, None),
    "SMPTE 30 with 255 ticks": (raw(NOTE + END, division=-30 * 256 + 255), 1, None),
    "SMPTE with a tempo": (raw(SLOW_DOWN + NOTE + END, division=-25 * 256 + 40), 1, "tempo events not applied"),
    "division 1": (raw(NOTE + END, division=1), 1, None),
    "division 32767": (raw(NOTE + END, division=32_767), 1, None),
    "slowest tempo": (raw(b"\x00\xff\x51\x03\xff\xff\xff" + NOTE + END), 1, None),
    "a tempo of four bytes": (raw(b"\x00\xff\x51\x04\x07\xa1\x20\x00" + NOTE + END), 1, None),
    "longest delta": (raw(b"\xff\xff\xff\x7f\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\x40" + END), 1, "bars after the"),
    "delta with needless zeros": (raw(b"\x80\x80\x80\x00\x90\x3c\x40\x80\x60\x80\x3c\x40" + END), 1, None),
    "no end of track": (raw(NOTE), 1, "tracks without an end-of-track"),
    "more after the end of track": (raw(NOTE + END + NOTE), 1, "tracks that go on"),
    "end of track with content": (raw(NOTE + b"\x00\xff\x2f\x02ab"), 1, None),
    "a track of no bytes": (raw(b"", NOTE + END), 1, "tracks without an end-of-track"),
    "no note at all": (raw(END), 0, None),
    "a byte after the file": (ONE + b"*", 1, "bytes skipped after the last chunk: 1"),
    "line end after the file": (ONE + b"\r\n", 1, "bytes skipped after the last chunk: 2"),
    "zeros after the file": (ONE + bytes(6), 1, "bytes skipped after the last chunk: 6"),
    "unknown chunk at the end": (ONE + chunk(b"XFIH", b"*"), 1, "unknown chunks skipped: 1"),
    "unknown chunk before the track": (ONE[:14] + chunk(b"XFKM", b"abc") + ONE[14:], 1, "unknown chunks skipped: 1"),
    "padded chunks": (
        raw(META_TEXT + NOTE + END, promised=2) + b"\x00" + chunk(b"MTrk", NOTE + END),
        2,
        "bytes that pad chunks",
    ),
    "a longer header": (b"MThd\x00\x00\x00\x08" + ONE[8:14] + b"\x00\x00" + ONE[14:], 1, None),
    "fewer tracks promised": (
        raw(NOTE + END, NOTE + END, promised=1),
        2,
        "the header promises 1 track, the file has 2",
    ),
    "no tracks promised": (raw(NOTE + END, promised=0), 1, "the header promises 0 tracks, the file has 1"),
    "RIFF": (rmi(ONE), 1, None),
    "RIFF with other chunks": (rmi(ONE, before=b"DISP\x03\x00\x00\x00abc\x00"), 1, None),
    "text of no charset": (raw(b"\x00\xff\x03\x04\xff\xfe\x80\x00" + NOTE + END), 1, None),
    "Japanese title": (raw(b"\x00\xff\x03\x06\x83\x47\x83\x8a\x81\x5b" + NOTE + END), 1, None),
    "an impossible key": (raw(b"\x00\xff\x59\x02\x09\x00" + NOTE + END), 1, "broken meta events"),
    "a key without mode": (raw(b"\x00\xff\x59\x01\x00" + NOTE + END), 1, "broken meta events"),
    "an impossible SMPTE offset": (raw(b"\x00\xff\x54\x05\xe0\x00\x00\x00\x00" + NOTE + END), 1, "broken meta events"),
    "an empty SMPTE offset": (raw(b"\x00\xff\x54\x00" + NOTE + END), 1, "broken meta events"),
    "an empty channel prefix": (raw(b"\x00\xff\x20\x00" + NOTE + END), 1, "broken meta events"),
    "an empty time signature": (raw(b"\x00\xff\x58\x00" + NOTE + END), 1, "impossible time signatures"),
    "sysex with status bytes": (raw(b"\x00\xf0\x04\x90\x3c\x40\xf7" + NOTE + END), 1, None),
    "sysex without its end": (raw(b"\x00\xf0\x02\x7e\x01" + NOTE + END), 1, None),
    "sysex in pieces": (raw(b"\x00\xf0\x02\x43\x12\x10\xf7\x02\x01\xf7" + NOTE + END), 1, None),
    "an escaped clock": (raw(b"\x00\xf7\x01\xf8" + NOTE + END), 1, None),
    "empty sysex": (raw(b"\x00\xf0\x00\x00\xf7\x00" + NOTE + END), 1, None),
    "a clock": (raw(b"\x00\xf8" + NOTE + END), 1, "system messages"),
    "a song position": (raw(b"\x00\xf2\x01\x02" + NOTE + END), 1, "system messages"),
    "every channel": (
        raw(b"".join(bytes([0, 0x90 | i, 60, 64, 9, 0x80 | i, 60, 0]) for i in range(16)) + END),
        15,
        "n",
    ),
    "never ended": (raw(b"\x00\x90\x3c\x40\x60\xff\x2f\x00"), 1, "notes never ended"),
    "a note-off too many": (raw(NOTE + b"\x00\x80\x3c\x40" + END), 1, None),
    "aftertouch of both kinds": (raw(b"\x00\xa0\x3c\x40\x00\xd0\x40" + NOTE + END), 1, None),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("lenient", [False, True])
def test_odd_files_are_read_and_what_is_odd_is_said(name, lenient):
    content, notes, remark = ODD[name]
    piece = attempt(content, lenient=lenient)
    assert len(piece.notes) == notes
    assert len(piece.remarks) == (0 if remark is None else 1)
    assert remark is None or piece.remarks[0].startswith(remark)


def test_no_waiting_time_is_lost_before_what_is_not_known():
    for event in (b"\xff\x60\x01\x07", b"\xff\x59\x02\x09\x00", b"\xf8", b"\xf0\x01\xf7", META_TEXT[1:]):
        note = attempt(raw(b"\x83\x60" + event + NOTE + END), lenient=False).notes[0]
        assert note.onset == 0.5


# Content; the number of notes of a lenient reading; the fault.
BROKEN = {
    "format 7": (raw(NOTE + END, form=7), 1, "byte 8: format 7 is not 0, 1 or 2"),
    "more tracks promised": (raw(NOTE + END, promised=2), 1, "promises 2 tracks, the file has 1"),
    "ends within a note": (raw(NOTE + b"\x00\x90\x3c"), 1, "track 1, byte 30: the track breaks off within an event"),
    "ends within a delta": (raw(NOTE + b"\x81\x80"), 1, "track 1, byte 30: the track breaks off within an event"),
    "ends after a delta": (raw(NOTE + b"\x00"), 1, "track 1, byte 30: the track breaks off within an event"),
    "ends within a meta event": (raw(NOTE + b"\x00\xff"), 1, "breaks off within an event"),
    "a status byte for a pitch": (raw(NOTE + b"\x00\x90\x80\x3c" + NOTE), 1, "a status byte stands where a data byte"),
    "a status byte for a song": (raw(NOTE + b"\x00\xf3\x80" + NOTE), 1, "a status byte stands where a data byte"),
    "no status byte": (raw(b"\x00\x3c\x40", NOTE), 1, "track 1, byte 22: a data byte stands where an event"),
    "a delta of 5 bytes": (raw(NOTE + b"\xff\xff\xff\xff\x7f\x90\x3c\x40"), 1, "a number of more than 4 bytes"),
    "a length of 5 bytes": (raw(NOTE + b"\x00\xff\x01\xff\xff\xff\xff\x7f"), 1, "a number of more than 4 bytes"),
    "a sysex length of 5 bytes": (raw(NOTE + b"\x00\xf0\xff\xff\xff\xff\x7f"), 1, "a number of more than 4 bytes"),
    "a meta event beyond its track": (raw(NOTE + b"\x00\xff\x01\x7f" + NOTE), 1, "breaks off within an event"),
    "a huge meta event": (raw(NOTE + b"\x00\xff\x01\xff\xff\xff\x7f" + NOTE), 1, "more than the 1000000 bytes"),
    "sysex beyond its track": (raw(NOTE + b"\x00\xf0\x7f" + NOTE), 1, "breaks off within an event"),
    "huge sysex": (raw(NOTE + b"\x00\xf0\xff\xff\xff\x7f" + NOTE), 1, "more than the 1000000 bytes"),
    "tempo 0": (raw(b"\x00\xff\x51\x03\x00\x00\x00" + NOTE + END), 1, "track 1, byte 24: a tempo of 0"),
    "a tempo of one byte": (raw(b"\x00\xff\x51\x01\x00" + NOTE + END), 1, "a tempo of 0 or of the wrong size"),
    "an undefined status": (raw(b"\x00\xf4" + NOTE + END), 1, "track 1, byte 23: status byte 0xf4 is undefined"),
    "a track longer than the file": (first_track(raw(NOTE + END, NOTE + END), 2**32 - 1), 2, "claims more bytes than"),
    "a track shorter than it is": (first_track(raw(NOTE + END, NOTE + END), 8), 2, "byte 30: no chunk begins here"),
    "garbage between tracks": (raw(NOTE + END, promised=2) + b"garbage, long" + ONE[14:], 2, "no chunk begins here"),
    "garbage for one of two tracks": (raw(b"\xff" * 99, NOTE + END), 1, "track 1, byte 22: a number of more than 4"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_say_where_and_give_the_rest_leniently(name):
    content, notes, what = BROKEN[name]
    assert attempt(content, lenient=False) is None
    with pytest.raises(DataError, match=what):
        read_midi_bytes(content, name)
    piece = attempt(content, lenient=True)
    assert len(piece.notes) == notes
    assert any(what in remark for remark in piece.remarks)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"MThd", "breaks off in its header"),
        (b"RIFF" + ONE, "not a MIDI file"),
        (rmi(ONE)[:12], "not a MIDI file"),
        (rmi(ONE)[:30], "breaks off in its header"),
        (rmi(b"WAVEdata"), "not a MIDI file"),
        (b"\xef\xbb\xbf" + ONE, "not a MIDI file"),
        (ONE[:13], "breaks off in its header"),
        (raw(), "holds no track"),
        (b"MThd" + b"\x00\x00\x00\x02" + ONE[8:], "header has 2 bytes"),
        (b"MThd" + b"\xff\xff\xff\xff" + ONE[8:], "promises 1 track|holds no track"),
        (raw(NOTE, division=0), "0x0000 gives ticks no length"),
        (raw(NOTE, division=-23 * 256 + 4), "gives ticks no length"),
        (raw(NOTE, division=-25 * 256), "0xe700 gives ticks no length"),
        (raw(NOTE, division=-32_768), "0x8000 gives ticks no length"),
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_no_midi_at_all(content, what, lenient):
    assert attempt(content, lenient=lenient) is None
    with pytest.raises(DataError, match=what):
        read_midi_bytes(content, "none.mid", lenient=lenient)


def test_repeated_faults_are_one_line():
    piece = attempt(raw((b"\x00\xf4" * 1_000) + NOTE + END), lenient=True)
    assert piece.remarks == ["track 1, byte 23: status byte 0xf4 is undefined; skipped (the first of 1000 such places)"]


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_midi(tmp_path / "absent.mid")
    with pytest.raises(DataError, match="Is a directory"):
        read_midi(tmp_path)
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(DataError, match="it is a pipe, not a file"):
        read_midi(tmp_path / "pipe.mid")
    (tmp_path / "not a MIDI file – Ω.mid").write_text("Ω")
    with pytest.raises(DataError, match=r"Ω\.mid: is not a MIDI file"):
        read_midi(tmp_path / "not a MIDI file – Ω.mid")
    (tmp_path / "large.mid").write_bytes(ONE + bytes(LARGEST_FILE + 1 - len(ONE)))
    with pytest.raises(DataError, match="larger than"):
        read_midi(tmp_path / "large.mid")


def damageable():
    track = [tempo(400_000), on(60), off(60, 200), control(64, 127), on(62, 9), off(62, 9), control(64, 0)]
    return written(track * 3, [on(50, channel=1), off(50, 500, channel=1)] * 3)


def test_a_file_cut_anywhere_gives_an_error_or_its_beginning():
    content = damageable()
    whole = attempt(content, lenient=False)
    fewer = 0
    for cut in range(len(content)):
        assert attempt(content[:cut], lenient=False) is None
        piece = attempt(content[:cut], lenient=True)
        if cut < 22:
            assert piece is None or piece.notes == []
        else:
            assert fewer <= len(piece.notes) <= len(whole.notes)
            fewer = len(piece.notes)
    assert fewer == len(whole.notes)  # only the end of track was missing


@settings(max_examples=300, deadline=None)
@given(damage=st.lists(st.tuples(st.integers(18, 400), st.integers(0, 255)), max_size=8), cut=st.integers(22, 400))
def test_a_lenient_reading_survives_any_damage_behind_its_first_chunk_name(damage, cut):
    content = bytearray(damageable()[:cut])
    for position, value in damage:
        if position < len(content):
            content[position] = value
    assert attempt(bytes(content), lenient=True) is not None
    attempt(bytes(content), lenient=False)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300), lenient=st.booleans())
@example(content=b"\x00\xff", lenient=True)
def test_random_bytes_are_an_error_or_a_piece(content, lenient):
    attempt(content, lenient=lenient)
    attempt(ONE[:4] + content, lenient=lenient)
    attempt(ONE[:14] + content, lenient=lenient)
    attempt(raw(content, NOTE + END), lenient=lenient)


MEBIBYTE = 2**20


@pytest.mark.parametrize(
    "content",
    [
        raw(b"\xff" * 4 * MEBIBYTE),
        raw(bytes(4 * MEBIBYTE)),
        raw(b"\x00\xff\x01" + b"\xff" * 4 * MEBIBYTE),
        raw(b"") + b"MTrk\xff\xff\xff\xff" * (MEBIBYTE // 16),
        raw(b"", form=2) + b"MTrk\x00\x00\x00\x04\xff\xff\xff\x7f" * (MEBIBYTE // 16),
        raw(b"") + b"XTrk\xff\xff\xff\xff" * (MEBIBYTE // 8),
    ],
    ids=["ff", "zeros", "length", "claims", "pieces", "chunks"],
)
def test_garbage_ends_soon(content):
    start = time.process_time()
    attempt(content[:LARGEST_FILE], lenient=True)
    assert time.process_time() - start < 5  # reached: 0.4


TEMPO_EVENTS, MANY = b"\x01\xff\x51\x03\x07\xa1\x20", 2_000


@pytest.mark.parametrize(
    "track",
    [
        TEMPO_EVENTS * 2 * MANY,
        b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 2 * MANY,
        b"\x00\xff\x01\x00" * 2 * MANY,
    ],
    ids=["tempo events", "notes on one tick", "empty texts"],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_more_events_than_a_piece_has_are_refused(track, lenient, monkeypatch):
    monkeypatch.setattr("generation.midi.remarks.MOST_EVENTS", MANY)
    with pytest.raises(DataError, match=rf"^huge\.mid: more than {MANY} events; cut it into pieces$"):
        read_midi_bytes(raw(track + END), "huge.mid", lenient=lenient)


def test_a_piece_has_200_000_events_at_most():
    with pytest.raises(DataError, match=r"^huge\.mid: more than 200000 events; cut it into pieces$"):
        read_midi_bytes(raw(TEMPO_EVENTS * 500_000 + END), "huge.mid")
