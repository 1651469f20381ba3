import numpy as np
import pytest

from evaluation.metrics import kernel_distance as module
from evaluation.metrics.kernel_distance import (
    inverse_multiquadric_kernel,
    kernel_distance,
    kernel_distances_of_parts,
    paired_kernel_distance,
    polynomial_kernel,
    published_kernel_distance,
)
from tests.evaluation.metrics.samples import SETS, golden, normal, shuffled

KERNELS = {"polynomial": polynomial_kernel, "multiquadric": inverse_multiquadric_kernel}


def polynomial_of_pair(a, b):
    return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3


def multiquadric_of_pair(a, b):
    return 16 / (16 + sum((p - q) ** 2 for p, q in zip(a, b, strict=True)))


PAIRWISE = {"polynomial": polynomial_of_pair, "multiquadric": multiquadric_of_pair}


def by_loops(real, fake, kernel):
    def within(x):
        pairs = [kernel(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]
        return sum(pairs) / len(pairs)

    return within(real) + within(fake) - 2 * sum(kernel(a, b) for a in real for b in fake) / (len(real) * len(fake))


@pytest.mark.parametrize("name", SETS)
def test_golden(name):
    real, fake, published, exact = golden(name)
    kid = kernel_distance(real, fake, polynomial_kernel)
    assert kid.value == pytest.approx(exact["kid_poly3_unbiased_all_samples"], rel=1e-11)  # reached 2e-15
    mmd = kernel_distance(real, fake, inverse_multiquadric_kernel)
    assert mmd.value == pytest.approx(exact["mmd_imq16_unbiased"], abs=1e-14)  # reached 8e-17
    old = published_kernel_distance(real, fake)
    assert old.value == pytest.approx(published["mmd_imq16"], abs=1e-7)  # float32 there: reached 2e-8
    assert old.bias == 2 / (len(real) - 1)
    assert old.value - old.bias == pytest.approx(mmd.value, abs=1e-14)


@pytest.mark.parametrize("block_rows", [1, 3, 100])
@pytest.mark.parametrize("name", KERNELS)
def test_value_is_that_of_loops_whatever_the_blocks(name, block_rows, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", block_rows)
    real, fake = normal(9, 3, 0), normal(7, 3, 1, mean=0.5)
    value = kernel_distance(real, fake, KERNELS[name]).value
    assert value == pytest.approx(by_loops(real, fake, PAIRWISE[name]), rel=1e-11)


@pytest.mark.parametrize("name", KERNELS)
def test_standard_error_is_the_jackknife_by_loops(name):
    real, fake = normal(9, 3, 0), normal(7, 3, 1, mean=0.5)
    no_real = [by_loops(np.delete(real, i, 0), fake, PAIRWISE[name]) for i in range(9)]
    no_fake = [by_loops(real, np.delete(fake, i, 0), PAIRWISE[name]) for i in range(7)]
    variance = 8 / 9 * np.square(no_real - np.mean(no_real)).sum() + 6 / 7 * np.square(no_fake - np.mean(no_fake)).sum()
    assert kernel_distance(real, fake, KERNELS[name]).standard_error == pytest.approx(np.sqrt(variance), rel=1e-9)


@pytest.mark.parametrize("name", KERNELS)
def test_all_subsets_of_the_smallest_size(name):
    """Of 4 + 4 samples, subsets hold 2 + 2: there are 36, and their mean is the value over all."""
    real, fake = normal(4, 2, 0), normal(4, 2, 1, mean=1)
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    values = [by_loops(real[list(i)], fake[list(j)], PAIRWISE[name]) for i in pairs for j in pairs]
    result = kernel_distance(real, fake, KERNELS[name], n_subsets=20_000)
    assert result.subset_size == 2
    assert result.subset_mean == pytest.approx(np.mean(values), abs=4 * np.std(values) / np.sqrt(20_000))
    assert result.subset_std == pytest.approx(np.std(values), rel=0.03)
    assert np.mean(values) == pytest.approx(result.value, rel=1e-10)


@pytest.mark.parametrize("name", KERNELS)
def test_unbiased(name):
    same = [
        kernel_distance(normal(5, 3, 2 * s), normal(8, 3, 2 * s + 1), KERNELS[name], n_subsets=1, seed=s)
        for s in range(600)
    ]
    values = np.array([result.value for result in same])
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean()) < 3 * error
    diagonals = np.mean([polynomial_of_pair(x, x) for x in normal(1000, 3, 0)]) if name == "polynomial" else 1
    assert 3 * error < diagonals * (1 / 4 + 1 / 7) / 5  # so that diagonals kept would be seen
    subsets = np.array([result.subset_mean for result in same])
    assert abs(subsets.mean()) < 3 * subsets.std() / np.sqrt(len(subsets))


@pytest.mark.parametrize("name", KERNELS)
def test_order_does_not_matter_and_sides_may_change_places(name):
    real, fake = normal(60, 4, 0), normal(50, 4, 1, mean=0.3)
    result = kernel_distance(real, fake, KERNELS[name])
    assert kernel_distance(shuffled(real), shuffled(fake), KERNELS[name]) == result
    other_way = kernel_distance(fake, real, KERNELS[name])
    np.testing.assert_allclose(other_way[:2], result[:2], rtol=1e-9)
    assert kernel_distance(real, fake, KERNELS[name], seed=1).subset_mean != result.subset_mean


@pytest.mark.parametrize(
    ("n", "m", "asked", "size", "reduced"),
    [
        (2, 9, 1000, 2, True),
        (2, 2, 2, 2, False),
        (9, 20, 1000, 4, True),
        (40, 60, 20, 20, False),
        (40, 60, 21, 20, True),
    ],
)
def test_subsets_are_never_larger_than_half_a_side(n, m, asked, size, reduced):
    result = kernel_distance(normal(n, 2, 0), normal(m, 2, 1), polynomial_kernel, subset_size=asked, n_subsets=4)
    assert (result.subset_size, result.subset_reduced) == (size, reduced)
    assert (result.standard_error is None) == (min(n, m) < 3)


def test_published_chunks_are_paired_in_order():
    real, fake = normal(25, 3, 0), normal(19, 3, 1, mean=0.5)
    first = published_kernel_distance(real[:10], fake[:10])
    second = published_kernel_distance(real[10:20], fake[10:])
    both = published_kernel_distance(real, fake, chunk_size=10)
    np.testing.assert_allclose(both, (np.array(first) + np.array(second)) / 2, rtol=1e-12)
    assert second.bias == 1 / 9 + 1 / 8
    loops = sum(multiquadric_of_pair(a, b) for a in real[:10] for b in real[:10]) / 90
    loops += sum(multiquadric_of_pair(a, b) for a in fake[:10] for b in fake[:10]) / 90
    loops -= 2 * sum(multiquadric_of_pair(a, b) for a in real[:10] for b in fake[:10]) / 100
    assert first.value == pytest.approx(loops, rel=1e-11)


def test_published_estimator_says_where_it_is_undefined():
    with pytest.raises(ValueError, match="chunk from sample 10 has a single one"):
        published_kernel_distance(normal(11, 2, 0), normal(30, 2, 1), chunk_size=10)
    with pytest.raises(ValueError, match="chunk_size must be 2 or more"):
        published_kernel_distance(normal(11, 2, 0), normal(30, 2, 1), chunk_size=1)


@pytest.mark.parametrize("faulty", [np.zeros((0, 2)), np.zeros((1, 2)), np.zeros((5, 3)), np.full((5, 2), np.nan)])
def test_faulty_sides_are_refused(faulty):
    good = normal(5, 2, 0)
    for real, fake in [(good, faulty), (faulty, good)]:
        with pytest.raises(ValueError, match=r"real|fake"):
            kernel_distance(real, fake, polynomial_kernel)
        with pytest.raises(ValueError, match=r"real|fake"):
            published_kernel_distance(real, fake)


def test_faulty_settings_are_refused():
    good = normal(5, 2, 0)
    with pytest.raises(ValueError, match="subset_size must be 2 or more"):
        kernel_distance(good, good, polynomial_kernel, subset_size=1)
    with pytest.raises(ValueError, match="0 subsets"):
        kernel_distance(good, good, polynomial_kernel, n_subsets=0)


# Pairs


def linear(x, y):
    return x @ y.T


def test_paired_distance_by_hand():
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


def test_blocks_make_no_difference_to_pairs(monkeypatch):
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


@pytest.mark.parametrize("kernel", [polynomial_kernel, inverse_multiquadric_kernel])
def test_distances_of_parts_are_those_of_each_part(kernel):
    real, fake = normal(1100, 4, 0), normal(40, 4, 1, mean=0.3)
    kept = [np.random.default_rng(k).random((len(side), 3)) < 0.7 for k, side in enumerate((real, fake))]
    found = kernel_distances_of_parts(real, fake, kernel, *(each.astype(float) for each in kept))
    for part in range(3):
        alone = kernel_distance(real[kept[0][:, part]], fake[kept[1][:, part]], kernel, n_subsets=1).value
        assert found[part] == pytest.approx(alone, rel=1e-9)
    with pytest.raises(ValueError, match="fewer than 2 samples"):
        kernel_distances_of_parts(real, fake, kernel, np.zeros((1100, 1)), np.ones((40, 1)))
