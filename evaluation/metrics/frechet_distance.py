"""Frechet distance of Gaussians fitted to real and generated features: FAD on VGGish, FID on Inception."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from evaluation.metrics.samples import in_canonical_order, require_samples
from evaluation.metrics.uncertainty import jackknife
from utils.arrays import Float64Array, Int64Array

N_SIZES = 15  # of subsets, for the extrapolation


@dataclass(frozen=True, eq=False)
class GaussianStatistics:
    """Mean (d,) and covariance (d, d), dividing by n - 1, of `n_samples` features: all that a distance needs.

    `factor` (d, r) is a matrix whose product with its own transpose is the covariance, as exact as the features are;
    None: it is made from the covariance.
    Raises: ValueError if the shapes do not fit, values are not finite, or there are fewer than 2 samples.
    """

    mean: Float64Array
    covariance: Float64Array
    n_samples: int
    factor: Float64Array | None = None

    def __post_init__(self) -> None:
        d = self.mean.size
        if d < 1 or self.mean.shape != (d,) or self.covariance.shape != (d, d):
            raise ValueError(f"mean must be (d,) and covariance (d, d), got {self.mean.shape}, {self.covariance.shape}")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.covariance).all()):
            raise ValueError("mean or covariance has NaN or infinite values")
        if self.n_samples < 2:
            raise ValueError(f"a covariance needs 2 or more samples, got {self.n_samples}")

    @classmethod
    def from_features(cls, features: npt.ArrayLike) -> Self:
        """Of features (n, d). Raises: ValueError if n < 2, or if they are not 2-D or not finite."""
        features = require_samples(features, "features", at_least=2)
        mean = features.mean(axis=0)
        # the triangle of the QR decomposition: as many rows as features at most, however many samples there are
        factor = np.asarray(np.linalg.qr(features - mean, mode="r")).T / np.sqrt(len(features) - 1)
        return cls(mean, factor @ factor.T, len(features), factor)

    @property
    def n_features(self) -> int:
        """Length d of the mean."""
        return len(self.mean)

    @property
    def rank_deficient(self) -> bool:
        """Whether n_samples <= n_features: the covariance has a null space only because there are few samples."""
        return self.n_samples <= self.n_features

    @cached_property
    def root(self) -> Float64Array:
        """R (d, r) with R R^T the covariance: `factor`, or eigenvectors times roots of eigenvalues, if above 0."""
        if self.factor is not None:
            return self.factor
        values, vectors = np.linalg.eigh((self.covariance + self.covariance.T) / 2)
        root: Float64Array = vectors * np.sqrt(values.clip(min=0))
        return root


def frechet_distance(real: GaussianStatistics, fake: GaussianStatistics) -> float:
    """|m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1^1/2 S_2 S_1^1/2)^1/2); >= 0, and 0 of a side with itself.

    With S_i = R_i R_i^T, the last trace is the sum of the singular values of R_1^T R_2. Roots of eigenvalues would keep
    half of the digits only, and none of the small ones, which low ranks have many of. The distance is biased upwards,
    the more so the fewer samples and the more features (`frechet_distance_inf`).
    Raises: ValueError if the numbers of features differ.
    Source: Dowson and Landau 1982, The Frechet distance between multivariate normal distributions; Heusel et al. 2017,
    GANs trained by a two time-scale update rule; Kilgour et al. 2019, Frechet audio distance.
    """
    _require_one_embedding(real, fake.n_features)
    return _distance(real, fake.mean, float(np.trace(fake.covariance)), _nuclear_norm(real.root.T @ fake.root))


def frechet_standard_error(
    fixed: GaussianStatistics, features: npt.ArrayLike, *, n_groups: int = 40, seed: int = 0
) -> float | None:
    """Standard error of the Frechet distance that comes from `features` (n, d), with the other side held `fixed`.

    The jackknife over `n_groups` random groups, which do not depend on the order of the features. Where the features
    of both sides are at hand, the error of the distance is the root of the sum of both squares, since it is symmetric.
    None for fewer than 4 samples. Raises: ValueError as `GaussianStatistics.from_features`, if the d differ, or if
    `n_groups` < 2.
    Source: `jackknife_standard_error`.
    """
    if n_groups < 2:
        raise ValueError(f"n_groups must be 2 or more, got {n_groups}")
    features = in_canonical_order(require_samples(features, "features", at_least=2))
    _require_one_embedding(fixed, features.shape[1])
    if len(features) < 4:  # two groups of two
        return None
    projected = features @ fixed.root

    def without_group(kept: Int64Array) -> float:
        return _distance_of_features(fixed, features[kept], projected[kept])

    return jackknife(without_group, len(features), n_groups=n_groups, seed=seed)


class FrechetExtrapolation(NamedTuple):
    """The line `value` + `slope` / n through the distances (k,) of `sizes` (k,); may end a little below 0."""

    value: float
    slope: float
    r_squared: float
    sizes: Int64Array
    distances: Float64Array


def frechet_distance_inf(real: GaussianStatistics, fake: npt.ArrayLike, *, seed: int = 0) -> FrechetExtrapolation:
    """Frechet distance extrapolated to infinitely many generated features, from fake (n, d).

    Distances to `real` of random subsets without replacement, of 15 sizes evenly spaced from a third of n (from
    2 d or n / 2, the smaller, if that is more, since the bias bends at sizes near d) to n, fitted by a line in 1/n. The
    bias of the `real` side stays. R^2 well below 1 says that the distances are no line, or noise more than bias. The
    draws do not depend on the order of the features.
    Raises: ValueError as `GaussianStatistics.from_features`, or if n < 4 or the d differ.
    Source: Chong and Forsyth 2020, Effectively unbiased FID and inception score; Gui et al. 2023, Adapting
    Frechet audio distance for generative music evaluation.
    """
    fake = in_canonical_order(require_samples(fake, "fake", at_least=4))
    _require_one_embedding(real, fake.shape[1])
    n, d = fake.shape
    sizes = np.unique(np.linspace(max(2, n // 3, min(2 * d, n // 2)), n, N_SIZES).astype(np.int64))
    projected = fake @ real.root
    rng = np.random.default_rng(seed)
    subsets = (rng.choice(n, size, replace=False) for size in sizes)
    distances = np.array([_distance_of_features(real, fake[kept], projected[kept]) for kept in subsets])
    slope, value = np.polyfit(1 / sizes, distances, 1)
    residual = np.square(distances - value - slope / sizes).sum()
    total = np.square(distances - distances.mean()).sum()
    r_squared = 1 - residual / total if total > 0 else 1.0
    return FrechetExtrapolation(float(value), float(slope), float(r_squared), sizes, distances)


def _require_one_embedding(statistics: GaussianStatistics, n_features: int) -> None:
    if statistics.n_features != n_features:
        raise ValueError(f"{statistics.n_features} and {n_features} features: not of the same embedding")


def _distance(fixed: GaussianStatistics, mean: Float64Array, trace: float, overlap: float) -> float:
    shift = float(np.square(fixed.mean - mean).sum())
    # below 0 by rounding only
    return max(0.0, shift + float(np.trace(fixed.covariance)) + trace - 2 * overlap)


def _distance_of_features(fixed: GaussianStatistics, features: Float64Array, projected: Float64Array) -> float:
    """From features (n, d) and projected (n, r) = features @ fixed.root."""
    centred = projected - projected.mean(axis=0)
    trace = float(features.var(axis=0, ddof=1).sum())
    return _distance(fixed, features.mean(axis=0), trace, _nuclear_norm(centred) / math.sqrt(len(features) - 1))


def _nuclear_norm(matrix: Float64Array) -> float:
    """Sum of the singular values."""
    return float(np.linalg.svd(matrix, compute_uv=False).sum())
