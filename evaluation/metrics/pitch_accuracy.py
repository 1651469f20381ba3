"""Whether notes have the pitch that was asked for: as a classifier hears it, and by their fundamental."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from evaluation.metrics.samples import require_samples
from evaluation.metrics.uncertainty import Estimate, mean_estimate
from utils.arrays import Float64Array, Int64Array

SUM_TOLERANCE = 1e-2  # bfloat16 has 3 digits
TOLERANCE_CENTS = 50
LEAST_VOICED = 0.5  # share of frames


def pitch_accuracy(probabilities: npt.ArrayLike, asked: npt.ArrayLike) -> Estimate:
    """Share of notes whose likeliest pitch class is the one asked for, 0 to 1, and its standard error.

    `probabilities` (n, n_classes) of a classifier, `asked` (n,) the class indices. The error is None for one note, and
    sqrt(a (1 - a) / (n - 1)) else. Raises: ValueError as `pitch_entropy`, or if `asked` is not (n,) class indices.
    Source: Engel et al. 2019, GANSynth, section 4 (PA).
    """
    heard, asked = _heard_and_asked(probabilities, asked)
    return mean_estimate((heard == asked).astype(np.float64))


def octave_free_accuracy(probabilities: npt.ArrayLike, asked: npt.ArrayLike) -> Estimate:
    """As `pitch_accuracy`, where the likeliest class may be whole octaves of 12 classes away from the one asked for.

    >>> octave_free_accuracy(np.eye(25)[[0, 12, 24, 7]], [12, 12, 12, 12]).value
    0.75
    """
    heard, asked = _heard_and_asked(probabilities, asked)
    return mean_estimate(((heard - asked) % 12 == 0).astype(np.float64))


def _heard_and_asked(probabilities: npt.ArrayLike, asked: npt.ArrayLike) -> tuple[Int64Array, Int64Array]:
    """Likeliest class and class that was asked for, (n,) each."""
    probabilities, asked = _require_probabilities(probabilities), np.asarray(asked)
    n, n_classes = probabilities.shape
    if asked.shape != (n,) or not np.issubdtype(asked.dtype, np.integer):
        raise ValueError(f"asked must be {n} class indices, got {asked.dtype} of shape {asked.shape}")
    if asked.min() < 0 or asked.max() >= n_classes:
        raise ValueError(f"asked classes must lie in 0 ... {n_classes - 1}, got {asked.min()} ... {asked.max()}")
    return probabilities.argmax(axis=1), asked.astype(np.int64)


def pitch_entropy(probabilities: npt.ArrayLike) -> Estimate:
    """Mean over notes of -sum_c p_c ln p_c in nats, 0 (sure) to ln n_classes, and its standard error.

    `probabilities` (n, n_classes); the error is None for one note. Raises: ValueError if they are empty, not 2-D, not
    finite, negative, or do not sum to 1 within 0.01. Source: Engel et al. 2019, GANSynth, section 4 (PE).
    >>> round(pitch_entropy([[0.5, 0.5], [1.0, 0.0]]).value, 4)
    0.3466
    """
    probabilities = _require_probabilities(probabilities)
    return mean_estimate(-xlogy(probabilities, probabilities).sum(axis=1))


class Tuning(NamedTuple):
    """Of n notes, all (n,): the first two are true or false."""

    in_tune: npt.NDArray[np.bool_]
    in_tune_but_for_octaves: npt.NDArray[np.bool_]
    cents: Float64Array
    """Above the pitch that was asked for; NaN without a voiced frame."""
    voiced: Float64Array
    """Share of the frames that are voiced."""


def tuning(f0: npt.ArrayLike, asked: npt.ArrayLike) -> Tuning:
    """The tuning of notes with fundamentals `f0` (n, frames) in Hz, 0 where unvoiced, and MIDI pitches `asked` (n,).

    A note's pitch is the median over its voiced frames. It is in tune within 50 cents of the pitch that was asked for,
    if more than half of the frames are voiced. Raises: ValueError if `f0` is empty, not 2-D, not finite or negative, or
    `asked` is not (n,).
    >>> tuning([[440.0, 441.0, 440.0]], [69]).in_tune
    array([ True])
    """
    f0, asked = require_samples(f0, "f0"), np.asarray(asked)
    if f0.min() < 0:
        raise ValueError("f0 must be frequencies in Hz, 0 where unvoiced, not negative")
    if asked.shape != (len(f0),):
        raise ValueError(f"asked must be {len(f0)} MIDI pitches, got shape {asked.shape}")
    voiced = (f0 > 0).mean(axis=1)
    heard = np.array([np.median(track[track > 0]) if track.any() else np.nan for track in f0])
    cents = 100 * (69 + 12 * np.log2(heard / 440) - asked)
    folded = (cents + 600) % 1200 - 600
    steady = voiced > LEAST_VOICED
    return Tuning(
        in_tune=steady & (np.abs(cents) <= TOLERANCE_CENTS),
        in_tune_but_for_octaves=steady & (np.abs(folded) <= TOLERANCE_CENTS),
        cents=cents,
        voiced=voiced,
    )


def _require_probabilities(probabilities: npt.ArrayLike) -> Float64Array:
    array = require_samples(probabilities, "probabilities")
    if array.min() < 0 or np.abs(array.sum(axis=1) - 1).max() > SUM_TOLERANCE:
        raise ValueError("probabilities must not be negative and sum to 1 for each note: pass the softmax")
    return array
