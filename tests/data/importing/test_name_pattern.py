from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.importing.name_pattern import NamePattern
from data.note_pitch import pitch_name, pitch_of_name
from utils.errors import UserError

FITS = {"note": lambda text: pitch_of_name(text) is not None, "velocity": str.isdecimal}


def labels(pattern, path):
    return NamePattern(pattern, FITS).labels_of(PurePosixPath(path))


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        (
            "{instrument}_{note}_{length}_{dynamic}_{technique}",
            "trombone/trombone_As3_15_mezzo-forte_normal.mp3",
            {
                "instrument": "trombone",
                "note": "As3",
                "length": "15",
                "dynamic": "mezzo-forte",
                "technique": "normal",
            },
        ),
        (
            "{instrument}_{technique}_{note}_v{layer}_{round}",
            "Strings/Solo_Cello_susvib_Bb2_v1_rr2.wav",
            {"instrument": "Solo", "technique": "Cello_susvib", "note": "Bb2", "layer": "1", "round": "rr2"},
        ),
        (
            "{family}/{instrument}/{technique}/*_{note}_v*",
            "VSCO/Brass/Tuba/sus/Tuba_sus_A#1_v1.wav",
            {"family": "Brass", "instrument": "Tuba", "technique": "sus", "note": "A#1"},
        ),
        (
            "{instrument}_{player}_{part}/{microphone}/{number}",
            "sound_files/flute_almudena_reference/neumann/0017.wav",
            {
                "instrument": "flute",
                "player": "almudena",
                "part": "reference",
                "microphone": "neumann",
                "number": "0017",
            },
        ),
        ("{instrument}{note}", "bass_clarinetC4.wav", {"instrument": "bass_clarinet", "note": "C4"}),
        ("{instrument}_{note}", "bass_clarinet_C4.wav", {"instrument": "bass_clarinet", "note": "C4"}),
        ("{instrument}_{note}", "oboe_H4.wav", None),
        ("{instrument}_{note}", "oboe_.wav", None),
        ("{family}/{instrument}_{note}", "oboe_C4.wav", None),
        ("{instrument}_{note}", "a.b/oboe.1_C4.wav", {"instrument": "oboe.1", "note": "C4"}),
    ],
)
def test_names_are_divided(pattern, path, expected):
    assert labels(pattern, path) == expected


WORD = st.text("abcxyz-12", min_size=1, max_size=6)


@given(instrument=WORD, pitch=st.integers(12, 108), rest=WORD)
def test_what_a_name_was_made_of_comes_back(instrument, pitch, rest):
    note = pitch_name(pitch)
    found = labels("{instrument}_{note}_{rest}", f"{instrument}_{note}_{rest}.wav")
    assert found == {"instrument": instrument, "note": note, "rest": rest}


def test_a_name_that_fits_nowhere_takes_no_long():
    pattern = "".join(f"{{a{number}}}_" for number in range(12)) + "end"
    assert labels(pattern, "_".join(["x"] * 120)) is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "has no field"),
        ("oboe_*", "has no field"),
        ("{instrument}_{Note}", "{Note} is no field"),
        ("{instrument}_{}", "{} is no field"),
        ("{instrument}_{note", "a brace without its other"),
        ("{a}_{a}", "names a field twice"),
        ("{a}{b}", "nothing divides {a} from {b}"),
        ("*_{a}" + "*_" * 40, "is too long"),
    ],
)
def test_what_is_no_pattern_is_said(pattern, said):
    with pytest.raises(UserError, match="write it like") as error:
        NamePattern(pattern, FITS)
    assert said in str(error.value)
