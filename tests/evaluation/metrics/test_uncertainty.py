import numpy as np
import pytest

from evaluation.metrics.uncertainty import (
    half_sample_standard_errors,
    jackknife,
    jackknife_standard_error,
    mean_estimate,
    random_subsets,
)
from tests.evaluation.metrics.samples import normal


def test_jackknife_of_a_mean_is_its_standard_error():
    x = normal(40, 1, 0)[:, 0]
    error = jackknife(lambda kept: x[kept].mean(), 40, n_groups=40)
    assert error == pytest.approx(x.std(ddof=1) / np.sqrt(40), rel=1e-12)
    assert mean_estimate(x) == (pytest.approx(x.mean()), pytest.approx(error))
    assert mean_estimate(x[:1]) == (pytest.approx(x[0]), None)


def test_groups_leave_out_each_sample_once():
    kept = []
    jackknife(lambda rows: kept.append(rows) or 0.0, 23, n_groups=5)
    assert sorted(len(rows) for rows in kept) == [18, 18, 18, 19, 19]
    left_out = np.concatenate([np.setdiff1d(np.arange(23), rows) for rows in kept])
    assert sorted(left_out) == list(range(23))


def test_more_groups_than_samples_are_the_ordinary_jackknife():
    sizes = []
    jackknife(lambda rows: sizes.append(len(rows)) or 0.0, 4, n_groups=100)
    assert sizes == [3, 3, 3, 3]


def test_groups_give_the_error_of_a_mean_too():
    samples = [normal(100, 1, seed)[:, 0] for seed in range(100)]
    variances = [jackknife(lambda kept, x=x: x[kept].mean(), 100, n_groups=10) ** 2 for x in samples]
    assert np.mean(variances) == pytest.approx(0.01, rel=0.15)


def test_halves_give_the_error_of_a_median():
    """Of n normal samples it is sqrt(pi / (2 n)); the jackknife that leaves out one fails there."""

    def medians(rows, _):
        return np.array([np.median(x[rows]), x[rows].mean()])

    squares = []
    for seed in range(60):
        x = normal(400, 1, seed)[:, 0]
        squares.append(np.square(half_sample_standard_errors(medians, 400, 2, n_halves=20)))
    expected = np.array([np.pi / 800, 1 / 400])
    np.testing.assert_allclose(np.mean(squares, axis=0), expected, rtol=0.25)


def test_halves_of_the_sides_are_not_the_same():
    pairs = []
    half_sample_standard_errors(lambda *kept: pairs.append(kept) or np.zeros(1), 30, 30, n_halves=3)
    assert all(len(real) == len(fake) == 15 and not np.array_equal(real, fake) for real, fake in pairs)


def test_subsets_hold_no_sample_twice():
    subsets = random_subsets(20, 15, 50, np.random.default_rng(0))
    assert subsets.shape == (50, 15)
    assert all(len(set(subset)) == 15 for subset in subsets)
    assert set(subsets.ravel()) == set(range(20))


def test_faults_are_refused():
    for size, count in [(0, 1), (5, 1), (2, 0)]:
        with pytest.raises(ValueError, match="cannot be drawn from 4 samples"):
            random_subsets(4, size, count, np.random.default_rng(0))
    with pytest.raises(ValueError, match="2 or more samples and groups, got 1 and 10"):
        jackknife(lambda _: 0.0, 1, n_groups=10)
    with pytest.raises(ValueError, match="2 or more samples and groups, got 5 and 1"):
        jackknife(lambda _: 0.0, 5, n_groups=1)
    with pytest.raises(ValueError, match="2 or more groups"):
        jackknife_standard_error(np.zeros(1))
    with pytest.raises(ValueError, match="2 or more halves"):
        half_sample_standard_errors(lambda *_: np.zeros(1), 5, 5, n_halves=1)
    with pytest.raises(ValueError, match="cannot be drawn"):
        half_sample_standard_errors(lambda *_: np.zeros(1), 1, 5)
