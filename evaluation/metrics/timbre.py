"""Whether one latent stays one instrument along a scale: distances of features within latents and between them."""

import numpy as np
import numpy.typing as npt

from evaluation.metrics.samples import require_samples, squared_distances
from evaluation.metrics.uncertainty import Estimate, jackknife_standard_error
from utils.arrays import Float64Array
from utils.spelling import counted

WIDEST = 12  # semitones: an octave; real instruments change over more, too


def timbre_ratio(features: npt.ArrayLike, latents: npt.ArrayLike, pitches: npt.ArrayLike) -> Estimate:
    """How far notes of one latent lie apart at other pitches, against notes of other latents at the same pitch.

    The mean Euclidean distance between `features` (n, d) over pairs of one of `latents` (n,) whose `pitches` (n,)
    differ by 1 to 12 semitones, over that of pairs of different latents at one pitch. 0: the timbre is the same at all
    pitches; 1: as different as another instrument. Latents may be seeds, or the names of real instruments. The standard
    error is the jackknife over latents, None where leaving out one leaves no pairs.
    Raises: ValueError if there is not one latent and pitch for each row, or if there are no pairs of either kind.
    """
    array, latents, pitches = (
        require_samples(features, "features", at_least=2),
        np.asarray(latents),
        np.asarray(pitches),
    )
    if latents.shape != (len(array),) or pitches.shape != (len(array),):
        each = f"a latent and a pitch for each of {counted(len(array), 'sample')}"
        raise ValueError(f"there must be {each}, got {latents.shape} and {pitches.shape}")
    names, numbers = np.unique(latents, return_inverse=True)
    within, between = _sums(array, numbers, pitches.astype(np.int64), len(names))
    if not within[1].sum() or not between[1].sum():
        raise ValueError("no two notes of one latent at other pitches, or of other latents at the same pitch")
    value = _ratio(within.sum(axis=1), between.sum(axis=(1, 2)))
    kept_within = within.sum(axis=1, keepdims=True) - within
    own = between.sum(axis=1) + between.sum(axis=2)  # of all pairs with a latent, which is in none with itself
    kept_between = between.sum(axis=(1, 2))[:, None] - own
    if not kept_within[1].all() or not kept_between[1].all():
        return Estimate(float(value), None)
    return Estimate(float(value), jackknife_standard_error(_ratio(kept_within, kept_between)))


def _ratio(within: Float64Array, between: Float64Array) -> Float64Array:
    """Of sums and counts (2, ...)."""
    return np.asarray((within[0] / within[1]) / (between[0] / between[1]))


def _sums(
    features: Float64Array, numbers: npt.NDArray[np.intp], pitches: npt.NDArray[np.int64], n_latents: int
) -> tuple[Float64Array, Float64Array]:
    """Sums of distances and counts of pairs: (2, latents) within, and (2, latents, latents) between."""
    within, between = np.zeros((2, n_latents)), np.zeros((2, n_latents, n_latents))
    for latent in range(n_latents):
        rows = np.flatnonzero(numbers == latent)
        apart = np.abs(pitches[rows, None] - pitches[rows])
        pairs = np.triu((apart >= 1) & (apart <= WIDEST), 1)
        within[:, latent] = np.sqrt(squared_distances(features[rows], features[rows]))[pairs].sum(), pairs.sum()
    for pitch in np.unique(pitches):
        rows = np.flatnonzero(pitches == pitch)
        first, second = np.triu_indices(len(rows), 1)
        others = numbers[rows[first]] != numbers[rows[second]]
        distances = np.sqrt(squared_distances(features[rows], features[rows]))[first, second][others]
        places = numbers[rows[first[others]]], numbers[rows[second[others]]]
        np.add.at(between[0], places, distances)
        np.add.at(between[1], places, 1)
    return within, between
