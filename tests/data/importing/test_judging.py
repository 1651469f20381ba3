import numpy as np
import pytest

from data.importing.judging import judge
from data.note_pitch import hertz

RATE = 16_000
TIME = np.arange(RATE) / RATE


def note(pitch, harmonics, n=RATE):
    """Harmonics of a pitch by number and level."""
    wave = sum(level * np.sin(2 * np.pi * k * hertz(pitch) * TIME + k) for k, level in harmonics.items())
    return (0.1 * wave[:n]).astype(np.float32)


FULL = {k: 1 / k for k in range(1, 9)}


def test_note_at_its_label_has_nothing_against_it():
    judged = judge(note(60, FULL), 60, fix_octaves=True)
    assert (judged.pitch, judged.warning, judged.out_of_tune) == (60, "", "")
    assert abs(judged.heard.offset) < 0.1


def test_without_a_label_there_is_nothing_to_contradict():
    assert judge(note(60, FULL), None, fix_octaves=True) == (None, None, "", "")


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize(("octaves", "way"), [(-1, "1 octave below"), (1, "1 octave above"), (-2, "2 octaves below")])
def test_octaves_are_said_and_mended_if_asked(fix, octaves, way):
    judged = judge(note(60 + 12 * octaves, FULL), 60, fix_octaves=fix)
    assert way in judged.warning
    assert judged.pitch == (60 + 12 * octaves if fix else 60)
    assert judged.out_of_tune == ("" if fix else "another pitch")


def test_weak_fundamental_moves_no_label():
    banjo = note(60, {1: 0.03, 2: 1.0, 3: 0.06, 4: 0.5, 6: 0.3})
    judged = judge(banjo, 60, fix_octaves=True)
    assert judged.pitch == 60
    assert judged.warning == "perhaps sounds 1 octave above its label"


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (note(63, FULL), "sounds +3.00 semitones from its label"),
        (np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32), "no clear pitch"),
        (note(60, FULL, 4_000), "too short to hear its pitch"),
    ],
)
def test_other_contradictions_are_said_and_not_mended(sound, said):
    judged = judge(sound, 60, fix_octaves=True)
    assert (judged.pitch, judged.warning) == (60, said)
    assert judged.out_of_tune == ("another pitch" if "semitones" in said else said)
