"""Whether generated features lie where real ones do, and the reverse, by nearest neighbours."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.metrics.samples import BLOCK_ROWS, in_canonical_order, require_pair, squared_distances
from evaluation.metrics.uncertainty import Estimate, half_sample_standard_errors
from utils.arrays import Float64Array, Int64Array


class Coverage(NamedTuple):
    """Precision, recall and coverage lie in [0, 1]; density is 0 or more, about 1 where both sides are alike."""

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


def coverage(real: npt.ArrayLike, fake: npt.ArrayLike, *, n_neighbours: int = 5, seed: int = 0) -> Coverage:
    """Precision, recall, density and coverage of real (n, d) and generated (m, d) features.

    With r_k(x) the distance of x to the k-th nearest other sample of its own side, and its ball B(x) of that radius:
    precision = share of the y in any B(x); recall = share of the x in any B(y);
    density = number of pairs with y in B(x) / (k m); coverage = share of the x with any y in B(x).
    Standard errors come from random halves of both sides without replacement, which do not depend on the order of the
    samples; None if a half has k samples or fewer. n^2 distances, in blocks.
    Raises: ValueError if a side has k samples or fewer or NaN, the d differ or `n_neighbours` < 1.
    Source: Kynkaanniemi et al. 2019, Improved precision and recall metric, section 2 (k = 3); Naeem et al. 2020,
    Reliable fidelity and diversity metrics, section 3 (k = 5).
    """
    if n_neighbours < 1:
        raise ValueError(f"n_neighbours must be 1 or more, got {n_neighbours}")
    real, fake = (in_canonical_order(samples) for samples in require_pair(real, fake, at_least=n_neighbours + 1))

    def of_halves(kept_real: Int64Array, kept_fake: Int64Array) -> Float64Array:
        return shares(real[kept_real], fake[kept_fake], n_neighbours)

    values = shares(real, fake, n_neighbours)
    if min(len(real), len(fake)) // 2 <= n_neighbours:
        return Coverage(*(Estimate(float(value), None) for value in values))
    errors = half_sample_standard_errors(of_halves, len(real), len(fake), seed=seed)
    return Coverage(*(Estimate(float(value), float(error)) for value, error in zip(values, errors, strict=True)))


def shares(real: Float64Array, fake: Float64Array, k: int) -> Float64Array:
    """(4,): precision, recall, density and coverage of `coverage`, of real (n, d) and fake (m, d) with n, m > k."""
    real_radii, fake_radii = _squared_radii(real, k), _squared_radii(fake, k)
    recalled = np.zeros(len(real), dtype=bool)
    covered = np.zeros(len(real), dtype=bool)
    balls = np.zeros(len(fake), dtype=np.int64)  # of real samples, around each generated one
    for start in range(0, len(real), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        distances = squared_distances(real[rows], fake)
        inside = distances <= real_radii[rows, None]
        recalled[rows] = (distances <= fake_radii).any(axis=1)
        covered[rows] = inside.any(axis=1)
        balls += inside.sum(axis=0)
    return np.array([(balls > 0).mean(), recalled.mean(), balls.mean() / k, covered.mean()])


def _squared_radii(samples: Float64Array, k: int) -> Float64Array:
    """(n,): squared distance to the k-th nearest other sample."""
    radii = np.empty(len(samples))
    for start in range(0, len(samples), BLOCK_ROWS):
        distances = squared_distances(samples[start : start + BLOCK_ROWS], samples)
        np.fill_diagonal(distances[:, start:], np.inf)
        radii[start : start + BLOCK_ROWS] = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return radii
