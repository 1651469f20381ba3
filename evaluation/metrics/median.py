"""The median of notes, and how far it would move with other notes of the same source."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, norm

from evaluation.metrics.clustered import NO_CLUSTER
from utils.arrays import Int64Array

_COVERAGE = 0.95


class Median(NamedTuple):
    """A median, its interval of 95 %, and half of it in units of a normal deviation; None with fewer than 6 values."""

    value: float
    interval: tuple[float, float] | None
    standard_error: float | None


def median(values: npt.ArrayLike) -> Median:
    """Median of values (n,) with the interval between two of the sorted values, which holds for any distribution.

    The median of the source lies between the k-th value from below and the k-th from above in 95 % of the samples or
    more, with k from the binomial distribution of the number of values below it. The jackknife does not hold for
    medians. Raises: ValueError if `values` is empty, not 1-D or not finite.
    Source: David and Nagaraja 2003, Order Statistics, section 7.1.
    >>> median([4.0, 1.0, 2.0]).value
    2.0
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if ordered.ndim != 1 or not len(ordered) or not np.isfinite(ordered).all():
        raise ValueError(f"values must have shape (n,), at least one, and be finite; got shape {ordered.shape}")
    rank = int(binom.ppf((1 - _COVERAGE) / 2, len(ordered), 0.5))
    if rank < 1:
        return Median(float(np.median(ordered)), None, None)
    low, high = float(ordered[rank - 1]), float(ordered[-rank])
    return Median(float(np.median(ordered)), (low, high), (high - low) / (2 * float(norm.ppf((1 + _COVERAGE) / 2))))


def clustered_standard_error(values: npt.ArrayLike, clusters: Int64Array) -> float | None:
    """Standard error of the median of values (n,), with other clusters in place of these.

    `clusters` (n,) has the cluster of each value, or -1 for one that is in none. The interval of 95 % lies between the
    quantiles that differ from one half by 1.96 standard errors of the share of values below the median; that share is a
    ratio of sums over clusters. The result is its half in units of a normal deviation.
    None with fewer than 2 clusters, or where they are too few to bound the median.
    Source: Woodruff 1952, Confidence intervals for medians and other position measures, JASA 47(260); Cochran 1977,
    Sampling Techniques, section 9A, for shares in clusters of unequal size.
    """
    array = np.asarray(values, dtype=np.float64)
    named, numbers = np.unique(clusters, return_inverse=True)
    alone = clusters == NO_CLUSTER
    if len(named) - bool(alone.any()) < 2:
        return None
    numbers = np.where(alone, len(named) + np.arange(len(array)), numbers)
    middle = np.median(array)
    below = (array < middle) + 0.5 * (array == middle)
    sums = np.bincount(numbers, weights=below - below.mean())
    n_clusters = len(np.unique(numbers))
    error = np.sqrt(n_clusters / (n_clusters - 1) * np.square(sums).sum()) / len(array)
    width = float(norm.ppf((1 + _COVERAGE) / 2))
    if width * error >= 0.5:
        return None
    low, high = np.quantile(array, (0.5 - width * error, 0.5 + width * error))
    return float((high - low) / (2 * width))
