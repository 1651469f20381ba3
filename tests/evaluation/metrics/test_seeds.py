"""Intervals and tests over seeds: against scipy, closed forms, and what they promise in the long run."""

import math

import numpy as np
import pytest
from scipy import stats

from evaluation.metrics.seeds import Difference, Interval, OverSeeds, holm, over_seeds, paired_difference
from tests.evaluation.metrics.samples import normal


def by_seed(values):
    return dict(enumerate(map(float, values)))


@pytest.mark.parametrize("n", [2, 3, 10])
def test_mean_and_interval_are_those_of_scipy(n):
    values = 5 + normal(n, 1, n)[:, 0]
    found = over_seeds(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.interval == pytest.approx(tuple(expected), rel=1e-9)
    assert found.n == n


def test_interval_of_two_seeds_in_closed_form():
    """With one degree of freedom the t-distribution is Cauchy's: its quantile of 0.975 is tan(0.475 pi)."""
    half = math.tan(0.475 * math.pi) * abs(3.0 - 2.0) / 2
    assert over_seeds([2.0, 3.0]).interval == pytest.approx((2.5 - half, 2.5 + half), rel=1e-9)


def test_paired_test_in_closed_form():
    """Two differences 1 and 3: t = 2 / 1, and for Cauchy's distribution p = 1 - 2 atan(t) / pi."""
    found = paired_difference({0: 2.0, 1: 5.0}, {0: 1.0, 1: 2.0})
    assert found.mean == 2
    assert found.p_value == pytest.approx(1 - 2 * math.atan(2) / math.pi, rel=1e-9)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_paired_test_is_that_of_scipy(n):
    ours, theirs = normal(n, 2, n).T
    found = paired_difference(by_seed(ours + 0.5), by_seed(theirs))
    expected = stats.ttest_rel(ours + 0.5, theirs)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-9)
    assert (found.n, found.mean) == (n, pytest.approx((ours + 0.5 - theirs).mean()))


def test_pairs_are_made_by_seed_whatever_the_order():
    ours, theirs = {3: 1.0, 0: 5.0, 7: 2.5}, {0: 4.0, 7: 1.0, 3: 0.5, 9: 100.0}
    found = paired_difference(ours, theirs)
    assert (found.mean, found.n) == (pytest.approx(1.0), 3)  # 0.5, 1.0, 1.5; nothing of seed 9
    assert found.p_value == pytest.approx(stats.ttest_1samp([0.5, 1.0, 1.5], 0).pvalue)
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_one_seed_has_neither_interval_nor_test():
    assert over_seeds([4.0]) == OverSeeds(4.0, None, 1)
    assert paired_difference({0: 4.0, 1: 3.0}, {0: 1.0}) == Difference(3.0, None, None, 1)
    with pytest.raises(ValueError, match="no seed"):
        over_seeds([])


def test_what_is_compared_with_itself_is_no_different():
    values = by_seed([0.1, 0.7, 0.3])
    assert paired_difference(values, dict(values)) == Difference(0.0, Interval(0.0, 0.0), 1.0, 3)


def test_differences_without_spread_claim_nothing():
    """As scores of few notes give; 0.3 - 0.2 and 0.4 - 0.3 differ by rounding, which is no spread."""
    for ours, theirs in (([1.0, 2.0], [0.0, 1.0]), ([0.3, 0.4], [0.2, 0.3])):
        found = paired_difference(by_seed(ours), by_seed(theirs))
        assert (found.interval, found.p_value) == (None, 1.0)
    assert over_seeds([0.3, 0.1 + 0.2]).interval is None


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.02, 0.03, 0.04]), [0.04, 0.06, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.5, 0.001, 0.9]), [1.0, 0.003, 1.0])
    assert holm([]).tolist() == []
    assert holm([0.04]).tolist() == [0.04]
    with pytest.raises(ValueError, match="from 0 to 1"):
        holm([0.5, float("nan")])


def test_holm_claims_what_the_procedure_rejects():
    """Step by step as in Holm's paper: the smallest against alpha / k, the next against alpha / (k - 1), and so on."""
    random = np.random.default_rng(0)
    for _ in range(200):
        p_values = random.uniform(size=8) ** 3
        rejected = np.zeros(8, dtype=bool)
        for step, test in enumerate(np.argsort(p_values)):
            if p_values[test] > 0.05 / (8 - step):
                break
            rejected[test] = True
        np.testing.assert_array_equal(holm(p_values) <= 0.05, rejected)


def test_holm_does_not_depend_on_the_order_of_the_tests():
    p_values = np.random.default_rng(1).uniform(size=20)
    shuffled = np.random.default_rng(2).permutation(20)
    np.testing.assert_array_equal(holm(p_values[shuffled]), holm(p_values)[shuffled])


def test_family_of_tests_rarely_claims_what_is_not_there():
    """9 representations x 4 scores, 3 seeds, no difference between any: 1 family in 20 may claim something.

    All are compared with the same baseline, so that the tests depend on each other. 100 families: the standard error of
    a share of 0.05 is 0.022. Without correction most families claim something.
    """
    random = np.random.default_rng(0)
    corrected, plain = [], []
    for _ in range(100):
        values = random.normal(size=(10, 4, 3))
        tests = [
            paired_difference(by_seed(values[row, score]), by_seed(values[0, score])).p_value
            for row in range(1, 10)
            for score in range(4)
        ]
        plain.append(min(tests) < 0.05)
        corrected.append(holm(tests).min() < 0.05)
    assert np.mean(corrected) <= 0.05 + 3 * 0.022
    assert np.mean(plain) > 0.5


def test_a_clear_difference_is_claimed():
    random = np.random.default_rng(0)
    base = random.normal(size=5)
    tests = [paired_difference(by_seed(base + 30 + random.normal(size=5)), by_seed(base)) for _ in range(9)]
    assert holm([each.p_value for each in tests]).max() < 0.05


def test_interval_holds_the_truth_95_times_in_100():
    random = np.random.default_rng(0)
    found = [over_seeds(random.normal(loc=2, size=3)).interval for _ in range(2000)]
    held = np.mean([interval.low < 2 < interval.high for interval in found])
    assert held == pytest.approx(0.95, abs=0.015)
