from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.midi.bars import MOST_BARS
from generation.midi.midi_file import read_midi_bytes
from tests.generation.midi.midi_files import END, end, off, on, raw, signature, tempo, written


def bars(*tracks, **settings):
    return read_midi_bytes(written(*tracks, **settings), "piece.mid").bars


def lasting(ticks):
    return [on(60), off(60, ticks)]


def test_common_time_where_nothing_else_is_said():
    assert bars(lasting(5 * 480)) == [0.0, 2.0]
    assert bars(lasting(4 * 480)) == [0.0]
    assert bars([end(9600)]) == [0.0]


def test_signatures_count_from_their_own_tick():
    upbeat = [signature(1, 8), signature(3, 8, 240), signature(2, 4, 2 * 720 + 100), end(0)]
    assert bars(upbeat, lasting(4_000)) == [tick / 960 for tick in (0, 240, 960, 1680, 1780, 2740, 3700)]


def test_a_signature_said_again_begins_no_bar():
    again = [signature(3, 4), signature(6, 8, 100), signature(3, 4, 700)]
    assert bars(again, [signature(3, 4), *lasting(3_000)]) == [0.0, 1.5, 3.0]


def test_the_last_signature_of_a_tick_holds():
    assert bars([signature(5, 4), signature(2, 4), *lasting(2_000)]) == [0.0, 1.0, 2.0]


def test_bars_follow_the_tempo_within_them():
    assert bars([tempo(1_000_000), tempo(250_000, 960), end(0)], lasting(4 * 1920)) == [0.0, 2.5, 3.5, 4.5]


def test_tracks_of_format_2_have_bars_of_their_own():
    first = [signature(3, 4), *lasting(4 * 480), end(480)]
    assert bars(first, lasting(5 * 480), form=2) == [0.0, 1.5, 2.5, 4.5]


def test_a_quarter_is_half_a_second_in_smpte_files():
    note = b"\x00\x90\x3c\x40\x8f\x50\x80\x3c\x00" + END  # 2000 ticks, 100 frames
    assert read_midi_bytes(raw(note, division=-25 * 256 + 20), "smpte").bars == [0.0, 2.0]
    waltz = b"\x00\xff\x58\x04\x03\x02\x18\x08" + note
    assert read_midi_bytes(raw(waltz, division=-25 * 256 + 20), "smpte").bars == [0.0, 1.5, 3.0]


def test_a_bar_may_begin_between_ticks():
    found = bars([signature(1, 4), signature(3, 32, 1), *lasting(7)], division=9)
    assert found == [
        float(Fraction(tick) / 18) for tick in (0, Fraction(1), *(1 + i * Fraction(27, 8) for i in (1, 2)))
    ]


@pytest.mark.parametrize("beat", [2**12, 2**200])
def test_bars_shorter_than_a_tick_are_refused(beat):
    piece = read_midi_bytes(written([signature(1, beat), *lasting(960)]), "short")
    assert piece.bars == [0.0]
    assert piece.remarks == ["time signatures whose bar is shorter than a tick skipped: 1"]


def test_a_signature_without_beats_is_skipped():
    piece = read_midi_bytes(written([signature(0, 4), *lasting(2_000)]), "none")
    assert piece.bars == [0.0, 2.0]
    assert piece.remarks == ["impossible time signatures skipped: 1"]


@pytest.mark.parametrize("speed", [1, 2**24 - 1])
def test_absurd_numbers_of_bars_are_cut(speed):
    piece = read_midi_bytes(written([tempo(speed), *lasting(2**28 - 1)], division=1), "long")
    assert len(piece.bars) == MOST_BARS == 100_000
    assert piece.remarks == ["bars after the first 100000 not counted"]


@settings(max_examples=100, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 3_000), st.integers(0, 20), st.integers(0, 8), st.integers(1, 2**24 - 1)), max_size=9
    ),
    division=st.integers(1, 32_767),
    length=st.integers(1, 9_000),
)
def test_bars_rise_from_0_to_the_last_note(changes, division, length):
    track = [
        event for wait, beats, power, speed in changes for event in (signature(beats, 2**power, wait), tempo(speed))
    ]
    piece = read_midi_bytes(written(track, lasting(length), division=division), "drawn")
    assert piece.bars[0] == 0.0
    assert all(a < b for a, b in zip(piece.bars, piece.bars[1:], strict=False))
    assert piece.bars[-1] < piece.duration
