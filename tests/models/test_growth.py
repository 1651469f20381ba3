import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.growth import GrowthSchedule
from tests.models.small import small_config
from tests.places import GOLDEN

CARD = json.loads((GOLDEN / "metrics_and_schedules.json").read_text())
SCHEDULES = CARD["fade_schedules"]


def published_jumps(name):
    """(scale, iteration, alpha) of every jump that the golden file lists; it leaves out the middle of long lists."""
    schedule = SCHEDULES[name]
    lists = zip(schedule["iterAlphaJump"], schedule["alphaJumpVals"], strict=True)
    for scale, (iterations, alphas) in enumerate(lists):
        for iteration, alpha in zip(iterations, alphas, strict=True):
            if iteration != "...":
                yield scale, iteration, alpha


def schedule_of(name, **published):
    jumps = {key: SCHEDULES[name][key] for key in ("alphaNJumps", "alphaSizeJumps")}
    n_scales = len(jumps["alphaNJumps"])
    shape = {
        "downSamplingFactor": [2 ** (n_scales - 1 - scale) for scale in range(n_scales)],
        "depthScales": [2] * n_scales,
        "maxIterAtScale": [50_000] * n_scales,
    }
    return GrowthSchedule(small_config(**(shape | jumps | published)))


def custom_schedule(steps, values):
    fade = {"alphaJumpMode": "custom", "iterAlphaJump": steps, "alphaJumpVals": values}
    return schedule_of("short", alphaNJumps=None, alphaSizeJumps=None, **fade)


def alpha_at(schedule, scale, iteration):
    phase = schedule.at(scale * 50_000 + iteration)
    assert (phase.scale, phase.iteration) == (scale, iteration)
    return phase.alpha


@pytest.mark.parametrize("name", ["readme", "short"])
def test_fade_equals_the_published_one_at_and_between_the_jumps(name):
    schedule, sizes = schedule_of(name), SCHEDULES[name]["alphaSizeJumps"]
    jumps = list(published_jumps(name))
    assert len(jumps) >= 15
    for scale, iteration, alpha in jumps:
        until = iteration + sizes[scale]
        for between in {iteration, (iteration + until) // 2, until - 1}:
            assert alpha_at(schedule, scale, between) == pytest.approx(alpha, abs=1e-12)


@pytest.mark.parametrize("name", ["readme", "short"])
def test_fade_ends_after_its_last_jump_and_stays_at_zero(name):
    schedule = schedule_of(name)
    for scale, (jumps, size) in enumerate(
        zip(SCHEDULES[name]["alphaNJumps"], SCHEDULES[name]["alphaSizeJumps"], strict=True)
    ):
        if scale:
            assert alpha_at(schedule, scale, jumps * size - 1) == pytest.approx(1 / jumps)
            assert alpha_at(schedule, scale, jumps * size) == 0
        assert alpha_at(schedule, scale, 49_999) == 0


def test_custom_jumps_give_the_published_fade():
    steps, values = SCHEDULES["short"]["iterAlphaJump"], SCHEDULES["short"]["alphaJumpVals"]
    custom = custom_schedule(steps, values)
    linear = schedule_of("short")
    for scale in range(4):
        for iteration in (*range(40), 49_999):
            assert alpha_at(custom, scale, iteration) == pytest.approx(alpha_at(linear, scale, iteration), abs=1e-12)


def test_custom_jumps_may_rise_and_hold_their_last_value():
    custom = custom_schedule([[0], [0, 2, 5], [], [0]], [[0.7], [1.0, 0.2, 0.4], [], [0.5]])
    assert [alpha_at(custom, 1, iteration) for iteration in range(7)] == [1, 1, 0.2, 0.2, 0.2, 0.4, 0.4]
    assert [alpha_at(custom, scale, 9) for scale in (0, 2, 3)] == [0, 0, 0.5]  # scale 0 has nothing to fade from
    assert custom.unfinished_fades() == {1: 0.4, 3: 0.5}


def test_fade_that_is_not_described_is_the_published_default():
    schedule = schedule_of("short", alphaNJumps=None, alphaSizeJumps=None)
    assert [alpha_at(schedule, 1, iteration) for iteration in (0, 31, 32, 19_168, 19_199, 19_200)] == pytest.approx(
        [1, 1, 1 - 1 / 600, 1 / 600, 1 / 600, 0]
    )


def test_scale_without_jumps_starts_fully_grown():
    schedule = schedule_of("short", alphaNJumps=[0, 0, 0, 0])
    assert [alpha_at(schedule, scale, 0) for scale in range(4)] == [0, 0, 0, 0]


def test_counters_at_the_edges_of_the_scales():
    config = small_config(maxIterAtScale=[2, 3, 1], miniBatchSize=[5, 4, 2])
    phases = [GrowthSchedule(config).at(step) for step in range(6)]
    assert [phase.scale for phase in phases] == [0, 0, 1, 1, 1, 2]
    assert [phase.iteration for phase in phases] == [0, 1, 0, 1, 2, 0]
    assert [phase.batch_size for phase in phases] == [5, 5, 4, 4, 4, 2]
    assert [phase.first_note for phase in phases] == [0, 5, 10, 14, 18, 22]


def test_starting_at_a_later_scale_leaves_out_the_earlier_ones():
    schedule = GrowthSchedule(small_config(startScale=1, maxIterAtScale=[100, 3, 1], miniBatchSize=[9, 4, 2]))
    assert schedule.total_steps == 4
    first, last = schedule.at(0), schedule.at(3)
    assert (first.scale, first.iteration, first.first_note, first.batch_size) == (1, 0, 0, 4)
    assert (last.scale, last.iteration, last.first_note, last.batch_size) == (2, 0, 12, 2)


@pytest.mark.parametrize("step", [-1, 15])
def test_step_outside_the_schedule_is_refused(step):
    schedule = GrowthSchedule(small_config())
    assert schedule.total_steps == 15
    with pytest.raises(ValueError, match=f"step {step} is outside this schedule of 15 steps"):
        schedule.at(step)


def test_fades_cut_short_are_told():
    schedule = GrowthSchedule(small_config(maxIterAtScale=[4, 4, 6], alphaNJumps=[0, 2, 4], alphaSizeJumps=[1, 2, 2]))
    assert schedule.unfinished_fades() == {1: 0.5, 2: 0.5}


@st.composite
def linear_schedules(draw):
    n_scales = draw(st.integers(1, 5))

    def one_per_scale(numbers):
        return draw(st.lists(numbers, min_size=n_scales, max_size=n_scales))

    start = draw(st.integers(0, n_scales - 1))
    lengths, batches = one_per_scale(st.integers(1, 30)), one_per_scale(st.integers(1, 9))
    config = small_config(
        downSamplingFactor=[2 ** (n_scales - 1 - scale) for scale in range(n_scales)],
        depthScales=[1] * n_scales,
        startScale=start,
        maxIterAtScale=lengths,
        miniBatchSize=batches,
        alphaNJumps=one_per_scale(st.integers(0, 12)),
        alphaSizeJumps=one_per_scale(st.integers(1, 6)),
    )
    return GrowthSchedule(config), lengths[start:], batches[start:]


@given(linear_schedules())
def test_every_schedule_counts_without_gaps_and_never_fades_back(made):
    schedule, lengths, batches = made
    phases = [schedule.at(step) for step in range(schedule.total_steps)]
    assert len(phases) == sum(lengths)
    assert phases[-1].first_note + phases[-1].batch_size == sum(n * b for n, b in zip(lengths, batches, strict=True))
    assert all(0 <= phase.alpha <= 1 for phase in phases)
    for before, after in itertools.pairwise(phases):
        assert after.first_note == before.first_note + before.batch_size
        if after.scale == before.scale:
            assert after.iteration == before.iteration + 1
            assert after.alpha <= before.alpha
        else:
            assert (after.scale, after.iteration) == (before.scale + 1, 0)


def test_sizes_of_the_scheduler_hold_from_their_scale_on():
    config = small_config(maxIterAtScale=[1, 1, 1], miniBatchSize=8, miniBatchScheduler={"1": 4})
    assert config.batch_sizes == (8, 4, 4)
    phases = [GrowthSchedule(config).at(step) for step in range(3)]
    assert [phase.batch_size for phase in phases] == [8, 4, 4]
    assert [phase.first_note for phase in phases] == [0, 8, 12]
    later = small_config(miniBatchSize=8, miniBatchScheduler={"2": 2, "1": 4})
    assert later.batch_sizes == (8, 4, 2)


def test_each_update_of_the_discriminator_draws_notes_of_its_own():
    config = small_config(
        maxIterAtScale=[2, 2, 1],
        miniBatchSize=[5, 4, 2],
        iter_D_G_ratio=3,
        configScheduler={"2": {"iter_D_G_ratio": 1}},
    )
    phases = [GrowthSchedule(config).at(step) for step in range(5)]
    assert [phase.batch_size for phase in phases] == [15, 15, 12, 12, 2]
    assert [phase.first_note for phase in phases] == [0, 15, 30, 42, 54]
    unchanged = GrowthSchedule(small_config(iter_D_G_ratio=-1))
    assert [unchanged.at(step) for step in range(15)] == [GrowthSchedule(small_config()).at(step) for step in range(15)]
