"""The kernel audio distance as a score: with the width of all real notes, in the baseline too."""

from dataclasses import replace
from functools import partial

from evaluation.embeddings.features import Embedding
from evaluation.metrics.kernel_audio_distance import SCALE, gaussian_kernel, median_distance
from evaluation.scoring.instrument_errors import kernel_values, with_errors_by_instrument
from evaluation.scoring.score_map import PlannedScore, plan_of_both, samples
from evaluation.scoring.scores import Score, score_kernel
from evaluation.scoring.side import Side
from utils.arrays import FloatArray
from utils.errors import DataError


def plan_kernel_audio(network: Embedding, seed: int) -> PlannedScore[Side]:
    """100 MMD^2 of the `features` of notes with a Gaussian kernel.

    Computing it raises DataError if a side has fewer than 2 notes, or real notes are the same. The errors by instrument
    keep the width of all real notes.
    """
    name = f"kad-{network.name}"

    def compute(real: Side | None, fake: Side) -> list[Score]:
        if real is None:
            raise ValueError("a distance needs real notes")
        bandwidth = _bandwidth(name, samples(real, network, "features"), len(fake))
        kernel = gaussian_kernel(bandwidth)
        plain = plan_of_both(
            name, network, "features", partial(score_kernel, kernel=kernel, published=False, seed=seed)
        )
        values = partial(kernel_values, kernel=kernel)
        planned = with_errors_by_instrument(plain, "features", values, paired=True, seed=seed)
        return [_scaled(score, bandwidth) for score in planned.compute(real, fake)]

    return PlannedScore(name, network, True, compute)


def _bandwidth(name: str, real: FloatArray, n_fake: int) -> float:
    fewest = min(len(real), n_fake)
    if fewest < 2:
        raise DataError(f"{name}: needs 2 or more on either side, not {fewest}; give more notes")
    bandwidth = median_distance(real)
    if not bandwidth:
        raise DataError(f"{name}: half of the pairs of real notes are the same; give other notes")
    return bandwidth


def _scaled(score: Score, bandwidth: float) -> Score:
    errors = (score.standard_error, score.standard_error_by_instrument)
    error, by_instrument = (None if each is None else SCALE * each for each in errors)
    settings = {
        **score.settings,
        "estimator": "100 times the unbiased U-statistic; may be a little below 0",
        "kernel": "Gaussian, as wide as the median distance between real notes",
    }
    subsets = {key: value * SCALE if key != "size" else value for key, value in score.details["subsets"].items()}
    scaled = replace(score, value=SCALE * score.value, standard_error=error, standard_error_by_instrument=by_instrument)
    return replace(scaled, settings=settings, details=score.details | {"bandwidth": bandwidth, "subsets": subsets})
