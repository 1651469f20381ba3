"""Time left by a measured pace, against training that follows a law of its own."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.pace import in_total, remaining_time
from utils.config import ModelConfig

FACTORS = ([8, 8], [4, 4], [2, 2], [1, 1])
LENGTHS = (10, 20, 30, 40)


def model(**changes):
    values = {
        "downSamplingFactor": FACTORS,
        "maxIterAtScale": LENGTHS,
        "depthScales": [4, 4, 4, 4],
        "miniBatchSize": 2,
        "alphaNJumps": [1, 1, 1, 1],
        **changes,
    }
    return ModelConfig.model_validate_json(json.dumps(values))


def test_scales_that_are_measured_take_what_was_measured():
    left = remaining_time(model(), 15, {0: 8.0, 1: 4.0, 2: 2.0, 3: 1.0})
    assert [(each.steps, each.seconds, each.is_measured) for each in left.values()] == [
        (0, 0.0, True),
        (15, 7.5, True),
        (30, 30.0, True),
        (40, 80.0, True),
    ]
    assert (in_total(left).steps, in_total(left).seconds, str(in_total(left))) == (85, 117.5, "2 min")


def test_batches_count_per_scale_with_all_updates_of_the_discriminator():
    config = model(miniBatchSize=[8, 8, 8, 2], iter_D_G_ratio=3)
    left = remaining_time(config, 0, dict.fromkeys(range(4), 1.0))
    assert [each.seconds for each in left.values()] == [240, 480, 720, 240]


@given(
    constant=st.floats(0, 10),
    per_work=st.floats(0.001, 1),
    known=st.sets(st.integers(0, 3), min_size=2),
    steps_done=st.integers(0, 100),
)
def test_law_that_is_a_line_is_found_from_any_two_scales(constant, per_work, known, steps_done):
    work = [sum(1 / (a * b) for a, b in FACTORS[: scale + 1]) for scale in range(4)]
    pace = {scale: 2 / (constant + per_work * work[scale]) for scale in range(4)}
    exact = remaining_time(model(), steps_done, pace)
    found = remaining_time(model(), steps_done, {scale: pace[scale] for scale in sorted(known)})
    for scale in range(4):
        assert found[scale].seconds == pytest.approx(exact[scale].seconds, rel=1e-3, abs=1e-3)
        assert found[scale].is_measured == (scale in known)
    # from the first scale alone it is too much, never too little
    alone = remaining_time(model(), steps_done, {0: pace[0]})
    assert in_total(alone).seconds >= in_total(exact).seconds * (1 - 1e-9)


def test_estimate_is_marked_as_such_until_nothing_of_it_is_left():
    left = remaining_time(model(), 5, {0: 1.0})
    assert [str(each)[0] == "~" for each in left.values()] == [False, True, True, True]
    assert str(in_total(left)).startswith("~")
    assert str(in_total(remaining_time(model(), 100, {3: 1.0}))) == "0 s"


def test_pace_that_other_work_disturbed_gives_no_time_below_zero():
    left = remaining_time(model(), 0, {0: 1.0, 1: 100.0})
    assert all(each.seconds > 0 for each in left.values())


def test_schedule_that_begins_later_has_no_earlier_scales():
    left = remaining_time(model(startScale=2), 0, {2: 1.0})
    assert [(scale, each.steps) for scale, each in left.items()] == [(2, 30), (3, 40)]


def test_without_a_pace_there_is_no_estimate():
    assert remaining_time(model(), 0, {}) == {}
    assert remaining_time(model(), 0, {7: 1.0}) == {}  # of a scale that the config does not have
