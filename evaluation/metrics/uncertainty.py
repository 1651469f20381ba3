"""How far a score would move with other samples of the same source: jackknife, and subsets without replacement.

There is no bootstrap: a sample drawn with replacement holds pairs of equal rows, which kernel distances, neighbours and
covariances take for structure, so that its intervals may miss the estimate itself.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from utils.arrays import Float64Array, Int64Array
from utils.spelling import counted


class Estimate(NamedTuple):
    """A score, and its standard error, which is None where there are too few samples for one."""

    value: float
    standard_error: float | None


def mean_estimate(values: Float64Array) -> Estimate:
    """Mean of values (n,) and its standard error s / sqrt(n), s with n - 1: what the jackknife of a mean comes to."""
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return Estimate(float(values.mean()), error)


def jackknife_standard_error(left_out: Float64Array) -> float:
    """sqrt((g - 1) / g sum_i (t_i - mean t)^2) of t (g,): the statistic with the i-th sample or group left out.

    For groups of one size the same holds with the groups as samples. Raises: ValueError if g < 2.
    Source: Efron and Stein 1981, The jackknife estimate of variance, Annals of Statistics 9(3).
    """
    groups = len(left_out)
    if groups < 2:
        raise ValueError(f"a jackknife needs 2 or more groups, got {groups}")
    return float(np.sqrt((groups - 1) / groups * np.square(left_out - left_out.mean()).sum()))


def jackknife(statistic: Callable[[Int64Array], float], n_samples: int, *, n_groups: int, seed: int = 0) -> float:
    """Standard error of `statistic`, a function of the row numbers kept, by leaving out one of `n_groups` at a time.

    The groups are drawn at random and differ in size by one at most; with `n_groups` = `n_samples` or more it is the
    ordinary jackknife. Raises: ValueError if there are fewer than 2 samples or groups.
    """
    if min(n_samples, n_groups) < 2:
        raise ValueError(f"a jackknife needs 2 or more samples and groups, got {n_samples} and {n_groups}")
    order = np.random.default_rng(seed).permutation(n_samples)
    groups = np.array_split(order, min(n_groups, n_samples))
    return jackknife_standard_error(np.array([statistic(np.setdiff1d(order, group)) for group in groups]))


def random_subsets(n_samples: int, size: int, n_subsets: int, rng: np.random.Generator) -> Int64Array:
    """Row numbers (n_subsets, size) of subsets, each without replacement. Raises: ValueError if that cannot be."""
    if not 1 <= size <= n_samples or n_subsets < 1:
        raise ValueError(
            f"{counted(n_subsets, 'subset')} of {size} cannot be drawn from {counted(n_samples, 'sample')}"
        )
    return np.stack([rng.choice(n_samples, size, replace=False) for _ in range(n_subsets)])


def half_sample_standard_errors(
    statistics: Callable[[Int64Array, Int64Array], Float64Array],
    n_real: int,
    n_fake: int,
    *,
    n_halves: int = 40,
    seed: int = 0,
) -> Float64Array:
    """Standard errors (k,) of `statistics`, functions (k,) of row numbers of both sides.

    The deviation over random halves without replacement: the jackknife that leaves out d = n / 2, where the factor
    (n - d) / d is 1. It holds for statistics that are not smooth too, such as counts of neighbours.
    Raises: ValueError if `n_halves` < 2 or a side has fewer than 2 samples.
    Source: Shao and Wu 1989, A general theory for jackknife variance estimation, Annals of Statistics 17(3).
    """
    if n_halves < 2:
        raise ValueError(f"a deviation needs 2 or more halves, got {n_halves}")
    rng = np.random.default_rng(seed)
    real = random_subsets(n_real, n_real // 2, n_halves, rng)
    fake = random_subsets(n_fake, n_fake // 2, n_halves, rng)
    values = np.stack([statistics(*kept) for kept in zip(real, fake, strict=True)])
    errors: Float64Array = values.std(axis=0, ddof=1)
    return errors
