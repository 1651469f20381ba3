import time
from collections import Counter
from fractions import Fraction

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.midi.midi_file import PieceNote, read_midi_bytes
from tests.generation.midi.midi_files import END, control, end, off, on, raw, tempo, times, written


def read(*tracks, lenient=False, **settings):
    """Reads tracks of mido's messages, or a file's bytes."""
    content = tracks[0] if isinstance(tracks[0], bytes) else written(*tracks, **settings)
    return read_midi_bytes(content, "piece.mid", lenient=lenient)


# --- time


def test_all_there_is_to_a_note():
    program = mido.Message("program_change", program=19, channel=3)
    piece = read([program, on(60, 480, velocity=100, channel=3), on(60, 240, velocity=0, channel=3)])
    assert piece.notes == [PieceNote(0.5, 0.25, 60, 100, channel=4, track=1, program=19)]
    assert piece.remarks == []


def test_tempo_changes_within_a_note_and_in_another_track():
    tempos = [tempo(1_000_000), tempo(250_000, 480), end(9_600)]
    notes = [on(60, 240), off(60, 480)]
    assert times(read(tempos, notes)) == [(60, 0.5, 1.125)]


@pytest.mark.parametrize(("frames", "rate"), [(24, 24), (25, 25), (29, Fraction(30_000, 1_001)), (30, 30)])
def test_smpte_counts_frames_whatever_the_tempo(frames, rate):
    track = b"\x00\xff\x51\x03\x01\x00\x00\x64\x90\x3c\x40\x28\x80\x3c\x00" + END
    piece = read(raw(track, division=-frames * 256 + 40))
    assert times(piece) == [(60, float(100 / (rate * 40)), pytest.approx(float(140 / (rate * 40)), rel=1e-15))]
    assert piece.remarks == ["tempo events not applied, since the file counts in SMPTE frames: 1"]


def test_pieces_of_format_2_follow_each_other():
    first = [tempo(1_000_000), on(60), off(60, 480), end(480)]
    second = [on(62, 480), off(62, 480)]
    piece = read(first, second, form=2)
    assert times(piece) == [(60, 0.0, 1.0), (62, 2.5, 3.0)]
    assert piece.remarks == ["format 2: its 2 tracks are played one after the other"]


def test_notes_come_sorted():
    piece = read([on(72, 480), on(60), off(72, 9), off(60)], [on(50), off(50, 10)])
    assert [note.pitch for note in piece.notes] == [50, 60, 72]


# --- what ends a note


def test_a_note_off_ends_all_that_sounds_of_its_pitch():
    piece = read([on(60, velocity=1), on(60, 480, velocity=2), off(60, 480), off(60, 480)])
    assert times(piece) == [(60, 0.0, 1.0), (60, 0.5, 1.0)]
    assert piece.remarks == []


def test_legato_of_one_pitch_whose_note_off_comes_late_in_its_tick():
    assert times(read([on(60), on(60, 480), off(60), off(60, 480)])) == [(60, 0.0, 0.5), (60, 0.5, 1.0)]


def test_two_hands_share_a_pitch():
    assert times(read([on(60), off(60, 1920)], [on(60, 480), off(60, 480)])) == [(60, 0.0, 2.0), (60, 0.5, 1.0)]


def test_pedal_holds_what_is_released_until_it_goes_up():
    track = [control(64, 64), on(60), off(60, 480), on(62), off(62, 480), control(64, 63, 480)]
    assert times(read(track)) == [(60, 0.0, 1.5), (62, 0.5, 1.5)]


def test_pedal_up_leaves_keys_that_are_still_down():
    track = [control(64, 127), on(60), control(64, 0, 480), off(60, 480)]
    assert times(read(track)) == [(60, 0.0, 1.0)]


def test_pedal_of_one_channel_in_any_track():
    pedal = [control(64, 127), control(64, 0, 1920)]
    notes = [on(60), on(60, channel=1), off(60, 480), off(60, channel=1)]
    assert times(read(pedal, notes)) == [(60, 0.0, 2.0), (60, 0.0, 0.5)]


def test_a_pitch_struck_again_ends_what_the_pedal_held():
    track = [control(64, 127), on(60), off(60, 480), on(60, 480), off(60, 480), control(64, 0, 480)]
    assert times(read(track)) == [(60, 0.0, 1.0), (60, 1.0, 2.0)]


def test_pedal_that_never_goes_up():
    piece = read([control(64, 127), on(60), off(60, 480), end(0)], [end(1920)])
    assert times(piece) == [(60, 0.0, 2.0)]
    assert piece.remarks == ["notes held by a pedal that never went up, which end with the last track: 1"]


@pytest.mark.parametrize(("controller", "ends"), [(120, 0.5), (123, 1.0), (124, 1.0), (121, 1.5)])
def test_controllers_that_end_notes(controller, ends):
    track = [control(64, 127), on(60), control(controller, 0, 480), control(64, 0, 480), off(60, 480)]
    assert times(read(track)) == [(60, 0.0, ends)]


def test_ports_double_the_channels():
    port = mido.MetaMessage("midi_port", port=1)
    pedal = [port, control(64, 127), control(64, 0, 1920)]
    assert times(read(pedal, [on(60), off(60, 480)])) == [(60, 0.0, 0.5)]
    assert times(read(pedal, [port, on(60), off(60, 480)])) == [(60, 0.0, 2.0)]


def test_program_in_force_at_the_onset():
    program = mido.Message("program_change", program=5, time=480)
    piece = read([program], [on(60), on(62, 480), off(60), off(62, 10)])
    assert [(note.pitch, note.program) for note in piece.notes] == [(60, 0), (62, 5)]


@pytest.mark.parametrize(
    ("track", "notes", "remark"),
    [
        ([on(60), end(480)], 1, "notes never ended, which end with their track: 1"),
        ([on(60), off(60), on(61), off(61, 1)], 1, "notes of no length skipped: 1"),
        ([on(36, channel=9), off(36, 1, channel=9)], 0, "notes of drums (channel 10) skipped: 1"),
        ([on(60), on(60, 1), off(60), off(60)], 1, "notes of no length skipped: 1"),
        ([control(66, 127), control(66, 0)], 0, "presses of the sostenuto pedal not applied: 1"),
    ],
)
def test_what_is_skipped_is_said(track, notes, remark):
    piece = read(track)
    assert len(piece.notes) == notes
    assert piece.remarks == [remark]


# --- round trips


@settings(max_examples=60, deadline=None)
@given(
    drawn=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 127), st.integers(0, 50), st.integers(1, 50))),
    tempos=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 2**24 - 1)), max_size=5),
    division=st.integers(1, 32_767),
)
def test_notes_written_are_the_notes_read(drawn, tempos, division):
    free = Counter()  # notes of one pitch must not overlap, or pairing them would be open
    notes = []
    for channel, pitch, wait, length in drawn:
        onset = free[channel, pitch] + wait
        free[channel, pitch] = onset + length
        notes.append((onset, onset + length, pitch, channel))
    events = sorted(
        [(b, 0, off(p, channel=c)) for _, b, p, c in notes] + [(a, 1, on(p, channel=c)) for a, _, p, c in notes],
        key=lambda event: event[:2],
    )
    track, now = [], 0
    for tick, _, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    content = written([tempo(value, wait) for wait, value in tempos], track, division=division)

    def seconds(tick):
        past, total, current = 0, Fraction(0), 500_000
        for wait, value in tempos:
            total += (min(past + wait, tick) - min(past, tick)) * current
            past, current = past + wait, value
        return (total + max(tick - past, 0) * current) / (1_000_000 * division)

    expected = [(float(seconds(a)), float(seconds(b) - seconds(a)), p, c + 1) for a, b, p, c in notes]
    found = [(note.onset, note.duration, note.pitch, note.channel) for note in read(content).notes]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("message", "channels"),
    [
        (b"\x41\x10\x42\x12\x40\x1b\x15\x01\x0f", {1, 3, 11}),  # GS part 11 is channel 12
        (b"\x41\x10\x42\x12\x40\x13\x15\x02\x16", {1, 11, 12}),
        (b"\x41\x10\x42\x12\x40\x10\x15\x00\x1b", {1, 3, 10, 11, 12}),  # GS part 0 is channel 10
        (b"\x43\x10\x4c\x08\x0a\x07\x02", {1, 3, 12}),  # XG parts count from 0
        (b"\x43\x10\x4c\x08\x0a\x07\x00", {1, 3, 11, 12}),
        (b"\x43\x10\x4c\x08\x0a\x0b\x02", {1, 3, 11, 12}),  # another parameter
        (b"", {1, 3, 11, 12}),
    ],
)
def test_drums_of_gs_and_xg(message, channels):
    sysex = mido.Message("sysex", data=message)
    notes = [[on(60, channel=i), off(60, 9, channel=i)] for i in (0, 2, 9, 10, 11)]
    piece = read([sysex, *(message for pair in notes for message in pair)])
    assert {note.channel for note in piece.notes} == channels
    drums = {1, 3, 10, 11, 12} - channels
    assert piece.remarks == [f"notes of drums (channel {channel}) skipped: 1" for channel in sorted(drums)]


def test_length_of_a_piece():
    assert read([end(960)]).duration == 0
    assert read([on(60, 480), on(62), off(60, 240), off(62, 480), end(9600)]).duration == 1.25


def test_many_notes_take_linear_time():
    """Every note is struck before any ends, under a pedal, with note-offs for all channels again and again."""
    n = 20_000
    strike = b"".join(b"\x01\x90%c\x40" % (i % 128) for i in range(n))
    release = b"".join(b"\x01\x80%c\x40\x00\xb1\x7b\x00" % (i % 128) for i in range(n))
    content = raw(b"\x00\xb0\x40\x7f" + strike + release + END)
    start = time.process_time()
    assert len(read(content).notes) == n
    assert time.process_time() - start < 5  # reached: 0.6; quadratic time would be minutes
