"""Kernel distance of samples that come in pairs, such as notes before and after a representation."""

import numpy as np
import numpy.typing as npt

from evaluation.metrics.kernel_distance import Kernel
from evaluation.metrics.samples import BLOCK_ROWS, require_pair
from evaluation.metrics.uncertainty import Estimate, jackknife_standard_error
from utils.arrays import Float64Array


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
        raise ValueError(f"{n} samples before and {len(y)} after are no pairs")
    sums = np.concatenate([_sums(kernel, x, y, start) for start in range(0, n, BLOCK_ROWS)])
    total = sums.sum()
    error = jackknife_standard_error((total - 2 * sums) / ((n - 1) * (n - 2))) if n > 2 else None
    return Estimate(float(total / (n * (n - 1))), error)


def _sums(
    kernel: Kernel, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], start: int
) -> npt.NDArray[np.float64]:
    """The sums of each pair with all others, for a block of pairs from `start` on."""
    some_x, some_y = x[start : start + BLOCK_ROWS], y[start : start + BLOCK_ROWS]
    matrix = kernel(some_x, x) + kernel(some_y, y) - kernel(some_x, y) - kernel(some_y, x)
    rows = np.arange(len(some_x))
    matrix[rows, start + rows] = 0
    sums: Float64Array = matrix.sum(axis=1)
    return sums
