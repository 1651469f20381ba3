import numpy as np
import pytest

from evaluation.metrics.samples import in_canonical_order, require_pair, require_samples, squared_distances
from tests.evaluation.metrics.samples import normal, shuffled


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(3), r"shape \(n_samples, n_features\), got \(3,\)"),
        (np.zeros((3, 0)), r"got \(3, 0\)"),
        (np.zeros((0, 3)), "features has 0 samples, 1 or more"),
        ([[1.0, np.nan], [0.0, 0.0], [np.inf, 0.0]], "features: NaN or infinite values in 2 of 3 samples"),
    ],
)
def test_faulty_samples_are_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        require_samples(samples, "features")


def test_sides_must_be_of_one_embedding():
    with pytest.raises(ValueError, match="real has 3 features and fake 4"):
        require_pair(np.zeros((2, 3)), np.zeros((2, 4)), at_least=1)


def test_canonical_order_forgets_the_order_given():
    one_hots = np.repeat(np.eye(7), 3, axis=0)  # rows that are permutations of each other, and equal rows
    for samples in (normal(50, 4, 0), one_hots):
        ordered = in_canonical_order(samples)
        assert np.array_equal(in_canonical_order(shuffled(samples)), ordered)
        assert np.array_equal(np.sort(ordered, axis=0), np.sort(samples, axis=0))


def test_equal_samples_are_at_distance_zero_far_from_the_origin():
    x = 1e3 + normal(40, 64, 0)
    distances = squared_distances(x, x.copy())
    assert np.diagonal(distances).max() == 0
    assert distances[~np.eye(40, dtype=bool)].min() > 1
