"""Which scores are to be computed, and of what: each is a function of what one embedding makes of both sides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from evaluation.embeddings.features import Embedding
from evaluation.metrics.kernel_distance import inverse_multiquadric_kernel, polynomial_kernel
from evaluation.scoring.pitch_scores import ACCURACY, ENTROPY, score_accuracy, score_entropy
from evaluation.scoring.score_embeddings import EmbeddingOptions, classifier, embedding_named
from evaluation.scoring.scores import (
    Score,
    score_bins,
    score_coverage,
    score_frechet,
    score_inception,
    score_kernel,
)
from evaluation.scoring.side import Side
from utils.arrays import FloatArray

VGGISH_LEVELS = "floats in [-1, 1]; google-research's code hears int16, so that its level floor of 0.1 never acts"

_LOGITS = {"pis": "pitch_logits", "iis": "family_logits", "pkid": "pitch_logits", "ikid": "family_logits"}


@dataclass(frozen=True)
class PlannedScore:
    """A score, or several computed together; one that does not need the real side has it as baseline."""

    name: str
    embedding: Embedding
    needs_real: bool
    compute: Callable[[Side | None, Side], list[Score]]


def plan_score(
    name: str, embedding: str, options: EmbeddingOptions, *, published: bool, infinite: bool, seed: int
) -> PlannedScore:
    """pis, iis, pkid or ikid of a classifier, or fad of the `embedding` that is asked for. Raises: UserError."""
    if name == "fad":
        return _frechet(embedding_named(embedding, options), infinite, seed)
    network = classifier(options)
    return _of_logits(name, network, published, seed)


def plan_all(
    embeddings: Sequence[Embedding], *, infinite: bool, seed: int, published: bool = False
) -> list[PlannedScore]:
    """Every score of the note classifier, which is the first of the `embeddings`, and Frechet distances of them all.

    An Inception among them takes the classifier's place for pis, iis, pkid and ikid, as in `plan_score`.
    """
    network = embeddings[0]
    judge = next((each for each in embeddings if _is_inception(each)), network)
    planned = [_of_logits(name, judge, published, seed) for name in _LOGITS]
    name = f"kid-{network.name}"
    kid = partial(score_kernel, name, kernel=polynomial_kernel, published=False, seed=seed)
    planned.append(PlannedScore(name, network, True, _of_both(network, "features", kid)))
    planned += [_frechet(each, infinite, seed) for each in embeddings]
    for name, score in (("precision, recall, density, coverage", score_coverage), ("ndb", score_bins)):
        planned.append(PlannedScore(name, network, True, _of_both(network, "features", partial(score, seed=seed))))
    return [*planned, *_of_pitch(network)]


def _is_inception(network: Embedding) -> bool:
    return network.name.startswith("inception")


def _of_logits(name: str, network: Embedding, published: bool, seed: int) -> PlannedScore:
    array = "logits" if _is_inception(network) else _LOGITS[name]
    if name in ("pkid", "ikid"):
        kernel = partial(score_kernel, name, kernel=inverse_multiquadric_kernel, published=published, seed=seed)
        return PlannedScore(name, network, True, _of_both(network, array, kernel))

    def compute(real: Side | None, fake: Side) -> list[Score]:
        baseline = _samples(real, network, array) if real else None
        return score_inception(name, _samples(fake, network, array), baseline, published=published, seed=seed)

    return PlannedScore(name, network, False, compute)


def _frechet(network: Embedding, infinite: bool, seed: int) -> PlannedScore:
    """VGGish's is the one that is called FAD; every other bears the name of its embedding."""
    if not network.name.startswith("vggish"):
        name = f"frechet-{network.name}"
        found = partial(score_frechet, name, infinite=infinite, seed=seed)
        return PlannedScore(name, network, True, _of_both(network, "features", found))
    name = f"fad-{network.name}"

    def of_windows(real: FloatArray, fake: FloatArray) -> list[Score]:
        scores = score_frechet(name, real, fake, infinite=infinite, seed=seed)
        return [replace(score, settings={**score.settings, "levels": VGGISH_LEVELS}) for score in scores]

    return PlannedScore(name, network, True, _of_both(network, "windows", of_windows))


def _of_pitch(network: Embedding) -> list[PlannedScore]:
    def accuracy(real: Side | None, fake: Side) -> list[Score]:
        baseline = _samples(real, network, "pitch_logits") if real else None
        labels = real.labels if real else None
        return score_accuracy(_samples(fake, network, "pitch_logits"), fake.labels, baseline, labels)

    def entropy(real: Side | None, fake: Side) -> list[Score]:
        baseline = _samples(real, network, "pitch_logits") if real else None
        return score_entropy(_samples(fake, network, "pitch_logits"), baseline)

    return [PlannedScore(ACCURACY, network, False, accuracy), PlannedScore(ENTROPY, network, False, entropy)]


def _of_both(
    network: Embedding, array: str, score: Callable[[FloatArray, FloatArray], list[Score]]
) -> Callable[[Side | None, Side], list[Score]]:
    def compute(real: Side | None, fake: Side) -> list[Score]:
        if real is None:
            raise ValueError("a distance needs real notes")
        return score(_samples(real, network, array), _samples(fake, network, array))

    return compute


def _samples(side: Side, network: Embedding, array: str) -> FloatArray:
    """(n, d) of the notes, or their windows (n, windows, d)."""
    return side.arrays[network.name][array].astype(np.float64)
