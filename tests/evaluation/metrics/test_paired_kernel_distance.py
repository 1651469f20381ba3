import numpy as np
import pytest

from evaluation.metrics import kernel_distance as module
from evaluation.metrics.kernel_distance import (
    inverse_multiquadric_kernel,
    kernel_distance,
    paired_kernel_distance,
    polynomial_kernel,
)


def linear(x, y):
    return x @ y.T


def test_by_hand():
    # k = xy on the pairs (0, 1), (2, 1), (1, 3): sum over i != j of (x_i - y_i)(x_j - y_j), with -1, 1, -2
    found = paired_kernel_distance([[0.0], [2.0], [1.0]], [[1.0], [1.0], [3.0]], linear)
    assert found.value == pytest.approx(((-1 + 1 - 2) ** 2 - (1 + 1 + 4)) / 6)
    # without the first -2 * 1, without the second -1 * -2, without the third -1 * 1
    left_out = np.array([-2.0, 2.0, -1.0])
    assert found.standard_error == pytest.approx(np.sqrt(2 / 3 * np.square(left_out - left_out.mean()).sum()))


def test_same_notes_are_at_no_distance_where_the_unpaired_estimator_is_below_it():
    x = np.random.default_rng(0).normal(size=(40, 5))
    for kernel in (inverse_multiquadric_kernel, polynomial_kernel):
        found = paired_kernel_distance(x, x, kernel)
        assert found.value == pytest.approx(0, abs=1e-12)
        assert found.standard_error == pytest.approx(0, abs=1e-12)
    assert kernel_distance(x, x, inverse_multiquadric_kernel).value < -0.01


def test_unbiased_however_much_the_pairs_have_in_common():
    rng = np.random.default_rng(1)
    values = []
    for _ in range(400):
        x = rng.normal(size=(10, 2))
        values.append(paired_kernel_distance(x, 0.6 * x + 0.8 * rng.normal(size=(10, 2)), linear).value)
    # both sides are N(0, 1): the distance is 0
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(400)


def test_blocks_make_no_difference(monkeypatch):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 23, 3))
    at_once = paired_kernel_distance(x, y, inverse_multiquadric_kernel)
    monkeypatch.setattr(module, "BLOCK_ROWS", 5)
    in_blocks = paired_kernel_distance(x, y, inverse_multiquadric_kernel)
    assert in_blocks == pytest.approx(at_once, rel=1e-12)


def test_two_pairs_have_no_standard_error():
    assert paired_kernel_distance([[0.0], [1.0]], [[0.0], [2.0]], linear) == (0, None)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([[0.0], [1.0]], [[0.0], [1.0], [2.0]], "2 samples before and 3 after are no pairs"),
        ([[0.0]], [[0.0]], "2 or more"),
        ([[0.0], [np.nan]], [[0.0], [1.0]], "NaN"),
    ],
)
def test_no_pairs_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        paired_kernel_distance(x, y, linear)
