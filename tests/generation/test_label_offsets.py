"""Offsets of labels: they move with the pitch, and fit one run only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.label_offsets import LabelOffsets
from utils.errors import DataError

VALUES = {"brightness": (100.0, 200.0), "pitch": (60, 62, 64, 67), "family": ("brass", "flute")}
OFFSETS = LabelOffsets(numbers=(0.5, 1.0, 2.0, 3.0, 4.0, -1.0, -2.0), pitch=62)


@pytest.mark.parametrize(
    ("pitch", "of_pitches"),
    [
        (60, (2.0, 3.0, 4.0, 0.0)),
        (62, (1.0, 2.0, 3.0, 4.0)),
        (64, (0.0, 1.0, 2.0, 3.0)),
        (67, (0.0, 0.0, 1.0, 2.0)),
    ],
)
def test_those_of_pitches_move_with_the_note_and_the_others_stay(pitch, of_pitches):
    assert OFFSETS.at_pitch(VALUES, pitch) == (0.5, *of_pitches, -1.0, -2.0)


@given(st.lists(st.floats(-2, 2), min_size=5, max_size=5), st.integers(0, 4), st.integers(0, 4))
def test_a_pitch_keeps_its_distance_from_the_notes_own(numbers, found, played):
    values = {"pitch": (60, 61, 62, 63, 64)}
    moved = LabelOffsets(numbers=tuple(numbers), pitch=60 + found).at_pitch(values, 60 + played)
    assert moved[played] == numbers[found]
    by_distance = {number - found: each for number, each in enumerate(numbers)}
    assert moved == tuple(by_distance.get(number - played, 0.0) for number in range(5))


def test_without_pitch_they_stay():
    assert LabelOffsets(numbers=(0.5, -0.5)).at_pitch({"family": ("brass", "flute")}, None) == (0.5, -0.5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"pitch": (60, 62, 64)},
            "7 label offsets: not those of the 3 labels of the run; choose the run that found them",
        ),
        (
            {"family": tuple("abcdefg")},
            "7 label offsets: not those of the 7 labels of the run; choose the run that found them",
        ),
        ({**VALUES, "pitch": (60, 61, 64, 67)}, "label offsets of pitch 62: the run did not learn it"),
    ],
)
def test_those_of_another_run_are_an_error(values, message):
    with pytest.raises(DataError, match=message):
        OFFSETS.at_pitch(values, values.get("pitch", (None,))[0])
