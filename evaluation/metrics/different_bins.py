"""Number of statistically different bins (NDB): in how many cells of the real features too few or too many fall."""

import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2, vq
from scipy.special import ndtri, rel_entr

from evaluation.metrics.samples import in_canonical_order, require_pair
from utils.arrays import Float64Array
from utils.spelling import counted

ITERATIONS = 100  # of k-means; 1000 notes no longer change cells after some dozen


class DifferentBins(NamedTuple):
    """How many of `n_bins` differ, and the Jensen-Shannon divergence."""

    different: int
    n_bins: int
    jensen_shannon: float
    """In nats: 0 for equal histograms, ln 2 for disjoint ones; unlike the count, it does not grow with n."""


def different_bins(
    real: npt.ArrayLike, fake: npt.ArrayLike, *, n_bins: int = 50, significance: float = 0.05, seed: int = 0
) -> DifferentBins:
    """NDB of generated (m, d) against real (n, d): bins are the cells of k-means on the real features.

    k-means starts from distant samples (k-means++) by the seed, whatever the order of the samples. GANSynth takes
    log-magnitude spectrograms and 50 bins. The count grows with the number of samples, as its tests get sharper:
    compare equal numbers. Raises: ValueError if real has fewer than `n_bins` samples, fake none, the d differ, or as
    `different_bins_of_counts`.
    Source: Richardson and Weiss 2018, On GANs and GMMs; Engel et al. 2019, GANSynth, section 4; Arthur and
    Vassilvitskii 2007, k-means++, section 2.2.
    """
    if n_bins < 1:
        raise ValueError(f"n_bins must be 1 or more, got {n_bins}")
    real, fake = require_pair(real, fake, at_least=1)
    if len(real) < n_bins:
        raise ValueError(f"real has {counted(len(real), 'sample')}, fewer than the {n_bins} bins")
    real = in_canonical_order(real)
    centres = _k_means(real, n_bins, seed)
    counts = [np.bincount(vq(samples, centres)[0], minlength=n_bins) for samples in (real, fake)]
    return different_bins_of_counts(*counts, significance=significance)


class ByChance(NamedTuple):
    """Mean and standard deviation of the number of different bins where both sides have one source."""

    mean: float
    std: float


def different_bins_by_chance(
    real: npt.ArrayLike,
    fake: npt.ArrayLike,
    *,
    n_bins: int = 50,
    significance: float = 0.05,
    n_draws: int = 20,
    seed: int = 0,
) -> ByChance:
    """NDB of sides of these sizes that are drawn from one source: real (n, d) and fake (m, d), mixed at random.

    Each of the `n_draws` mixes all samples, divides them into n and m again, and makes bins of its own.
    Raises: ValueError as `different_bins`, or if `n_draws` < 2.
    Source: Pitman 1937, Significance tests which may be applied to samples from any populations.
    """
    if n_draws < 2:
        raise ValueError(f"a deviation needs 2 or more draws, got {n_draws}")
    real, fake = require_pair(real, fake, at_least=1)
    both = in_canonical_order(np.concatenate([real, fake]))
    rng = np.random.default_rng(seed)
    found = []
    for draw in range(n_draws):
        mixed = rng.permutation(both)
        sides = mixed[: len(real)], mixed[len(real) :]
        found.append(different_bins(*sides, n_bins=n_bins, significance=significance, seed=seed + draw).different)
    return ByChance(float(np.mean(found)), float(np.std(found, ddof=1)))


def different_bins_of_counts(
    real_counts: npt.ArrayLike, fake_counts: npt.ArrayLike, *, significance: float = 0.05
) -> DifferentBins:
    """NDB of two histograms (n_bins,): two-sided test of two proportions in each bin.

    z = (p - q) / sqrt(r (1 - r) (1 / n + 1 / m)), with p and q the shares of a bin in either side and r its share in
    both together; it differs if |z| > the normal quantile at 1 - significance / 2. With both sides from one source that
    is less than `significance` n_bins where bins hold few samples: `different_bins_by_chance` says how many.
    Raises: ValueError if the shapes differ, counts are negative or all 0, or `significance` is not within (0, 1).
    Source: Richardson and Weiss 2018, On GANs and GMMs.
    """
    real, fake = np.asarray(real_counts, dtype=np.float64), np.asarray(fake_counts, dtype=np.float64)
    if real.ndim != 1 or real.shape != fake.shape:
        raise ValueError(f"histograms must have one shape (n_bins,), got {real.shape} and {fake.shape}")
    n, m, n_bins = real.sum(), fake.sum(), len(real)
    if not (min(n, m) > 0 and np.isfinite(n + m) and min(real.min(), fake.min()) >= 0):
        raise ValueError("histograms must be counts, finite, not negative and not all 0")
    if not 0 < significance < 1:
        raise ValueError(f"significance must be within (0, 1), got {significance}")
    p, q, pooled = real / n, fake / m, (real + fake) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    middle = (p + q) / 2
    return DifferentBins(
        different=int((np.abs(p - q) > ndtri(1 - significance / 2) * error).sum()),
        n_bins=n_bins,
        jensen_shannon=float((rel_entr(p, middle) + rel_entr(q, middle)).sum() / 2),
    )


def _k_means(samples: Float64Array, n_centres: int, seed: int) -> Float64Array:
    """Centres (k, d) by k-means++; k is `n_centres`, or the number of distinct samples if that is smaller.

    A cell that empties keeps its centre.
    """
    n_centres = min(n_centres, len(np.unique(samples, axis=0)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of the clusters is empty", UserWarning)
        rng = np.random.default_rng(seed)
        centres: Float64Array = kmeans2(samples, n_centres, iter=ITERATIONS, minit="++", rng=rng)[0]
    return centres
