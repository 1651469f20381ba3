"""Which pitch a key has, and which learned note makes a pitch."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from generation.tuning.learned import Resampling, learned_for, nearest
from generation.tuning.tuning import Tuning, tuning_of_file
from utils.errors import UserError

EQUAL = tuple(100.0 * k for k in range(1, 13))


def hertz_of(pitch):
    return 440 * 2 ** ((pitch - 69) / 12)


@settings(max_examples=30)
@given(root=st.integers(0, 127), key=st.integers(0, 127))
def test_twelve_equal_steps_are_the_keys_themselves_whatever_the_root(root, key):
    tuning = Tuning(description="", cents=EQUAL, root=root, frequency=hertz_of(root))
    assert tuning.pitch_of_key(key) == key
    assert type(tuning.pitch_of_key(key)) is int


def test_a_pythagorean_fifth_above_and_below_its_root():
    tuning = Tuning(description="", cents=(203.91, 701.955000865, 1200.0), root=62, frequency=300.0)
    wanted = {62: 300, 64: 450, 65: 600, 67: 900, 59: 150, 61: 225}
    for key, hertz in wanted.items():
        assert hertz_of(tuning.pitch_of_key(key)) == pytest.approx(hertz, rel=1e-7)


def test_a_scale_that_repeats_at_the_twelfth():
    tuning = Tuning(description="", cents=(1200 * math.log2(3),), root=69, frequency=440.0)
    assert hertz_of(tuning.pitch_of_key(71)) == pytest.approx(440 * 9, rel=1e-7)


def test_the_root_is_middle_c_in_equal_temperament_unless_said(tmp_path):
    (tmp_path / "a.scl").write_text("fifths\n1\n3/2\n")
    assert tuning_of_file(tmp_path / "a.scl", None, None).pitch_of_key(60) == 60
    assert tuning_of_file(tmp_path / "a.scl", 69, None).pitch_of_key(69) == 69
    assert hertz_of(tuning_of_file(tmp_path / "a.scl", 69, 432.0).pitch_of_key(69)) == pytest.approx(432, rel=1e-7)
    assert tuning_of_file(tmp_path / "a.scl", 60, None).description == "fifths"


def test_keys_are_whole():
    tuning = Tuning(description="", cents=EQUAL, frequency=hertz_of(60))
    assert tuning.pitches_of_keys([60, 61.0]) == [60, 61]
    with pytest.raises(UserError, match=r"^pitch 60\.5: with a tuning, pitches are keys; leave the fraction out$"):
        tuning.pitches_of_keys([60, 60.5])


@settings(max_examples=30)
@given(pitch=st.floats(0, 127), learned=st.sets(st.integers(0, 127), min_size=1))
def test_the_nearest_learned_note_is_taken_within_half_a_semitone(pitch, learned):
    found = nearest(pitch, learned)
    assert all((abs(found - pitch), found) <= (abs(each - pitch), each) for each in learned)
    assert (learned_for(pitch, learned) is None) == (min(abs(each - pitch) for each in learned) > 0.5)


def test_of_two_as_near_the_lower_one():
    assert learned_for(60.5, (61, 60)) == 60


@pytest.mark.parametrize("change", [{"ratio": 1.03}, {"learned_pitch": 61}, {"pitch": 60.7}, {"pitch": None}])
def test_a_resampling_fits_itself(change):
    plain = Resampling.of(60.5, 60).model_dump()
    assert plain == {"pitch": 60.5, "learned_pitch": 60, "ratio": pytest.approx(2 ** (1 / 24))}
    assert Resampling.model_validate(plain) == Resampling.of(60.5, 60)
    with pytest.raises(ValidationError):
        Resampling.model_validate({**plain, **change})
