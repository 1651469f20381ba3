"""Stated standard errors against the spread over fresh notes, and over fresh instruments."""

import numpy as np
import pytest

from evaluation.metrics.clustered import clustered_standard_errors
from evaluation.metrics.coverage import coverage, shares
from evaluation.metrics.frechet_distance import GaussianStatistics, frechet_distance, frechet_standard_error
from evaluation.metrics.inception_score import inception_score
from evaluation.metrics.kernel_distance import inverse_multiquadric_kernel, kernel_distance, kernel_distances_of_parts

N_INSTRUMENTS, N_EACH, D = 40, 8, 6
DRAWS = 50
of = GaussianStatistics.from_features


def frechet(sides):
    return frechet_distance(*(of(side) for side in sides))


def kernel(sides):
    return kernel_distance(*sides, inverse_multiquadric_kernel, n_subsets=1).value


def inception(sides):
    return inception_score(3 * sides[1]).value


def covered(sides):
    return shares(*sides, 5)[3]


def drawn(seed, *, within):
    """Features of notes of 40 fresh instruments, and of 150 generated notes of another distribution."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(N_INSTRUMENTS, 1, D)) * np.sqrt(1 - within**2)
    real = centres + within * rng.normal(size=(N_INSTRUMENTS, N_EACH, D))
    return real.reshape(-1, D), 0.4 + rng.normal(size=(150, D))


CLUSTERS = [np.repeat(np.arange(N_INSTRUMENTS), N_EACH), np.full(150, -1)]


@pytest.mark.parametrize("score", [frechet, kernel, inception])
def test_error_by_instrument_is_the_spread_over_fresh_instruments(score):
    values, errors = [], []
    for seed in range(DRAWS):
        sides = drawn(seed, within=0.5)
        values.append(score(sides))
        if seed < 4:

            def statistics(choices, sides=sides):
                if score is kernel:
                    parts = (np.stack(each, axis=1).astype(float) for each in zip(*choices, strict=True))
                    return kernel_distances_of_parts(*sides, inverse_multiquadric_kernel, *parts)[:, None]
                chosen = ([side[rows] for side, rows in zip(sides, kept, strict=True)] for kept in choices)
                return np.array([[score(each)] for each in chosen])

            errors.append(clustered_standard_errors(statistics, CLUSTERS)[0])
    assert 0.8 < np.mean(errors) / np.std(values, ddof=1) < 1.3


def stated_frechet(real, fake):
    return np.hypot(frechet_standard_error(of(real), fake), frechet_standard_error(of(fake), real))


def stated_kernel(real, fake):
    return kernel_distance(real, fake, inverse_multiquadric_kernel, n_subsets=1).standard_error


def stated_inception(_, fake):
    return inception_score(3 * fake).standard_error


def stated_coverage(real, fake):
    return coverage(real, fake).coverage.standard_error


@pytest.mark.parametrize(
    ("score", "stated"),
    [
        (frechet, stated_frechet),
        (kernel, stated_kernel),
        (inception, stated_inception),
        (covered, stated_coverage),
    ],
)
def test_error_by_note_is_the_spread_over_fresh_notes(score, stated):
    sides = [drawn(seed, within=1.0) for seed in range(DRAWS)]
    spread = np.std([score(pair) for pair in sides], ddof=1)
    assert 0.8 < np.mean([stated(*pair) for pair in sides[:8]]) / spread < 1.3


def test_error_of_a_mean_in_closed_form():
    """Of equal clusters, it is that of the clusters' means; of rows without one, the ordinary one."""
    values = np.random.default_rng(0).normal(size=60) + np.repeat(np.arange(20), 3)

    def mean(choices):
        return np.array([[values[kept[0]].mean()] for kept in choices])

    (error,) = clustered_standard_errors(mean, [np.repeat(np.arange(20), 3)])
    assert error == pytest.approx(values.reshape(20, 3).mean(axis=1).std(ddof=1) / np.sqrt(20))
    one, two = np.full(60, -1), np.full(60, -1)
    one[:], two[:3] = 4, (5, 5, 6)
    assert clustered_standard_errors(mean, [np.full(60, -1)]) is None
    assert clustered_standard_errors(mean, [one]) is None
    assert clustered_standard_errors(mean, [two]) is not None
