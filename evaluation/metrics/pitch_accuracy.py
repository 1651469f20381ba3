"""Whether generated notes have the pitch that was asked for, and how sure a pitch classifier is of them."""

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from evaluation.metrics.samples import require_samples
from evaluation.metrics.uncertainty import Estimate, mean_estimate
from utils.arrays import Float64Array

SUM_TOLERANCE = 1e-2  # bfloat16 has 3 digits


def pitch_accuracy(probabilities: npt.ArrayLike, asked: npt.ArrayLike) -> Estimate:
    """Share of notes whose likeliest pitch class is the one asked for, 0 to 1, and its standard error.

    `probabilities` (n, n_classes) of a classifier, `asked` (n,) the class indices. The error is None for one note, and
    sqrt(a (1 - a) / (n - 1)) else. Raises: ValueError as `pitch_entropy`, or if `asked` is not (n,) class indices.
    Source: Engel et al. 2019, GANSynth, section 4 (PA).
    """
    probabilities, asked = _require_probabilities(probabilities), np.asarray(asked)
    n, n_classes = probabilities.shape
    if asked.shape != (n,) or not np.issubdtype(asked.dtype, np.integer):
        raise ValueError(f"asked must be {n} class indices, got {asked.dtype} of shape {asked.shape}")
    if asked.min() < 0 or asked.max() >= n_classes:
        raise ValueError(f"asked classes must lie in 0 ... {n_classes - 1}, got {asked.min()} ... {asked.max()}")
    return mean_estimate((probabilities.argmax(axis=1) == asked).astype(np.float64))


def pitch_entropy(probabilities: npt.ArrayLike) -> Estimate:
    """Mean over notes of -sum_c p_c ln p_c in nats, 0 (sure) to ln n_classes, and its standard error.

    `probabilities` (n, n_classes); the error is None for one note. Raises: ValueError if they are empty, not 2-D, not
    finite, negative, or do not sum to 1 within 0.01. Source: Engel et al. 2019, GANSynth, section 4 (PE).
    >>> round(pitch_entropy([[0.5, 0.5], [1.0, 0.0]]).value, 4)
    0.3466
    """
    probabilities = _require_probabilities(probabilities)
    return mean_estimate(-xlogy(probabilities, probabilities).sum(axis=1))


def _require_probabilities(probabilities: npt.ArrayLike) -> Float64Array:
    array = require_samples(probabilities, "probabilities")
    if array.min() < 0 or np.abs(array.sum(axis=1) - 1).max() > SUM_TOLERANCE:
        raise ValueError("probabilities must not be negative and sum to 1 for each note: pass the softmax")
    return array
