import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from evaluation.metrics.different_bins import different_bins, different_bins_by_chance, different_bins_of_counts
from tests.evaluation.metrics.samples import normal, shuffled


def test_one_histogram_has_no_different_bins():
    counts = np.array([10, 0, 500, 3])
    for result in (different_bins_of_counts(counts, counts), different_bins_of_counts(counts, 7 * counts)):
        assert (result.different, result.n_bins) == (0, 4)
        assert result.jensen_shannon == pytest.approx(0, abs=1e-15)


def test_disjoint_histograms_differ_everywhere():
    result = different_bins_of_counts([50, 50, 0, 0], [0, 0, 50, 50])
    assert result.different == 4
    assert result.jensen_shannon == pytest.approx(np.log(2))


def test_each_bin_is_tested_as_by_chi_square():
    """z^2 is the chi-square of the 2 x 2 table without Yates's correction."""
    rng = np.random.default_rng(0)
    real, fake = rng.multinomial(300, np.full(20, 1 / 20)), rng.multinomial(200, np.linspace(1, 3, 20) / 40)
    for significance in (0.02, 0.05, 0.5):
        tables = ([[a, 300 - a], [b, 200 - b]] for a, b in zip(real, fake, strict=True))
        expected = sum(chi2_contingency(table, correction=False).pvalue < significance for table in tables)
        assert 0 < expected < 20
        assert different_bins_of_counts(real, fake, significance=significance).different == expected
    assert different_bins_of_counts(real, fake).jensen_shannon == pytest.approx(jensenshannon(real, fake) ** 2)


def test_alike_sides_differ_as_often_as_by_chance():
    rng = np.random.default_rng(0)
    draws = rng.multinomial(2000, np.full(20, 1 / 20), size=(200, 2))
    results = [different_bins_of_counts(*pair) for pair in draws]
    counts = [result.different for result in results]
    assert np.mean(counts) == pytest.approx(1, abs=0.25)
    assert np.std(counts) == pytest.approx(np.sqrt(0.95), rel=0.25)


@pytest.mark.parametrize("n", [165, 330])
def test_chance_at_these_numbers_is_that_over_fresh_samples(n):
    """Neither 5 % of the bins, nor the deviation of halves: both would be far too large or too small here."""
    counts, stated = [], []
    for seed in range(40):
        real, fake = normal(n, 4, 2 * seed), normal(n, 4, 2 * seed + 1)
        counts.append(different_bins(real, fake).different)
        if seed < 4:
            stated.append(different_bins_by_chance(real, fake, seed=seed))
    error = np.std(counts, ddof=1) / np.sqrt(40)
    assert np.mean([chance.mean for chance in stated]) == pytest.approx(np.mean(counts), abs=4 * error)
    assert 0.8 < np.mean([chance.std for chance in stated]) / np.std(counts, ddof=1) < 1.3
    assert np.mean(counts) < 2


def test_chance_ignores_the_order():
    real, fake = normal(80, 4, 0), normal(60, 4, 1, mean=0.5)
    found = different_bins_by_chance(real, fake, n_bins=10)
    assert different_bins_by_chance(shuffled(real), shuffled(fake), n_bins=10) == found
    with pytest.raises(ValueError, match="2 or more draws, got 1"):
        different_bins_by_chance(real, fake, n_draws=1)


def test_bins_are_the_modes():
    """Four far modes: each gets a bin of its own, so that the counts are known."""
    modes = np.array([[0, 0], [100, 0], [0, 100], [100, 100]])
    real = np.concatenate([normal(50, 2, i) + mode for i, mode in enumerate(modes)])
    fake = np.concatenate([normal(n, 2, 9 + n) + mode for n, mode in zip((100, 5, 45, 50), modes, strict=True)])
    for seed in range(5):
        assert different_bins(real, fake, n_bins=4, seed=seed) == different_bins_of_counts([50] * 4, [100, 5, 45, 50])
        assert different_bins(real, real, n_bins=4, seed=seed).different == 0


def test_order_does_not_matter():
    real, fake = normal(200, 4, 0), normal(150, 4, 1, mean=0.5)
    result = different_bins(real, fake, n_bins=10)
    assert different_bins(shuffled(real), shuffled(fake), n_bins=10) == result
    assert different_bins(real, fake, n_bins=10, seed=1) != result
    assert result.different > 3


def test_fewer_distinct_samples_than_bins():
    silence = np.full((20, 3), 1 / 3)
    assert different_bins(silence, silence, n_bins=5).different == 0
    assert different_bins(silence, silence + 1, n_bins=5).different == 0  # one bin holds all of both
    two = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0)
    assert different_bins(two, two[:10], n_bins=5).different == 2


def test_a_bin_that_empties_stays_empty():
    """By seed 0, k-means begins at four of these points and one of them loses all its samples to the others."""
    points = np.array([[0, 9], [0, 7], [0, 1], [8, 9], [10, 10], [4, 2]])
    result = different_bins(points, points, n_bins=4)
    assert (result.different, result.n_bins) == (0, 4)


def test_faults_are_refused():
    good = normal(9, 2, 0)
    with pytest.raises(ValueError, match="real has 9 samples, fewer than the 50 bins"):
        different_bins(good, good)
    with pytest.raises(ValueError, match="fake has 0 samples"):
        different_bins(good, np.zeros((0, 2)), n_bins=2)
    with pytest.raises(ValueError, match="n_bins must be 1"):
        different_bins(good, good, n_bins=0)
    with pytest.raises(ValueError, match="NaN"):
        different_bins(np.full((9, 2), np.nan), good, n_bins=2)
    for real, fake in [([1, 2], [1, 2, 3]), ([[1]], [[1]])]:
        with pytest.raises(ValueError, match="one shape"):
            different_bins_of_counts(real, fake)
    for counts in ([0, 0], [-1, 3], [np.nan, 1]):
        with pytest.raises(ValueError, match="must be counts"):
            different_bins_of_counts([1, 1], counts)
    with pytest.raises(ValueError, match="significance"):
        different_bins_of_counts([1, 1], [1, 1], significance=1)
