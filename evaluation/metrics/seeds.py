"""What several trainings, which differ in their random seed alone, say of what they have in common.

The seed is the unit: a value is the score of one trained network, however many notes that was computed from.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from utils.arrays import Float64Array

CONFIDENCE = 0.95
LEAST_SEEDS = 2  # for a spread
_ROUNDING = 1e-12  # of the values: a smaller spread is that of the arithmetic


class Interval(NamedTuple):
    """From `low` to `high`."""

    low: float
    high: float


class OverSeeds(NamedTuple):
    """The mean of n seeds; without its interval where one seed, or values without spread, tell of none."""

    mean: float
    interval: Interval | None
    n: int


class Difference(NamedTuple):
    """The mean difference of n pairs, its interval, and the two-sided p-value that there is none."""

    mean: float
    interval: Interval | None
    p_value: float | None
    n: int


def over_seeds(values: Sequence[float] | Float64Array) -> OverSeeds:
    """Mean of values (n,) and its t-interval of 95 %. Raises: ValueError if there is none.

    >>> over_seeds([1.0])
    OverSeeds(mean=1.0, interval=None, n=1)
    """
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        raise ValueError("no seed has a value")
    if len(found) < LEAST_SEEDS or _has_no_spread(found, scale=np.abs(found).max()):
        return OverSeeds(float(found.mean()), None, len(found))
    return OverSeeds(float(found.mean()), _interval(found), len(found))


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> Difference | None:
    """Mean of `values` - `baseline`, each by seed, over the seeds that both have; None if they share none.

    The test is the paired t-test. One seed has neither interval nor test. Differences that are all 0 have p = 1 and an
    interval of no width; others that are all equal, which only coarse scores give, have no interval, and p = 1 too:
    without spread nothing can be tested, so that nothing is claimed.
    """
    shared = sorted(values.keys() & baseline.keys())
    if not shared:
        return None
    ours, theirs = (np.array([side[seed] for seed in shared], dtype=np.float64) for side in (values, baseline))
    found, n = ours - theirs, len(shared)
    mean = float(found.mean())
    if n < LEAST_SEEDS:
        return Difference(mean, None, None, n)
    if _has_no_spread(found, scale=max(np.abs(ours).max(), np.abs(theirs).max())):
        return Difference(mean, None if found.any() else Interval(0.0, 0.0), 1.0, n)
    statistic = mean / _standard_error(found)
    return Difference(mean, _interval(found), float(2 * stats.t.sf(abs(statistic), n - 1)), n)


def holm(p_values: Sequence[float] | Float64Array) -> Float64Array:
    """The p-values (k,) of k tests, corrected so that p < 0.05 is wrong in any of them at most once in 20 families.

    Holds however the tests depend on each other. Raises: ValueError for what is no probability.
    Source: Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6(2).

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    found = np.asarray(p_values, dtype=np.float64)
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError(f"p-values must be from 0 to 1: {found.tolist()}")
    order = np.argsort(found, kind="stable")
    steps = found[order] * np.arange(len(found), 0, -1)
    corrected = np.empty_like(found)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def _has_no_spread(found: Float64Array, *, scale: float) -> bool:
    return float(np.ptp(found)) <= _ROUNDING * scale


def _standard_error(found: Float64Array) -> float:
    return float(found.std(ddof=1) / np.sqrt(len(found)))


def _interval(found: Float64Array) -> Interval:
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(found) - 1)) * _standard_error(found)
    return Interval(float(found.mean()) - half, float(found.mean()) + half)
