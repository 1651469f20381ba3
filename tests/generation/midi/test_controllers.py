"""Bends, tunings and levels of a MIDI file."""

import mido
import pytest

from generation.midi.controllers import StepCurve
from generation.midi.midi_file import read_midi_bytes
from tests.generation.midi.midi_files import control, off, on, written


def bend(value, wait=0, channel=0):
    return mido.Message("pitchwheel", pitch=value, channel=channel, time=wait)


def parameter(number, coarse, fine=None, channel=0):
    """A registered parameter takes a value."""
    data = [control(6, coarse, channel=channel), *([] if fine is None else [control(38, fine, channel=channel)])]
    return [control(101, 0, channel=channel), control(100, number, channel=channel), *data]


def key_tuning(*changes, program=0):
    """`changes` are (key, semitone, 14 bits of its fraction)."""
    data = [byte for key, semitone, part in changes for byte in (key, semitone, part >> 7, part & 0x7F)]
    return mido.Message("sysex", data=[0x7F, 0x7F, 0x08, 0x02, program, len(changes), *data])


def notes_of(*tracks, **settings):
    piece = read_midi_bytes(written(*tracks), "piece.mid", **settings)
    assert piece.remarks == []
    return piece.notes


NOTE = [on(60), off(60, 960)]  # one second


@pytest.mark.parametrize(
    ("before", "semitones"),
    [
        ([], 1.0),
        (parameter(0, 12), 6.0),
        (parameter(0, 12, 50), 6.25),
        (parameter(0, 0, 50), 0.25),
        ([*parameter(0, 12), control(101, 127), control(100, 127), control(6, 3)], 6.0),  # no parameter any more
        ([control(99, 0), control(98, 0), control(6, 12)], 1.0),  # one that is not registered
        ([control(101, 0), control(100, 0), control(99, 1), control(6, 12)], 1.0),
        ([control(101, 5), control(100, 0), control(6, 12)], 1.0),  # another parameter
        (parameter(1, 96, 0), 1.5),  # fine tuning: half a semitone up
        (parameter(2, 61), -2.0),  # coarse tuning: three semitones down
        (parameter(0, 12, channel=1), 1.0),  # of another channel
    ],
)
def test_bends_have_the_range_of_their_channel(before, semitones):
    (note,) = notes_of([*before, bend(4096), *NOTE])
    assert note.bend.at(note.onset) == pytest.approx(semitones)


def test_a_bend_moves_while_the_note_sounds():
    (note,) = notes_of([on(60), bend(-8192, 480), bend(0, 240), off(60, 240)])
    assert note.bend == StepCurve((0.5, 0.75), (-2.0, 0.0), 0.0)
    assert [note.bend.at(second) for second in (0, 0.49, 0.5, 0.74, 0.75, 9)] == [0, 0, -2, -2, 0, 0]


def test_the_range_may_change_after_the_bend_and_a_reset_ends_it():
    (note,) = notes_of([bend(8191), on(60), *parameter(0, 24), control(121, 0, 480), off(60, 480)])
    assert note.bend.values == pytest.approx((24 * 8191 / 8192, 0))
    assert note.bend.seconds == (0.0, 0.5)


def test_levels_follow_the_square_of_volume_and_expression():
    (note,) = notes_of([control(7, 50), on(60), control(11, 64, 480), control(7, 127, 240), off(60, 240)])
    assert note.level.seconds == (0.0, 0.5, 0.75)
    half = (64 / 127) ** 2
    assert note.level.values == pytest.approx((0.25, 0.25 * half, 1.27**2 * half))
    (note,) = notes_of([control(11, 0), *NOTE])
    assert note.level.at(0.0) == 0
    (note,) = notes_of([control(11, 9), control(7, 50), control(121, 0), *NOTE])
    assert note.level.at(0.0) == 0.25  # a reset leaves the volume


def test_a_channel_that_never_changes_has_no_curves():
    usual = [control(7, 100), control(11, 127), bend(0), *parameter(0, 12)]
    (note,) = notes_of([*usual, *NOTE])
    assert (note.bend, note.level, note.tuned) == (None, None, None)
    both = notes_of([bend(9), on(60), on(62, channel=1), off(60, 9), off(62, 9, channel=1)])
    assert [note.bend is None for note in both] == [False, True]


def test_notes_of_a_channel_share_their_curve():
    first, second = notes_of([bend(100), *NOTE, on(62), off(62, 9)])
    assert first.bend is second.bend


def test_keys_are_tuned_from_the_next_note_on():
    tuned = key_tuning((60, 60, 8192), (62, 61, 1))
    notes = notes_of([on(60), tuned, off(60, 9), on(60), off(60, 9), on(62), off(62, 9), on(64), off(64, 9)])
    assert [note.tuned for note in notes] == [None, 60.5, 61 + 2**-14, None]
    (note,) = notes_of([tuned, key_tuning((60, 127, 2**14 - 1)), *NOTE])  # which means no change
    assert note.tuned == 60.5


def test_channels_choose_a_tuning_program():
    track = [key_tuning((60, 61, 0), program=3), *parameter(3, 3, channel=1)]
    notes = notes_of([*track, on(60), on(60, channel=1), off(60, 9), off(60, 9, channel=1)])
    assert [note.tuned for note in notes] == [None, 61.0]


def test_ranges_beyond_all_instruments_are_said():
    piece = read_midi_bytes(written([*parameter(0, 127), bend(8191), *NOTE]), "piece.mid")
    assert piece.remarks == ["bend ranges of more than 96 semitones taken as that: 1"]
    assert piece.notes[0].bend.at(0.0) == pytest.approx(96, abs=0.02)


def test_old_cards_are_read_as_they_were():
    track = [control(7, 90), control(11, 90), bend(9), bend(0), key_tuning((60, 61, 0)), *NOTE]
    piece = read_midi_bytes(written(track), "piece.mid", controllers=False)
    assert piece.remarks == [
        "changes of volume and expression not applied: 2",
        "pitch bends not applied: 1",
        "tunings of keys not applied: 1",
    ]
    assert piece.notes == read_midi_bytes(written(NOTE), "piece.mid").notes
