"""Kernel audio distance (KAD): the unbiased MMD^2 with a Gaussian kernel as wide as the real notes lie apart."""

import numpy as np
import numpy.typing as npt

from evaluation.metrics.kernel_distance import Kernel, kernel_distance
from evaluation.metrics.samples import BLOCK_ROWS, require_samples, squared_distances
from evaluation.metrics.uncertainty import Estimate
from utils.arrays import Float64Array

SCALE = 100.0


def kernel_audio_distance(
    real: npt.ArrayLike, fake: npt.ArrayLike, *, bandwidth: float | None = None, seed: int = 0
) -> Estimate:
    """100 MMD^2 between real (n, d) and generated (m, d) features, and its standard error; a little below 0 at most.

    The kernel is `gaussian_kernel` with the `bandwidth` of the real features (None: their `median_distance`), so that
    the scale of the features does not count. It does not grow as samples get fewer, as a Frechet distance does.
    Raises: ValueError as `kernel_distance`, or if the bandwidth is not above 0.
    Source: Chung et al. 2025, KAD: No More FAD!, arXiv 2502.15602; the bandwidth is that of the reference set there.
    """
    width = median_distance(real) if bandwidth is None else bandwidth
    found = kernel_distance(real, fake, gaussian_kernel(width), n_subsets=1, seed=seed)
    error = None if found.standard_error is None else SCALE * found.standard_error
    return Estimate(SCALE * found.value, error)


def gaussian_kernel(bandwidth: float) -> Kernel:
    """exp(-|x - y|^2 / (2 bandwidth^2)). Raises: ValueError if the bandwidth is not above 0."""
    if not 0 < bandwidth < np.inf:
        raise ValueError(f"the bandwidth must be above 0, got {bandwidth}: are all real samples the same?")

    def gaussian(x: Float64Array, y: Float64Array) -> Float64Array:
        exponent = squared_distances(x, y)
        exponent /= -2 * bandwidth**2
        return np.exp(exponent, out=exponent)

    return gaussian


def median_distance(samples: npt.ArrayLike) -> float:
    """Median distance between two different rows of `samples` (n, d). Raises: ValueError with fewer than 2 rows."""
    array = require_samples(samples, "samples", at_least=2)
    n = len(array)
    distances = []
    for start in range(0, n, BLOCK_ROWS):
        block = squared_distances(array[start : start + BLOCK_ROWS], array[start:])
        distances.append(np.sqrt(block[np.triu_indices(len(block), 1, block.shape[1])]))
    return float(np.median(np.concatenate(distances)))
