import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.noise import Purpose, normal_rows, truncated, uniform_rows

DRAWS = pytest.mark.parametrize("rows", [normal_rows, uniform_rows])


@DRAWS
@given(first=st.integers(0, 2**40), cut=st.integers(1, 9), seed=st.integers(0, 2**62))
def test_rows_do_not_depend_on_how_they_are_cut_into_batches(rows, first, cut, seed):
    whole = rows(seed, Purpose.GENERATOR_LATENT, first, 10, 5)
    parts = [
        rows(seed, Purpose.GENERATOR_LATENT, first, cut, 5),
        rows(seed, Purpose.GENERATOR_LATENT, first + cut, 10 - cut, 5),
    ]
    assert whole.dtype == torch.float32
    assert torch.equal(whole, torch.cat(parts))


@DRAWS
def test_seeds_purposes_and_rows_all_differ(rows):
    drawn = [
        rows(seed, purpose, first, 1, 4)
        for seed, purpose, first in itertools.product((0, 1, 2**62), Purpose, (0, 1, 2**32))
    ]
    assert len({tuple(row.flatten().tolist()) for row in drawn}) == len(drawn) == 3 * len(Purpose) * 3


def test_streams_are_uncorrelated_standard_normals():
    rows = torch.stack([normal_rows(3, purpose, 0, 500, 20).flatten() for purpose in Purpose]).numpy()
    # 10 000 draws: standard errors 0.01 of the mean, 0.007 of the deviation, 0.01 of a correlation
    assert np.abs(rows.mean(axis=1)).max() < 0.05
    assert np.abs(rows.std(axis=1) - 1).max() < 0.035
    correlation = np.corrcoef(rows) - np.eye(len(rows))
    assert np.abs(correlation).max() < 0.05
    neighbours = np.corrcoef(rows[0, :-20], rows[0, 20:])[0, 1]
    assert abs(neighbours) < 0.05


def test_long_rows_do_not_run_into_the_next_ones():
    rows = uniform_rows(3, Purpose.PENALTY_MIX, 0, 3, 64).tolist()
    assert len({number for row in rows for number in row}) == 3 * 64


def test_uniform_draws_fill_the_interval():
    drawn = uniform_rows(3, Purpose.PENALTY_MIX, 0, 5000, 1)
    assert 0 <= drawn.min() < 0.01
    assert 0.99 < drawn.max() < 1
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.02)


def test_draws_leave_the_global_generators_alone():
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    normal_rows(0, Purpose.PREVIEW_LATENT, 0, 3, 3)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()


@given(seed=st.integers(0, 2**62), bound=st.floats(1e-3, 100))
def test_truncated_draws_are_within_the_bound_in_the_same_order(seed, bound):
    draws = normal_rows(seed, Purpose.GENERATION_LATENT, 0, 1, 64)
    inside = truncated(draws, bound)
    assert inside.abs().max() <= np.float32(bound)
    assert (inside.sign() == draws.sign()).all()
    order = draws[0].argsort()
    assert (inside[0][order].diff() >= 0).all()


def test_truncated_draws_have_the_truncated_normal_distribution():
    draws = normal_rows(0, Purpose.GENERATION_LATENT, 0, 1, 100_000)
    for bound in (0.3, 1.0, 2.5):
        expected = stats.truncnorm(-bound, bound).cdf
        assert stats.kstest(truncated(draws, bound)[0].numpy(), expected).pvalue > 1e-3
    assert (truncated(draws, 40.0) - draws).abs().max() < 1e-5
