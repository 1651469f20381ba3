"""Pitches as a command line names them."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.note_pitch import pitch_name
from utils.arguments import pitch_list
from utils.exact_pitches import exact_pitch_list, key, pitch_or_fraction
from utils.note_names import named_pitch


@pytest.mark.parametrize(
    ("text", "pitches"),
    [
        ("60", [60]),
        ("60.5", [60.5]),
        ("60.0", [60]),
        ("C4", [60]),
        ("F#3,Bb2", [54, 46]),
        ("A4+20", [69.2]),
        ("C4-15", [59.85]),
        ("c4+0", [60]),
        ("C-1", [0]),
        ("C-1+50", [0.5]),
        ("G9", [127]),
        ("Cb4,B#3,F##2,Ebb5", [59, 60, 43, 74]),
        ("60-62, 59.25", [60, 61, 62, 59.25]),
        ("A4+12.5", [69.125]),
        ("0.0000001", [0]),
    ],
)
def test_pitches_between_the_keys(text, pitches):
    read = exact_pitch_list(text)
    assert read == pitches
    assert list(map(type, read)) == list(map(type, pitches))


@pytest.mark.parametrize(
    "text",
    ["", "H4", "C", "C10", "127.5", "128", "-1", "60.5-61.5", "C4+", "C#b4", "A4+20000", "nan", "1e1", "C-1-1", "C-2"],
)
def test_what_is_no_pitch_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        exact_pitch_list(text)


def test_whole_pitches_take_names_but_no_cents():
    assert pitch_list("C4,60-61,f#3") == [60, 60, 61, 54]
    with pytest.raises(argparse.ArgumentTypeError, match=r"^C4\+5: must be a whole MIDI pitch, without cents$"):
        pitch_list("C4+5")
    with pytest.raises(argparse.ArgumentTypeError):
        pitch_list("60.5")
    assert key("D4") == 62
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole MIDI pitch, or a name such as D4"):
        key("60.5")


@given(st.integers(0, 127))
def test_names_are_those_that_are_shown(pitch):
    assert named_pitch(pitch_name(pitch)) == pitch


@given(pitch=st.integers(1, 126), cents=st.integers(-100, 100))
def test_cents_are_hundredths(pitch, cents):
    assert pitch_or_fraction(f"{pitch_name(pitch)}{cents:+d}") == pytest.approx(pitch + cents / 100, abs=1e-9)
