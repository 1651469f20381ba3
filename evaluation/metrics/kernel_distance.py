"""Squared maximum mean discrepancy (MMD) between real and generated features: KID, and the paper's PKID and IKID."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.metrics.samples import BLOCK_ROWS, in_canonical_order, require_pair, squared_distances
from evaluation.metrics.uncertainty import Estimate, jackknife_standard_error, random_subsets
from utils.arrays import Float64Array, Int64Array
from utils.spelling import counted

Kernel = Callable[[Float64Array, Float64Array], Float64Array]
"""Of x (n, d) and y (m, d) -> (n, m)."""

SQUARED_WIDTH = 16.0
PUBLISHED_CHUNK = 5_000


def polynomial_kernel(x: Float64Array, y: Float64Array) -> Float64Array:
    """(x . y / d + 1)^3: the kernel of KID. Source: Binkowski et al. 2018, Demystifying MMD GANs, section 4."""
    base = x @ y.T
    base /= x.shape[1]
    base += 1
    cube: Float64Array = base * base * base  # powers by `**` take a logarithm each
    return cube


def inverse_multiquadric_kernel(x: Float64Array, y: Float64Array) -> Float64Array:
    """16 / (16 + |x - y|^2): the kernel of PKID and IKID. Source: Nistal, Lattner and Richard 2020, published code."""
    kernel = squared_distances(x, y)
    kernel += SQUARED_WIDTH
    np.divide(SQUARED_WIDTH, kernel, out=kernel)
    return kernel


class KernelDistance(NamedTuple):
    """Over all samples with its standard error (None for 2 samples), and over subsets with their deviation."""

    value: float
    standard_error: float | None
    subset_mean: float
    subset_std: float
    subset_size: int
    subset_reduced: bool
    """Whether the subsets are smaller than asked for, since there are too few samples."""


def kernel_distance(
    real: npt.ArrayLike,
    fake: npt.ArrayLike,
    kernel: Kernel,
    *,
    subset_size: int = 1_000,
    n_subsets: int = 100,
    seed: int = 0,
) -> KernelDistance:
    """Unbiased MMD^2 of real (n, d) and generated (m, d): the U-statistic, so it may be a little below 0.

    sum_{i != j} k(x_i, x_j) / (n (n - 1)) + sum_{i != j} k(y_i, y_j) / (m (m - 1)) - 2 sum_ij k(x_i, y_j) / (n m).
    Its standard error is the jackknife over samples of both sides, somewhat large where the two are alike.
    The subsets are drawn without replacement from both sides; they hold half of the smaller side at most (2 at least),
    since subsets that hold all of it do not differ. Blocks of the kernel matrix are kept, never the whole.
    Raises: ValueError if a side has fewer than 2 samples or NaN, the d differ, `subset_size` < 2 or `n_subsets` < 1.
    Source: Gretton et al. 2012, A kernel two-sample test, JMLR 13, Lemma 6; Arvesen 1969, Jackknifing U-statistics,
    Annals of Mathematical Statistics 40(6); Binkowski et al. 2018, section 4 for subsets.
    """
    if subset_size < 2:
        raise ValueError(f"subset_size must be 2 or more, got {subset_size}")
    real, fake = (in_canonical_order(samples) for samples in require_pair(real, fake, at_least=2))
    size = min(subset_size, max(2, min(len(real), len(fake)) // 2))
    rng = np.random.default_rng(seed)
    real_weights = _all_and_subsets(random_subsets(len(real), size, n_subsets, rng), len(real))
    fake_weights = _all_and_subsets(random_subsets(len(fake), size, n_subsets, rng), len(fake))
    real_sums = _sums_within(kernel, real, real_weights)
    fake_sums = _sums_within(kernel, fake, fake_weights)
    cross_sums, cross_columns = _sums_between(kernel, real, fake, fake_weights)
    totals = [
        (weights * sums).sum(axis=0)
        for weights, sums in [(real_weights, real_sums), (fake_weights, fake_sums), (real_weights, cross_sums)]
    ]
    within_real, within_fake, between = (total[:1] for total in totals)
    subsets = _u_statistic(totals[0][1:], totals[1][1:], totals[2][1:], size, size)
    n, m = len(real), len(fake)
    error = None
    if min(n, m) > 2:
        no_real = _u_statistic(within_real - 2 * real_sums[:, 0], within_fake, between - cross_sums[:, 0], n - 1, m)
        no_fake = _u_statistic(within_real, within_fake - 2 * fake_sums[:, 0], between - cross_columns, n, m - 1)
        error = float(np.hypot(jackknife_standard_error(no_real), jackknife_standard_error(no_fake)))
    return KernelDistance(
        value=float(_u_statistic(within_real, within_fake, between, n, m)[0]),
        standard_error=error,
        subset_mean=float(subsets.mean()),
        subset_std=float(subsets.std()),
        subset_size=size,
        subset_reduced=size < subset_size,
    )


def kernel_distances_of_parts(
    real: npt.ArrayLike, fake: npt.ArrayLike, kernel: Kernel, real_parts: Float64Array, fake_parts: Float64Array
) -> Float64Array:
    """Unbiased MMD^2 (c,) of c parts of both sides, whose rows are 1 in `real_parts` (n, c) and `fake_parts` (m, c).

    Each pair of samples is evaluated once, for all parts. Raises: ValueError if a part has fewer than 2 samples of a
    side, or as `kernel_distance`.
    """
    real, fake = require_pair(real, fake, at_least=2)
    n, m = real_parts.sum(axis=0), fake_parts.sum(axis=0)
    if min(n.min(), m.min()) < 2:
        raise ValueError("a part has fewer than 2 samples of a side")
    within_real = (real_parts * _sums_within(kernel, real, real_parts)).sum(axis=0)
    within_fake = (fake_parts * _sums_within(kernel, fake, fake_parts)).sum(axis=0)
    between = (real_parts * _sums_between(kernel, real, fake, fake_parts)[0]).sum(axis=0)
    distances: Float64Array = within_real / (n * (n - 1)) + within_fake / (m * (m - 1)) - 2 * between / (n * m)
    return distances


def paired_kernel_distance(before: npt.ArrayLike, after: npt.ArrayLike, kernel: Kernel) -> Estimate:
    """Unbiased MMD^2 between the sources of x and y, both (n, d), where y_i was made from x_i.

    sum_{i != j} (k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(y_i, x_j)) / (n (n - 1)): no pair is compared within
    itself, as none would be in two independent samples; `kernel_distance` would be too small by up to 2 / n. It is 0
    for y = x. The standard error is the jackknife over pairs, None for 2. Blocks of the matrix are kept.
    Raises: ValueError if the shapes differ, n < 2, or there are NaN.
    Source: Gretton et al. 2012, A kernel two-sample test, JMLR 13, Lemma 6.
    """
    x, y = require_pair(before, after, at_least=2)
    n = len(x)
    if len(y) != n:
        raise ValueError(f"{counted(n, 'sample')} before and {len(y)} after are no pairs")
    sums = np.concatenate([_sums_of_pairs(kernel, x, y, start) for start in range(0, n, BLOCK_ROWS)])
    total = sums.sum()
    error = jackknife_standard_error((total - 2 * sums) / ((n - 1) * (n - 2))) if n > 2 else None
    return Estimate(float(total / (n * (n - 1))), error)


class PublishedKernelDistance(NamedTuple):
    """The published value, and by how much it is too large: `value - bias` is unbiased."""

    value: float
    bias: float


def published_kernel_distance(
    real: npt.ArrayLike, fake: npt.ArrayLike, *, chunk_size: int = PUBLISHED_CHUNK
) -> PublishedKernelDistance:
    """PKID or IKID of real (n, d) and generated (m, d) as published; for comparison with old numbers only.

    It keeps the diagonal of the kernel matrices, all ones, and still divides by n (n - 1): too large by exactly
    1 / (n - 1) + 1 / (m - 1), which is 2 / (n - 1) for equal sizes. Chunks of 5000 are paired in the order given and
    their values averaged; what is left over on the longer side is not used.
    Raises: ValueError as `kernel_distance`, or if a paired chunk has a single sample.
    Source: measured on the published code of Nistal, Lattner and Richard 2020.
    """
    if chunk_size < 2:
        raise ValueError(f"chunk_size must be 2 or more, got {chunk_size}")
    real, fake = require_pair(real, fake, at_least=2)
    values, biases = [], []
    for start in range(0, min(len(real), len(fake)), chunk_size):
        x, y = real[start : start + chunk_size], fake[start : start + chunk_size]
        if min(len(x), len(y)) < 2:
            raise ValueError(f"the chunk from sample {start} has a single one, for which it is undefined: leave it out")
        biases.append(1 / (len(x) - 1) + 1 / (len(y) - 1))
        values.append(_distance(inverse_multiquadric_kernel, x, y) + biases[-1])
    return PublishedKernelDistance(float(np.mean(values)), float(np.mean(biases)))


def _distance(kernel: Kernel, real: Float64Array, fake: Float64Array) -> float:
    n, m = len(real), len(fake)
    within_real = _sums_within(kernel, real, np.ones((n, 1))).sum(axis=0)
    within_fake = _sums_within(kernel, fake, np.ones((m, 1))).sum(axis=0)
    between = _sums_between(kernel, real, fake, np.ones((m, 1)))[0].sum(axis=0)
    return float(_u_statistic(within_real, within_fake, between, n, m)[0])


def _u_statistic(
    within_real: Float64Array, within_fake: Float64Array, between: Float64Array, n: int, m: int
) -> Float64Array:
    """MMD^2 (...,) from the sums (...,) of the kernel over pairs."""
    return within_real / (n * (n - 1)) + within_fake / (m * (m - 1)) - 2 * between / (n * m)


def _all_and_subsets(subsets: Int64Array, n_samples: int) -> Float64Array:
    """Weights (n_samples, 1 + n_subsets) of 0 and 1: all samples, then each subset."""
    weights = np.zeros((n_samples, 1 + len(subsets)))
    weights[:, 0] = 1
    weights[subsets, np.arange(1, 1 + len(subsets))[:, None]] = 1
    return weights


def _sums_within(kernel: Kernel, x: Float64Array, weights: Float64Array) -> Float64Array:
    """sum_{j != i} k(x_i, x_j) w_j (n, c) of weights (n, c); each pair is evaluated once, by symmetry."""
    sums = np.zeros_like(weights)
    for start in range(0, len(x), BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, len(x))
        block = kernel(x[start:stop], x[start:])
        np.fill_diagonal(block, 0)
        sums[start:stop] += block @ weights[start:]
        sums[stop:] += block[:, stop - start :].T @ weights[start:stop]
    return sums


def _sums_between(
    kernel: Kernel, x: Float64Array, y: Float64Array, weights: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """sum_j k(x_i, y_j) w_j (n, c) of weights (m, c), and sum_i k(x_i, y_j) (m,)."""
    sums, columns = np.empty((len(x), weights.shape[1])), np.zeros(len(y))
    for start in range(0, len(x), BLOCK_ROWS):
        block = kernel(x[start : start + BLOCK_ROWS], y)
        sums[start : start + BLOCK_ROWS] = block @ weights
        columns += block.sum(axis=0)
    return sums, columns


def _sums_of_pairs(kernel: Kernel, x: Float64Array, y: Float64Array, start: int) -> Float64Array:
    """The sums of each pair with all others, for a block of pairs from `start` on."""
    some_x, some_y = x[start : start + BLOCK_ROWS], y[start : start + BLOCK_ROWS]
    matrix = kernel(some_x, x) + kernel(some_y, y) - kernel(some_x, y) - kernel(some_y, x)
    np.fill_diagonal(matrix[:, start:], 0)
    sums: Float64Array = matrix.sum(axis=1)
    return sums
