import numpy as np
import pytest

from evaluation.metrics import coverage as module
from evaluation.metrics.coverage import coverage
from tests.evaluation.metrics.samples import normal, shuffled


def by_loops(real, fake, k):
    def distance(a, b):
        return np.sqrt(np.square(a - b).sum())

    def radii(x):
        return [sorted(distance(x[i], x[j]) for j in range(len(x)) if j != i)[k - 1] for i in range(len(x))]

    real_radii, fake_radii = radii(real), radii(fake)
    in_real = [[distance(x, y) <= r for y in fake] for x, r in zip(real, real_radii, strict=True)]
    in_fake = [[distance(x, y) <= r for x in real] for y, r in zip(fake, fake_radii, strict=True)]
    precision = np.mean([any(row[j] for row in in_real) for j in range(len(fake))])
    recall = np.mean([any(row[i] for row in in_fake) for i in range(len(real))])
    density = sum(map(sum, in_real)) / (k * len(fake))
    return precision, recall, density, np.mean([any(row) for row in in_real])


def values(result):
    return [estimate.value for estimate in result]


@pytest.mark.parametrize("block_rows", [1, 7, 1000])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_shares_are_those_of_loops_whatever_the_blocks(k, block_rows, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", block_rows)
    for seed in range(3):
        real, fake = normal(25, 2, seed), normal(18, 2, seed + 10, mean=0.7, scale=0.8)
        expected = by_loops(real, fake, k)
        assert min(expected) > 0
        assert len(set(expected)) > 2
        assert values(coverage(real, fake, n_neighbours=k)) == pytest.approx(expected, abs=1e-12)


def test_known_values():
    real = normal(50, 3, 0)
    same = coverage(real, real.copy())
    assert values(same)[:2] == [1, 1]
    assert same.coverage.value == 1
    # each ball holds its own centre and k others
    assert same.density.value == pytest.approx(6 / 5)
    assert values(coverage(real, real + 1000)) == [0, 0, 0, 0]
    # one mode of two: all that is made is good, half of what is real is missing
    two_modes = np.concatenate([normal(100, 3, 1), normal(100, 3, 2, mean=50)])
    one_mode = coverage(two_modes, normal(100, 3, 3))
    assert one_mode.precision.value > 0.8
    assert one_mode.recall.value < 0.5
    assert 0.3 < one_mode.coverage.value <= 0.5


def test_silence_against_silence_is_the_same():
    """All samples equal: balls of radius 0 hold what lies on their centre."""
    real, fake = np.full((20, 5), 1 / 3), np.full((15, 5), 1 / 3)
    assert values(coverage(real, fake)) == [1, 1, 20 / 5, 1]


def test_alike_sides_have_density_and_coverage_of_their_closed_form():
    """Naeem et al. 2020, section 3.3: density 1, coverage 1 - prod_i (n - i) / (n + m - i) for i = 1 ... k."""
    n = m = 60
    results = [coverage(normal(n, 3, 2 * seed), normal(m, 3, 2 * seed + 1)) for seed in range(60)]
    expected = 1 - np.prod([(m - 1 - i) / (n + m - 1 - i) for i in range(5)])
    for found, target in [
        ([result.density.value for result in results], 1.0),
        ([result.coverage.value for result in results], expected),
    ]:
        assert np.mean(found) == pytest.approx(target, abs=4 * np.std(found) / np.sqrt(60))


def test_order_does_not_matter():
    real, fake = normal(40, 3, 0), normal(50, 3, 1)
    result = coverage(real, fake)
    assert coverage(shuffled(real), shuffled(fake)) == result
    other = coverage(real, fake, seed=1)
    assert values(other) == values(result)
    assert other != result


def test_standard_errors_are_the_deviations_over_fresh_samples():
    results = [coverage(normal(120, 3, 2 * s), normal(100, 3, 2 * s + 1, mean=0.5)) for s in range(60)]
    for name in ("precision", "recall", "density", "coverage"):
        found = [getattr(result, name) for result in results]
        deviation = np.std([estimate.value for estimate in found], ddof=1)
        assert np.mean([estimate.standard_error for estimate in found]) == pytest.approx(deviation, rel=0.35), name


def test_few_samples():
    assert coverage(normal(6, 2, 0), normal(6, 2, 1)).density.standard_error is None
    assert coverage(normal(12, 2, 0), normal(12, 2, 1)).density.standard_error is not None
    for sizes, side in (((5, 6), "real"), ((6, 5), "fake")):
        with pytest.raises(ValueError, match=f"{side} has 5 samples, 6 or more"):
            coverage(*(normal(n, 2, 0) for n in sizes))


def test_faults_are_refused():
    good = normal(9, 2, 0)
    with pytest.raises(ValueError, match="NaN"):
        coverage(good, np.full((9, 2), np.nan))
    with pytest.raises(ValueError, match="not of the same embedding"):
        coverage(good, normal(9, 3, 0))
    with pytest.raises(ValueError, match="n_neighbours must be 1"):
        coverage(good, good, n_neighbours=0)
