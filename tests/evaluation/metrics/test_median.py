"""The median against the distribution that its values come from."""

import numpy as np
import pytest

from evaluation.metrics.median import median


def test_values_in_order_are_what_counts():
    found = median([7, 1, 3, 5, 9, 11, 13])
    assert found.value == 7
    assert found.interval == (1, 13)  # with 7 values, 6 of 7 between two neighbours would be too few
    assert median([1, 2, 3, 4, 5, 6]).interval == (1, 6)
    assert median([2, 1, 3, 5, 4])[1:] == (None, None)


@pytest.mark.parametrize("n", [6, 20, 101])
def test_the_interval_holds_the_true_median_and_the_error_is_its_deviation(n):
    samples = np.random.default_rng(0).exponential(size=(2000, n))
    found = [median(sample) for sample in samples]
    held = np.mean([each.interval[0] <= np.log(2) <= each.interval[1] for each in found])
    assert 0.94 <= held <= 0.99
    if n > 100:
        deviation = np.std([each.value for each in found])
        assert np.mean([each.standard_error for each in found]) == pytest.approx(deviation, rel=0.15)


@pytest.mark.parametrize("values", [[], [[1.0]], [1.0, np.nan]])
def test_what_has_no_median_is_refused(values):
    with pytest.raises(ValueError, match="values must"):
        median(values)
