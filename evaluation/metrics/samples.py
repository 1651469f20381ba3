"""Checks of the samples of scores, and computations that several scores share."""

import numpy as np
import numpy.typing as npt

from utils.arrays import Float64Array, Int64Array
from utils.spelling import counted

BLOCK_ROWS = 1024  # of a matrix of pairs in memory at a time: 80 MB for 10 000 samples


def require_samples(samples: npt.ArrayLike, name: str, *, at_least: int = 1) -> Float64Array:
    """`samples` (n, d) in float64. Raises: ValueError if not 2-D, with a NaN or infinity, d < 1 or n < `at_least`."""
    array = np.asarray(samples, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] < 1:
        raise ValueError(f"{name} must have shape (n_samples, n_features), got {array.shape}")
    if len(array) < at_least:
        raise ValueError(f"{name} has {counted(len(array), 'sample')}, {at_least} or more are needed")
    faulty = len(array) - int(np.isfinite(array).all(axis=1).sum())
    if faulty:
        raise ValueError(f"{name}: NaN or infinite values in {faulty} of {counted(len(array), 'sample')}")
    return array


def require_pair(real: npt.ArrayLike, fake: npt.ArrayLike, *, at_least: int) -> tuple[Float64Array, Float64Array]:
    """Real (n, d) and generated (m, d) in float64. Raises: ValueError as `require_samples`, or if the d differ."""
    pair = require_samples(real, "real", at_least=at_least), require_samples(fake, "fake", at_least=at_least)
    if pair[0].shape[1] != pair[1].shape[1]:
        raise ValueError(f"real has {pair[0].shape[1]} features and fake {pair[1].shape[1]}: not of the same embedding")
    return pair


def canonical_order(samples: Float64Array) -> Int64Array:
    """Row numbers (n,) of the rows (n, d), in an order that depends on their values alone.

    Sorted by a fixed linear form of the row. Rows that differ by rounding (another batch size) stay where they are.
    """
    weights = np.cos(np.arange(1, samples.shape[1] + 1))  # generic, so that only equal rows tie
    order: Int64Array = np.argsort((samples * weights).sum(axis=1), kind="stable")
    return order


def in_canonical_order(samples: Float64Array) -> Float64Array:
    """The rows (n, d) in `canonical_order`, so that seeded draws ignore the order given."""
    return samples[canonical_order(samples)]


def squared_distances(x: Float64Array, y: Float64Array) -> Float64Array:
    """|x_i - y_j|^2 of x (n, d) and y (m, d) -> (n, m), by one matrix product; values as small as rounding are 0."""
    norms = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", y, y)
    squared = x @ y.T
    squared *= -2
    squared += norms
    norms *= x.shape[1] * np.finfo(np.float64).eps
    squared[squared <= norms] = 0
    return squared
