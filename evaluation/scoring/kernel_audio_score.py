"""The kernel audio distance as a score: with the width of all real notes, in the baseline too."""

from dataclasses import replace

from evaluation.metrics.kernel_audio_distance import SCALE, gaussian_kernel, median_distance
from evaluation.scoring.scores import Score, score_kernel
from utils.arrays import FloatArray
from utils.errors import DataError


def score_kernel_audio(name: str, real: FloatArray, fake: FloatArray, *, seed: int) -> list[Score]:
    """100 MMD^2 of features (n, d) with a Gaussian kernel. Raises: DataError if a side has fewer than 2 notes."""
    if min(len(real), len(fake)) < 2:
        raise DataError(f"{name}: needs 2 or more on either side, not {min(len(real), len(fake))}; give more notes")
    bandwidth = median_distance(real)
    if not bandwidth:
        raise DataError(f"{name}: half of the pairs of real notes are the same; give other notes")
    kernel = gaussian_kernel(bandwidth)
    return [_scaled(each, bandwidth) for each in score_kernel(name, real, fake, kernel, published=False, seed=seed)]


def _scaled(score: Score, bandwidth: float) -> Score:
    error = None if score.standard_error is None else SCALE * score.standard_error
    settings = {
        **score.settings,
        "estimator": "100 times the unbiased U-statistic; may be a little below 0",
        "kernel": "Gaussian, as wide as the median distance between real notes",
    }
    subsets = {key: value * SCALE if key != "size" else value for key, value in score.details["subsets"].items()}
    details = {"bandwidth": bandwidth, "subsets": subsets}
    return replace(score, value=SCALE * score.value, standard_error=error, settings=settings, details=details)
