"""Standard errors of scores of notes that come in clusters: those of one instrument are more alike than others."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from evaluation.metrics.uncertainty import jackknife_standard_error
from utils.arrays import Float64Array, Int64Array

NO_CLUSTER = -1
MOST_GROUPS = 40

Kept = Sequence[npt.NDArray[np.bool_]]
"""For each side, which of its rows are kept (n,)."""

Statistics = Callable[[Sequence[Kept]], Float64Array]
"""Several choices of rows -> the values (choices, k) of k statistics."""


def clustered_standard_errors(
    statistics: Statistics, clusters: Sequence[Int64Array], *, seed: int = 0
) -> Float64Array | None:
    """Standard errors (k,) of `statistics` of one side or several, with other clusters in place of these.

    `clusters` has the cluster of each row of each side, or -1. A cluster is left out of all sides at once; rows without
    one are left out in random groups of their side. With more than 40 clusters, random groups of them are left out.
    None with fewer than 2 clusters in all.
    Source: Efron and Stein 1981; Cameron, Gelbach and Miller 2008, Bootstrap-based improvements for inference with
    clustered errors, section II, for the jackknife over clusters.
    """
    named = np.unique(np.concatenate(clusters))
    named = named[named != NO_CLUSTER]
    if len(named) < 2:
        return None
    rng = np.random.default_rng(seed)
    groups = np.array_split(rng.permutation(named), min(len(named), MOST_GROUPS))
    strata: list[list[Kept]] = [[[~np.isin(side, group) for side in clusters] for group in groups]]
    for number, side in enumerate(clusters):
        alone = np.flatnonzero(side == NO_CLUSTER)
        if len(alone) > 1:
            parts = np.array_split(rng.permutation(alone), min(len(alone), MOST_GROUPS))
            strata.append([_without(clusters, number, part) for part in parts])
    values = np.split(statistics([kept for stratum in strata for kept in stratum]), np.cumsum([*map(len, strata)])[:-1])
    errors = [[jackknife_standard_error(column) for column in of_stratum.T] for of_stratum in values]
    return np.array([math.hypot(*column) for column in zip(*errors, strict=True)])


def _without(sides: Sequence[Int64Array], number: int, rows: Int64Array) -> Kept:
    """All rows of each of the `sides`, but not `rows` of side `number`."""
    kept = [np.ones(len(side), dtype=bool) for side in sides]
    kept[number][rows] = False
    return kept
