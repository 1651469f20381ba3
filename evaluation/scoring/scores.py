"""From the features of notes to scores with their uncertainty, and the same scores of real notes as baseline.

A baseline is the same score of real notes alone. Where two sides are compared, as many real notes as there are
generated ones stand in their place, half of them at most, and the others on the real side; `instruments` (n,) are those
of the real notes, by which they are divided where there are enough (`halves_of`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from evaluation.metrics.coverage import coverage
from evaluation.metrics.different_bins import ByChance, different_bins, different_bins_by_chance
from evaluation.metrics.frechet_distance import (
    GaussianStatistics,
    frechet_distance,
    frechet_distance_inf,
    frechet_standard_error,
)
from evaluation.metrics.inception_score import inception_score, inception_score_of_splits, published_inception_score
from evaluation.metrics.kernel_distance import Kernel, kernel_distance, published_kernel_distance
from evaluation.metrics.samples import in_canonical_order
from evaluation.metrics.uncertainty import half_sample_standard_errors
from evaluation.scoring.real_halves import BY_INSTRUMENT, Halves, halves_of
from utils.arrays import Float64Array, FloatArray, Int64Array
from utils.errors import DataError

N_SPLITS = 10
N_NEIGHBOURS = 5
N_BINS = 50
N_DIVISIONS = 20  # of the real notes, for the bins that differ by chance
LEAST_TO_EXTRAPOLATE = 20
_NOTES_PER_BIN = 10  # an average bin that is empty on one side differs from 4 notes on, small bins need more

_HALVES = "deviation over 40 random halves of both sides"


@dataclass(frozen=True)
class Score:
    """One value: of generated notes, or, as `baseline`, of the real notes alone."""

    name: str
    value: float
    standard_error: float | None
    """With other notes of the same instruments."""
    n_real: int | None  # samples: notes, or windows of notes
    n_fake: int | None
    baseline: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    """What the value depends on; scores are comparable only where these agree."""
    details: dict[str, Any] = field(default_factory=dict)
    """Other results of the same computation."""
    remarks: Sequence[str] = ()
    """What a reader must know to judge the value."""
    standard_error_by_instrument: float | None = None
    """With other instruments; None where metadata name none."""


def score_inception(name: str, real: FloatArray | None, fake: FloatArray, *, published: bool, seed: int) -> list[Score]:
    """Inception score of logits (n, n_classes), 1 to n_classes, over all notes and over 10 shuffled splits."""
    compute = _published_inception if published else partial(_inception, seed=seed)
    scores = [compute(name, fake, baseline=False)]
    return scores if real is None else [*scores, compute(name, real, baseline=True)]


def score_kernel(
    name: str,
    real: FloatArray,
    fake: FloatArray,
    instruments: Int64Array | None = None,
    *,
    kernel: Kernel,
    published: bool,
    seed: int,
) -> list[Score]:
    """MMD^2 between features or logits (n, d) by `kernel`, unbiased; `published` has a kernel of its own.

    Raises: DataError if a side has fewer than 2 notes.
    """
    _require(name, 2, real, fake)
    compute = _published_kernel if published else partial(_kernel, kernel=kernel, seed=seed)
    scores = [compute(name, real, fake, baseline=False)]
    if len(real) >= 4:
        halves = halves_of(real, len(fake), seed, instruments)
        scores.append(_of_halves(compute(name, real[halves.real], real[halves.other], baseline=True), halves))
    return scores


def score_frechet(
    name: str, real: FloatArray, fake: FloatArray, instruments: Int64Array | None = None, *, infinite: bool, seed: int
) -> list[Score]:
    """Frechet distance between samples (n, d); `infinite` adds its extrapolation to infinitely many generated notes.

    Windows of notes (n, windows, d) count as samples each; those of a note stay together in the baseline.
    Raises: DataError if a side has fewer than 2 samples, or too few to extrapolate.
    """
    halves = halves_of(real, len(fake), seed, instruments)
    first, second = (real[rows].reshape(-1, real.shape[-1]) for rows in (halves.real, halves.other))
    real, fake = (side.reshape(-1, side.shape[-1]) for side in (real, fake))
    _require(name, 2, real, fake)
    if infinite:
        _require(f"{name}-inf", LEAST_TO_EXTRAPOLATE, real, fake)
    scores = [_frechet(name, real, fake, seed, baseline=False)]
    if min(len(first), len(second)) >= 2:
        scores.append(_of_halves(_frechet(name, first, second, seed, baseline=True), halves))
    if infinite:
        scores.append(_frechet_inf(f"{name}-inf", real, fake, seed, baseline=False))
        if min(len(first), len(second)) >= LEAST_TO_EXTRAPOLATE:
            scores.append(_of_halves(_frechet_inf(f"{name}-inf", first, second, seed, baseline=True), halves))
    return scores


def score_coverage(
    name: str, real: FloatArray, fake: FloatArray, instruments: Int64Array | None = None, *, seed: int
) -> list[Score]:
    """Precision, recall, density and coverage of features (n, d). Raises: DataError if a side has too few notes."""
    _require(name, N_NEIGHBOURS + 1, real, fake)
    scores = _coverage(real, fake, seed, baseline=False)
    halves = halves_of(real, len(fake), seed, instruments)
    if min(len(halves.real), len(halves.other)) > N_NEIGHBOURS:
        found = _coverage(real[halves.real], real[halves.other], seed, baseline=True)
        scores += [_of_halves(score, halves) for score in found]
    return scores


def score_bins(
    name: str, real: FloatArray, fake: FloatArray, instruments: Int64Array | None = None, *, seed: int
) -> list[Score]:
    """NDB of features (n, d): 0 to 50 bins. Raises: DataError if there are fewer real notes than bins."""
    if len(real) < N_BINS:
        raise DataError(
            f"{name}: needs {N_BINS} real notes or more, one for each bin, not {len(real)}; give more notes"
        )
    halves = halves_of(real, len(fake), seed, instruments)
    enough = len(halves.real) >= N_BINS
    by_instrument = enough and halves.details["split"] == BY_INSTRUMENT
    chance = partial(_bins_of_other_instruments, instruments=instruments) if by_instrument else _bins_by_chance
    scores = [_with_chance(_bins(name, real, fake, seed), *chance(real, fake, seed))]
    if enough:
        found = _bins(name, real[halves.real], real[halves.other], seed)
        scores.append(_of_halves(replace(found, baseline=True), halves))
    return scores


def _inception(name: str, logits: FloatArray, *, seed: int, baseline: bool) -> Score:
    whole = inception_score(logits)
    n, n_classes = logits.shape
    settings = {"estimator": "all notes at once", "n_classes": n_classes, "standard_error": "jackknife over notes"}
    details: dict[str, Any] = {}
    if n >= N_SPLITS:
        details["splits"] = inception_score_of_splits(logits, n_splits=N_SPLITS, seed=seed)._asdict()
    n_real, n_fake = (n, None) if baseline else (None, n)
    return Score(name, whole.value, whole.standard_error, n_real, n_fake, baseline, settings, details)


def _published_inception(name: str, logits: FloatArray, *, baseline: bool) -> Score:
    n, n_classes = logits.shape
    old, unbiased = published_inception_score(logits), inception_score(logits).value
    settings = {"estimator": "published: running mean over batches of 50", "n_classes": n_classes}
    remark = f"the published estimator is biased: too large by {old.mean - unbiased:.6g}, against all notes at once"
    n_real, n_fake = (n, None) if baseline else (None, n)
    details = {"std": old.std, "bias": old.mean - unbiased}
    return Score(f"{name}-published", old.mean, None, n_real, n_fake, baseline, settings, details, (remark,))


def _kernel(name: str, real: FloatArray, fake: FloatArray, *, kernel: Kernel, seed: int, baseline: bool) -> Score:
    found = kernel_distance(real, fake, kernel, seed=seed)
    settings = {
        "estimator": "unbiased U-statistic; may be a little below 0",
        "kernel": kernel.__name__,
        "dimensions": real.shape[1],
        "standard_error": "jackknife over notes of both sides",
    }
    subsets = {"size": found.subset_size, "mean": found.subset_mean, "std": found.subset_std}
    sizes = len(real), len(fake)
    return Score(name, found.value, found.standard_error, *sizes, baseline, settings, {"subsets": subsets})


def _published_kernel(name: str, real: FloatArray, fake: FloatArray, *, baseline: bool) -> Score:
    old = published_kernel_distance(real, fake)
    settings = {"estimator": "published: keeps the diagonal", "dimensions": real.shape[1]}
    remark = f"the published estimator is biased: too large by {old.bias:.6g}"
    sizes = len(real), len(fake)
    return Score(f"{name}-published", old.value, None, *sizes, baseline, settings, {"bias": old.bias}, (remark,))


def _frechet(name: str, real: FloatArray, fake: FloatArray, seed: int, *, baseline: bool) -> Score:
    of_real, of_fake = GaussianStatistics.from_features(real), GaussianStatistics.from_features(fake)
    errors = [frechet_standard_error(of_real, fake, seed=seed), frechet_standard_error(of_fake, real, seed=seed)]
    known = [error for error in errors if error is not None]
    error = math.hypot(*known) if len(known) == 2 else None
    settings = {
        "estimator": "Gaussians; too large by about a constant / n: compare at equal n",
        "dimensions": real.shape[1],
        "standard_error": "jackknife over 40 groups of either side",
    }
    remarks: tuple[str, ...] = ()
    if of_real.rank_deficient or of_fake.rank_deficient:
        remarks = (f"fewer samples than its {real.shape[1]} dimensions: far too large",)
    value = frechet_distance(of_real, of_fake)
    return Score(name, value, error, len(real), len(fake), baseline, settings, remarks=remarks)


def _frechet_inf(name: str, real: FloatArray, fake: FloatArray, seed: int, *, baseline: bool) -> Score:
    real, fake = _in_order(real), _in_order(fake)
    found = frechet_distance_inf(GaussianStatistics.from_features(real), fake, seed=seed)

    def of_halves(kept_real: Int64Array, kept_fake: Int64Array) -> Float64Array:
        half = frechet_distance_inf(GaussianStatistics.from_features(real[kept_real]), fake[kept_fake], seed=seed)
        return np.array([half.value])

    error = None
    if min(len(real), len(fake)) >= 2 * LEAST_TO_EXTRAPOLATE:
        error = float(half_sample_standard_errors(of_halves, len(real), len(fake), seed=seed)[0])
    settings = {
        "estimator": "extrapolated to infinitely many generated notes; the bias of the real side stays",
        "dimensions": real.shape[1],
        "standard_error": _HALVES,
    }
    details = {"r_squared": found.r_squared, "slope": found.slope, "sizes": [int(size) for size in found.sizes]}
    remarks = (f"R^2 {found.r_squared:.4f} of the line fitted over 1 / n",)
    return Score(name, found.value, error, len(real), len(fake), baseline, settings, details, remarks)


def _coverage(real: FloatArray, fake: FloatArray, seed: int, *, baseline: bool) -> list[Score]:
    found = coverage(real, fake, n_neighbours=N_NEIGHBOURS, seed=seed)
    settings = {"n_neighbours": N_NEIGHBOURS, "dimensions": real.shape[1], "standard_error": _HALVES}
    return [
        Score(name, each.value, each.standard_error, len(real), len(fake), baseline, settings)
        for name, each in found._asdict().items()
    ]


def _bins(name: str, real: FloatArray, fake: FloatArray, seed: int) -> Score:
    real, fake = _in_order(real), _in_order(fake)
    found = different_bins(real, fake, n_bins=N_BINS, seed=seed)
    settings = {"n_bins": N_BINS, "significance": 0.05, "dimensions": real.shape[1]}
    details: dict[str, Any] = {"jensen_shannon": found.jensen_shannon}
    remarks = []
    if min(len(real), len(fake)) < _NOTES_PER_BIN * N_BINS:
        remarks.append(f"fewer than {_NOTES_PER_BIN} notes per bin: an empty bin may not count as different")
    # no standard error: a count of tests has other ones with fewer notes, so that subsets do not tell it
    return Score(name, found.different, None, len(real), len(fake), False, settings, details, remarks)


def _with_chance(score: Score, chance: ByChance, how: str) -> Score:
    """`score`, with the number of bins that differ by `chance`, and `how` that was found."""
    details = score.details | {"by_chance": chance.mean, "by_chance_std": chance.std}
    said = f"of {N_BINS} bins, {chance.mean:.3g} +- {chance.std:.2g} differ by chance, {how}"
    return replace(score, details=details, remarks=(said, *score.remarks))


def _bins_by_chance(real: FloatArray, fake: FloatArray, seed: int) -> tuple[ByChance, str]:
    chance = different_bins_by_chance(_in_order(real), _in_order(fake), n_bins=N_BINS, seed=seed)
    return chance, "where these notes are shared out between both sides at random"


def _bins_of_other_instruments(
    real: FloatArray, fake: FloatArray, seed: int, *, instruments: Int64Array | None
) -> tuple[ByChance, str]:
    """Of real notes, divided by instrument again and again."""
    found = []
    for draw in range(N_DIVISIONS):
        halves = halves_of(real, len(fake), seed + draw, instruments)
        sides = _in_order(real[halves.real]), _in_order(real[halves.other])
        found.append(different_bins(*sides, n_bins=N_BINS, seed=seed + draw).different)
    chance = ByChance(float(np.mean(found)), float(np.std(found, ddof=1)))
    return chance, "where real notes are compared with those of other instruments"


def _of_halves(baseline: Score, halves: Halves) -> Score:
    """`baseline`, with how the real notes were divided for it."""
    return replace(baseline, details=baseline.details | halves.details)


def _in_order(samples: FloatArray) -> Float64Array:
    return in_canonical_order(samples.astype(np.float64))


def _require(name: str, least: int, *sides: FloatArray) -> None:
    fewest = min(len(side) for side in sides)
    if fewest < least:
        raise DataError(f"{name}: needs {least} or more on either side, not {fewest}; give more notes")
