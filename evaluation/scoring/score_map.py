"""Which score is computed from which array of a network: one map for `eval.py`, for floors and for training scores."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from evaluation.embeddings.features import Embedding
from evaluation.metrics.frechet_distance import GaussianStatistics, frechet_distance
from evaluation.metrics.inception_score import inception_score
from evaluation.metrics.kernel_distance import inverse_multiquadric_kernel, kernel_distance
from evaluation.scoring.scores import Score
from evaluation.scoring.side import HeardNotes
from utils.arrays import FloatArray, Int64Array

OfFake = Callable[[str, FloatArray | None, FloatArray], list[Score]]
"""(name, real or None, fake) -> the scores of `fake`, and those of `real` as baseline."""

OfBoth = Callable[[str, FloatArray, FloatArray, Int64Array | None], list[Score]]
"""(name, real, fake, instruments of the real notes if known) -> the distances between both, and their baselines."""

LOGITS = {"pis": "pitch_logits", "iis": "family_logits", "pkid": "pitch_logits", "ikid": "family_logits"}
_DISTANCES = ("pkid", "ikid")

_SideT = TypeVar("_SideT", bound=HeardNotes, contravariant=True)


@dataclass(frozen=True)
class PlannedScore(Generic[_SideT]):
    """A score, or several computed together; one that does not need the real side has it as baseline."""

    name: str
    embedding: Embedding
    needs_real: bool
    compute: Callable[[_SideT | None, _SideT], list[Score]]
    hears_all_real: bool = True  # False: only as many real notes as generated ones, since hearing takes long


@dataclass(frozen=True, kw_only=True)
class Estimators:
    """How each kind of score is computed from logits or features (n, d), or from windows of notes (n, windows, d)."""

    inception: OfFake
    kernel: OfBoth
    frechet: OfBoth


def plan_classifier(
    network: Embedding, estimators: Estimators, array: str | None = None
) -> list[PlannedScore[HeardNotes]]:
    """PIS, IIS, PKID and IKID of a classifier; `array` holds its logits if it has no head for pitch and family each."""
    return [
        plan_of_both(name, network, array or logits, estimators.kernel)
        if name in _DISTANCES
        else plan_of_fake(name, network, array or logits, estimators.inception)
        for name, logits in LOGITS.items()
    ]


def plan_frechet(network: Embedding, estimators: Estimators) -> PlannedScore[HeardNotes]:
    """The Frechet distance of what `network` hears; only that of VGGish, which hears windows, is called FAD."""
    if network.name.startswith("vggish"):
        return plan_of_both(f"fad-{network.name}", network, "windows", estimators.frechet)
    return plan_of_both(f"frechet-{network.name}", network, "features", estimators.frechet)


def plan_of_fake(name: str, network: Embedding, array: str, estimator: OfFake) -> PlannedScore[HeardNotes]:
    """`estimator` of the `array` of generated notes."""

    def compute(real: HeardNotes | None, fake: HeardNotes) -> list[Score]:
        return estimator(name, samples(real, network, array) if real else None, samples(fake, network, array))

    return PlannedScore(name, network, False, compute)


def plan_of_both(name: str, network: Embedding, array: str, estimator: OfBoth) -> PlannedScore[HeardNotes]:
    """`estimator` of the `array` of real and generated notes."""

    def compute(real: HeardNotes | None, fake: HeardNotes) -> list[Score]:
        if real is None:
            raise ValueError("a distance needs real notes")
        return estimator(name, samples(real, network, array), samples(fake, network, array), real.instruments)

    return PlannedScore(name, network, True, compute)


def samples(side: HeardNotes, network: Embedding, array: str) -> FloatArray:
    """(n, d) of the notes, or their windows (n, windows, d), in float64."""
    return side.arrays[network.name][array].astype(np.float64)


def _inception_value(name: str, real: FloatArray | None, fake: FloatArray) -> list[Score]:
    return [Score(name, inception_score(fake).value, None, None, len(fake))]


def _kernel_value(name: str, real: FloatArray, fake: FloatArray, _: Int64Array | None) -> list[Score]:
    value = kernel_distance(real, fake, inverse_multiquadric_kernel, n_subsets=1).value
    return [Score(name, value, None, len(real), len(fake))]


def _frechet_value(name: str, real: FloatArray, fake: FloatArray, _: Int64Array | None) -> list[Score]:
    real, fake = (side.reshape(-1, side.shape[-1]) for side in (real, fake))
    value = frechet_distance(GaussianStatistics.from_features(real), GaussianStatistics.from_features(fake))
    return [Score(name, value, None, len(real), len(fake))]


VALUES_ALONE = Estimators(inception=_inception_value, kernel=_kernel_value, frechet=_frechet_value)
"""Neither uncertainty nor baselines."""
