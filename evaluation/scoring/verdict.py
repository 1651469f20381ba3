"""A score in one line: better than, within, or worse than what real notes reach by chance."""

import math
from collections.abc import Sequence

from evaluation.scoring.scores import Score

QUANTILE = 1.96  # of the normal distribution: 95 % lie within

_HIGHER_IS_BETTER = (
    *("pis", "iis", "precision", "recall", "density", "coverage", "pitch-accuracy", "in-tune"),
    "harmonic-to-noise",
)
_LOWER_IS_BETTER = (
    *("pkid", "ikid", "kid", "kad", "frechet", "fad", "ndb", "pitch-entropy"),
    *("roughness", "wobble", "timbre"),
)


def verdicts(scores: Sequence[Score]) -> dict[str, str]:
    """Name -> verdict of each score of generated notes that has an interval of real notes to lie in.

    The interval is that of the difference to the baseline: 1.96 standard errors of both, by instrument where these are
    known. That of a number of bins is what chance gives by simulation. Where it is not known which is better, a score
    is above or below.
    """
    baselines = {score.name: score for score in scores if score.baseline}
    found = {}
    for score in scores:
        interval = None if score.baseline else _interval(score, baselines.get(score.name))
        if interval is not None:
            found[score.name] = _in_words(score, *interval)
    return found


def higher_is_better(name: str) -> bool | None:
    """Whether a higher value of the score `name` is the better one; None where nobody can say."""

    def is_one_of(stems: Sequence[str]) -> bool:
        return any(name == stem or name.startswith(f"{stem}-") for stem in stems)

    return True if is_one_of(_HIGHER_IS_BETTER) else False if is_one_of(_LOWER_IS_BETTER) else None


def better_in_words(name: str) -> str:
    """Which way the score `name` is better; empty where nobody can say."""
    return {True: "higher is better", False: "lower is better", None: ""}[higher_is_better(name)]


def _interval(score: Score, baseline: Score | None) -> tuple[float, float] | None:
    """Middle and half width."""
    if "by_chance_std" in score.details:
        return score.details["by_chance"], QUANTILE * score.details["by_chance_std"]
    errors = [_error(each) for each in (score, baseline) if each is not None]
    known = [error for error in errors if error is not None]
    if baseline is None or len(known) < 2:
        return None
    return baseline.value, QUANTILE * math.hypot(*known)


def _error(score: Score) -> float | None:
    errors = (score.standard_error, score.standard_error_by_instrument)
    return max((error for error in errors if error is not None), default=None)


def _in_words(score: Score, middle: float, width: float) -> str:
    said = f"{score.value:.4g} against {middle:.4g} +- {width:.2g} of real notes"
    if abs(score.value - middle) <= width:
        return f"within the baseline's interval: {said}"
    above = score.value > middle
    better = higher_is_better(score.name)
    if better is None:
        return f"{'above' if above else 'below'} the baseline's interval: {said}"
    return f"{'better' if above == better else 'worse'} than the baseline's interval: {said}"
