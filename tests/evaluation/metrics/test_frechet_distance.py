import numpy as np
import pytest
from scipy.linalg import sqrtm

from evaluation.metrics.frechet_distance import (
    GaussianStatistics,
    frechet_distance,
    frechet_distance_inf,
    frechet_standard_error,
)
from tests.evaluation.metrics.samples import SETS, golden, normal, shuffled

of = GaussianStatistics.from_features


def gaussian(mean, covariance):
    return GaussianStatistics(np.array(mean, float), np.array(covariance, float), 10_000)


def by_sqrtm(real, fake):
    product = np.cov(real, rowvar=False) @ np.cov(fake, rowvar=False)
    traces = np.trace(np.cov(real, rowvar=False)) + np.trace(np.cov(fake, rowvar=False))
    return np.square(real.mean(axis=0) - fake.mean(axis=0)).sum() + traces - 2 * np.trace(sqrtm(product)).real


@pytest.mark.parametrize("name", SETS)
def test_golden(name):
    real, fake, _, exact = golden(name)
    distance = frechet_distance(of(real), of(fake))
    assert distance == pytest.approx(exact["frechet_distance_sqrtm"], rel=1e-9)  # reached 2e-15


def test_covariances_that_commute():
    """The sum of the one-dimensional distances along the common axes, also when these are rotated."""
    a, b = np.diag([4.0, 9.0, 1.0]), np.diag([1.0, 16.0, 0.0])
    rotation = np.linalg.qr(normal(3, 3, 0))[0]
    expected = 14 + 1 + 1 + 1
    for turn in (np.eye(3), rotation):
        real, fake = gaussian([1, 2, 3], turn @ a @ turn.T), gaussian([0, 0, 0], turn @ b @ turn.T)
        assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("n", "m", "d"), [(200, 300, 16), (40, 30, 12), (500, 100, 32)])
def test_against_sqrtm(n, m, d):
    mixing = normal(d, d, 7)
    real, fake = normal(n, d, 0) @ mixing, normal(m, d, 1, mean=0.3, scale=1.5) @ mixing
    assert frechet_distance(of(real), of(fake)) == pytest.approx(by_sqrtm(real, fake), rel=1e-9)  # reached 3e-14


def test_properties():
    real, fake = of(normal(100, 8, 0)), of(normal(90, 8, 1, mean=0.2))
    distance = frechet_distance(real, fake)
    assert frechet_distance(fake, real) == pytest.approx(distance, rel=1e-10)
    assert frechet_distance(of(shuffled(normal(100, 8, 0))), fake) == pytest.approx(distance, rel=1e-10)
    scaled = of(normal(100, 8, 0) * 3), of(normal(90, 8, 1, mean=0.2) * 3)
    assert frechet_distance(*scaled) == pytest.approx(9 * distance, rel=1e-10)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-12)


def test_fewer_samples_than_features():
    real, fake = normal(20, 50, 0), normal(30, 50, 1)
    assert of(real).rank_deficient
    assert of(normal(50, 50, 0)).rank_deficient
    assert not of(normal(51, 50, 0)).rank_deficient
    assert frechet_distance(of(real), of(real)) == pytest.approx(0, abs=1e-11)
    centred = [(x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (real, fake)]
    overlap = np.linalg.norm(centred[0] @ centred[1].T, ord="nuc")
    expected = np.square(real.mean(axis=0) - fake.mean(axis=0)).sum() - 2 * overlap
    expected += sum(np.square(x).sum() for x in centred)
    assert frechet_distance(of(real), of(fake)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("n", "d", "rank"), [(20, 50, 50), (300, 40, 7), (300, 60, 60), (30, 200, 200)], ids=["few", "low", "decay", "wide"]
)
def test_features_against_themselves_are_at_0(n, d, rank):
    """Their spectrum decays over 16 decades, as that of a network's features does."""
    decay = np.logspace(2, -6, rank)
    features = normal(n, rank, 0) * decay @ normal(rank, d, 1)
    distance = frechet_distance(of(features), of(shuffled(features)))
    assert distance == pytest.approx(0, abs=1e-9 * np.trace(of(features).covariance))


@pytest.mark.parametrize(("n", "m", "d"), [(80, 60, 16), (200, 90, 64), (400, 300, 128)])
def test_equals_the_form_of_eigenvalues_where_the_rank_is_full(n, m, d):
    real, fake = of(normal(n, d, 0)), of(normal(m, d, 1, mean=0.1, scale=1.2))
    values, vectors = np.linalg.eigh(real.covariance)
    root = vectors * np.sqrt(values) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ fake.covariance @ root)).sum()
    traces = np.trace(real.covariance) + np.trace(fake.covariance)
    expected = np.square(real.mean - fake.mean).sum() + traces - 2 * overlap
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-8)
    plain = gaussian(real.mean, real.covariance), gaussian(fake.mean, fake.covariance)
    assert frechet_distance(*plain) == pytest.approx(expected, rel=1e-8)


def test_low_ranks_in_closed_form():
    """Along one axis each, at an angle: sqrt of the product of the variances times the cosine is what they share."""
    real = np.outer([1.0, -1.0], [3.0, 0.0, 0.0])  # variance 18
    angle = 0.3
    fake = np.outer([1.0, -1.0], [np.cos(angle), np.sin(angle), 0.0])  # variance 2
    expected = 18 + 2 - 2 * 6 * np.cos(angle)
    assert frechet_distance(of(real), of(fake)) == pytest.approx(expected, rel=1e-14)


def test_constant_features():
    """Silence against silence: no spread at all."""
    one, other = of(np.full((5, 3), 1.0)), of(np.full((4, 3), 3.0))
    assert frechet_distance(one, one) == 0
    assert frechet_distance(one, other) == pytest.approx(12)


@pytest.mark.parametrize(("n", "d"), [(60, 4), (25, 30)])
def test_standard_error_is_the_jackknife_of_the_distance(n, d):
    """Leaving out one at a time, where the groups do not depend on the draw."""
    fixed, features = of(normal(80, d, 0)), normal(n, d, 1, mean=0.5)
    left_out = np.array([frechet_distance(fixed, of(np.delete(features, i, axis=0))) for i in range(n)])
    loops = np.sqrt((n - 1) / n * np.square(left_out - left_out.mean()).sum())
    assert frechet_standard_error(fixed, features, n_groups=n) == pytest.approx(loops, rel=1e-5)


def test_standard_errors_of_both_sides_make_the_deviation_over_fresh_samples():
    distances, errors = [], []
    for seed in range(150):
        real, fake = normal(150, 6, 2 * seed), normal(100, 6, 2 * seed + 1, mean=0.5)
        distances.append(frechet_distance(of(real), of(fake)))
        errors.append(np.hypot(frechet_standard_error(of(real), fake), frechet_standard_error(of(fake), real)))
    assert np.mean(errors) == pytest.approx(np.std(distances, ddof=1), rel=0.25)


def test_standard_error_ignores_the_order():
    fixed, features = of(normal(80, 4, 0)), normal(60, 4, 1)
    error = frechet_standard_error(fixed, features)
    assert frechet_standard_error(fixed, shuffled(features)) == error
    assert frechet_standard_error(fixed, features, seed=1) != error
    assert frechet_standard_error(fixed, features[:3]) is None
    with pytest.raises(ValueError, match="n_groups must be 2 or more"):
        frechet_standard_error(fixed, features, n_groups=1)


def test_extrapolation_lines_up_with_its_distances():
    real, fake = of(normal(2000, 8, 0)), normal(500, 8, 1, mean=0.2)
    line = frechet_distance_inf(real, fake)
    assert line.distances[-1] == pytest.approx(frechet_distance(real, of(fake)), rel=1e-9)
    assert (line.sizes[0], line.sizes[-1], len(line.sizes)) == (166, 500, 15)
    fit = np.linalg.lstsq(np.stack([np.ones(15), 1 / line.sizes], axis=1), line.distances, rcond=None)[0]
    np.testing.assert_allclose([line.value, line.slope], fit, rtol=1e-9)
    correlation = np.corrcoef(1 / line.sizes, line.distances)[0, 1]
    assert line.r_squared == pytest.approx(correlation**2, rel=1e-9)
    assert line.slope > 0


def test_extrapolation_removes_the_bias():
    """16 features of one source: 300 samples against the true moments are about 16 x 19 / (4 x 300) apart."""
    truth = gaussian(np.zeros(16), np.eye(16))
    draws = [normal(300, 16, seed) for seed in range(30)]
    plain = np.array([frechet_distance(truth, of(fake)) for fake in draws])
    extrapolated = np.array([frechet_distance_inf(truth, fake, seed=s).value for s, fake in enumerate(draws)])
    assert plain.mean() > 0.1
    assert abs(extrapolated.mean()) < 0.12 * plain.mean()  # reached 0.03
    assert np.mean([frechet_distance_inf(truth, fake).r_squared for fake in draws]) > 0.85


def test_extrapolation_ignores_the_order_and_may_start_below_the_dimension():
    real, fake = of(normal(100, 30, 0)), normal(40, 30, 1)
    line = frechet_distance_inf(real, fake)
    assert line.sizes[0] == 20
    again = frechet_distance_inf(real, shuffled(fake))
    assert (again.value, again.r_squared) == (line.value, line.r_squared)
    silent = frechet_distance_inf(of(np.zeros((4, 2))), np.zeros((4, 2)))
    assert (silent.value, silent.slope, silent.r_squared) == (0, 0, 1)


@pytest.mark.parametrize("features", [np.zeros((0, 3)), np.zeros((1, 3)), np.full((5, 3), np.nan), np.zeros(5)])
def test_faulty_features_are_refused(features):
    good = of(normal(9, 3, 0))
    with pytest.raises(ValueError, match="features"):
        of(features)
    with pytest.raises(ValueError, match="features"):
        frechet_standard_error(good, features)
    with pytest.raises(ValueError, match="fake"):
        frechet_distance_inf(good, features)


def test_faulty_statistics_are_refused():
    with pytest.raises(ValueError, match=r"got \(2,\), \(3, 3\)"):
        GaussianStatistics(np.zeros(2), np.eye(3), 5)
    with pytest.raises(ValueError, match="NaN or infinite"):
        GaussianStatistics(np.zeros(2), np.full((2, 2), np.inf), 5)
    with pytest.raises(ValueError, match="2 or more samples, got 1"):
        GaussianStatistics(np.zeros(2), np.eye(2), 1)


def test_sides_must_be_of_one_embedding():
    good, other = of(normal(9, 3, 0)), normal(9, 4, 0)
    for call in (
        lambda: frechet_distance(good, of(other)),
        lambda: frechet_standard_error(good, other),
        lambda: frechet_distance_inf(good, other),
    ):
        with pytest.raises(ValueError, match="3 and 4 features"):
            call()
