"""How much the notes of one pitch differ from each other, against how much real notes do."""

import numpy as np
import numpy.typing as npt

from evaluation.metrics.samples import require_pair, squared_distances
from utils.arrays import Float64Array


def diversity_within_pitch(
    real: npt.ArrayLike, real_pitches: npt.ArrayLike, fake: npt.ArrayLike, fake_pitches: npt.ArrayLike
) -> float:
    """Mean distance between two generated notes of one pitch over that between two real ones of the same pitch.

    Of features real (n, d) and fake (m, d) with MIDI pitches (n,) and (m,): the Euclidean distance, averaged over all
    pairs of a pitch, then over the pitches that have two or more notes on both sides, so that every pitch counts alike.
    1: as varied as real notes; 0: one and the same sound at each pitch. It does not say whether the sounds are good:
    noise is varied.
    Raises: ValueError as `require_pair`, if there is not one pitch for each row, if no pitch has two notes on both
    sides, or if real notes of one pitch are all the same.
    """
    real, fake = require_pair(real, fake, at_least=2)
    real_pitches, fake_pitches = np.asarray(real_pitches), np.asarray(fake_pitches)
    if real_pitches.shape != (len(real),) or fake_pitches.shape != (len(fake),):
        raise ValueError(f"one pitch for each note, got {real_pitches.shape} and {fake_pitches.shape}")
    counts = (dict(zip(*np.unique(each, return_counts=True), strict=True)) for each in (real_pitches, fake_pitches))
    of_real, of_fake = ({pitch for pitch, count in each.items() if count > 1} for each in counts)
    shared = sorted(of_real & of_fake)
    if not shared:
        raise ValueError("no pitch has two or more notes on both sides")
    between_real = np.mean([_mean_distance(real[real_pitches == pitch]) for pitch in shared])
    if not between_real:
        raise ValueError("real notes of one pitch are all the same")
    return float(np.mean([_mean_distance(fake[fake_pitches == pitch]) for pitch in shared]) / between_real)


def _mean_distance(features: Float64Array) -> float:
    """Over the pairs of rows of (n, d)."""
    distances = np.sqrt(squared_distances(features, features))
    return float(distances[np.triu_indices(len(features), 1)].mean())
