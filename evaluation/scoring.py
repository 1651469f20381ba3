"""From the features of notes to scores with their uncertainty, and a real-against-real split as baseline."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.features import Features
from evaluation.scores.frechet_distance import (
    GaussianStatistics,
    frechet_distance,
    frechet_distance_inf,
    frechet_standard_error,
)
from evaluation.scores.inception_score import inception_score, inception_score_of_splits, published_inception_score
from evaluation.scores.kernel_distance import inverse_multiquadric_kernel, kernel_distance, published_kernel_distance
from evaluation.scores.samples import in_canonical_order
from utils.errors import DataError

N_SPLITS = 10
_LEAST_TO_EXTRAPOLATE = 20

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """One number: of the notes, or, as `baseline`, of one half of the real notes against the other."""

    name: str
    value: float
    standard_error: float | None
    n_real: int | None
    n_fake: int
    baseline: bool = False
    details: dict[str, Any] = field(default_factory=dict)


def score_inception(name: str, fake: Features, *, published: bool, seed: int) -> list[Score]:
    """Inception score of the `logits` (1 to the number of classes), over all notes and over 10 shuffled splits."""
    logits = fake.arrays["logits"]
    n, n_classes = logits.shape
    if published:
        old = published_inception_score(logits)
        details = {"estimator": "published: running mean over batches of 50, biased low", "std": old.std}
        return [Score(f"{name}-published", old.mean, None, None, n, details=details)]
    whole = inception_score(logits)
    details = {"n_classes": n_classes}
    if n >= N_SPLITS:
        details["splits"] = inception_score_of_splits(logits, n_splits=N_SPLITS, seed=seed)._asdict()
    return [Score(name, whole.value, whole.standard_error, None, n, details=details)]


def score_kernel(name: str, real: Features, fake: Features, *, published: bool, seed: int) -> list[Score]:
    """MMD with the paper's inverse multiquadric kernel between the `logits`, unbiased unless `published`.

    Raises: DataError if a side has fewer than 2 notes.
    """
    sides = [side.arrays["logits"].astype(np.float64) for side in (real, fake)]
    _require_notes(name, 2, *sides)
    scores = [_kernel(name, *sides, published=published, seed=seed)]
    if len(sides[0]) >= 4:
        scores.append(_kernel(name, *_halves(sides[0], seed), published=published, seed=seed, baseline=True))
    return scores


def score_frechet(name: str, real: Samples, fake: Samples, *, infinite: bool, seed: int) -> list[Score]:
    """Frechet distance between samples (n, d); `infinite` adds its extrapolation to infinitely many generated notes.

    Raises: DataError if a side has fewer than 2 samples, or too few to extrapolate.
    """
    _require_notes(name, 2, real, fake)
    scores = [_frechet(name, real, fake, seed)]
    if infinite:
        _require_notes(f"{name} --inf", _LEAST_TO_EXTRAPOLATE, real, fake)
        found = frechet_distance_inf(GaussianStatistics.from_features(real), fake, seed=seed)
        details = {"r_squared": found.r_squared, "slope": found.slope, "sizes": [int(size) for size in found.sizes]}
        scores.append(Score(f"{name}-inf", found.value, None, len(real), len(fake), details=details))
    if len(real) >= 4:
        scores.append(_frechet(name, *_halves(real, seed), seed, baseline=True))
    return scores


def _kernel(name: str, real: Samples, fake: Samples, *, published: bool, seed: int, baseline: bool = False) -> Score:
    n_real, n_fake = len(real), len(fake)
    if published:
        old = published_kernel_distance(real, fake)
        details = {"estimator": "published: keeps the diagonal, biased", "bias": old.bias}
        return Score(f"{name}-published", old.value, None, n_real, n_fake, baseline, details)
    found = kernel_distance(real, fake, inverse_multiquadric_kernel, seed=seed)
    subsets = {"size": found.subset_size, "mean": found.subset_mean, "std": found.subset_std}
    details = {"estimator": "unbiased; may be a little below 0", "subsets": subsets}
    return Score(name, found.value, found.standard_error, n_real, n_fake, baseline, details)


def _frechet(name: str, real: Samples, fake: Samples, seed: int, *, baseline: bool = False) -> Score:
    of_real, of_fake = GaussianStatistics.from_features(real), GaussianStatistics.from_features(fake)
    errors = [
        frechet_standard_error(of_real, fake, seed=seed),
        frechet_standard_error(of_fake, real, seed=seed),
    ]
    known = [error for error in errors if error is not None]
    error = math.hypot(*known) if len(known) == 2 else None
    details = {
        "dimensions": real.shape[1],
        "fewer_samples_than_dimensions": of_real.rank_deficient or of_fake.rank_deficient,
        "bias": "too large by about a constant / n; compare at equal n",
    }
    return Score(name, frechet_distance(of_real, of_fake), error, len(real), len(fake), baseline, details)


def _halves(samples: Samples, seed: int) -> tuple[Samples, Samples]:
    """Two random halves, which depend on what the samples are and not on their order."""
    shuffled = np.random.default_rng(seed).permutation(in_canonical_order(samples))
    return shuffled[: len(shuffled) // 2], shuffled[len(shuffled) // 2 :]


def _require_notes(name: str, least: int, *sides: Samples) -> None:
    fewest = min(len(side) for side in sides)
    if fewest < least:
        raise DataError(f"{name}: needs {least} or more on either side, not {fewest}; give more notes")
