"""The scores that `eval.py` computes, with their uncertainty and baselines."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from evaluation.embeddings.features import Embedding
from evaluation.embeddings.note_classifier import PITCHES
from evaluation.embeddings.second_pitch import SwiftF0Embedding
from evaluation.embeddings.sounding_pitch import PyinEmbedding
from evaluation.metrics.kernel_distance import inverse_multiquadric_kernel, polynomial_kernel
from evaluation.scoring.kernel_audio_score import score_kernel_audio
from evaluation.scoring.pitch_scores import (
    ACCURACY,
    ENTROPY,
    IN_TUNE,
    TRACKED,
    score_accuracy,
    score_entropy,
    score_in_tune,
)
from evaluation.scoring.score_embeddings import (
    EmbeddingOptions,
    classifier,
    embedding_named,
    pitch_trackers,
    sound_meter,
)
from evaluation.scoring.score_map import (
    Estimators,
    PlannedScore,
    plan_classifier,
    plan_frechet,
    plan_of_both,
    plan_of_fake,
    samples,
)
from evaluation.scoring.scores import Score, score_bins, score_coverage, score_frechet, score_inception, score_kernel
from evaluation.scoring.second_opinion import plan_second_opinion
from evaluation.scoring.side import Side
from evaluation.scoring.sound_scores import NOTE_SOUND, plan_note_sound
from utils.arrays import FloatArray

VGGISH_LEVELS = "floats in [-1, 1]; google-research's code hears int16, so that its level floor of 0.1 never acts"


def plan_score(
    name: str, embedding: str, options: EmbeddingOptions, *, published: bool, infinite: bool, seed: int
) -> list[PlannedScore[Side]]:
    """pis, iis, pkid or ikid of a classifier, in-tune, note-sound, or fad of the `embedding` that is asked for.

    Raises: UserError.
    """
    if name == IN_TUNE:
        return _plan_in_tune(pitch_trackers())
    if name == NOTE_SOUND:
        return [plan_note_sound(sound_meter())]
    estimators = _estimators(published=published, infinite=infinite, seed=seed)
    if name == "fad":
        return [plan_frechet(embedding_named(embedding, options), estimators)]
    array = None if options.inception_model is None else "logits"
    planned = plan_classifier(classifier(options), estimators, array)
    return [each for each in planned if each.name == name]


def plan_all(
    embeddings: Sequence[Embedding], *, infinite: bool, seed: int, published: bool = False
) -> list[PlannedScore[Side]]:
    """Every score of the note classifier, the first of the `embeddings`; Frechet distances of the others; in-tune; the
    sound of single notes.

    In-tune is of generated notes alone: it would take minutes for the thousands of notes on the real side.

    An Inception among them takes the classifier's place for pis, iis, pkid and ikid, as in `plan_score`.
    """
    network = embeddings[0]
    trackers = [each for each in embeddings if each.name in (PyinEmbedding.name, SwiftF0Embedding.name)]
    meters = [each for each in embeddings if each.name == NOTE_SOUND]
    inception = next((each for each in embeddings if each.name.startswith("inception")), None)
    estimators = _estimators(published=published, infinite=infinite, seed=seed)
    kid = partial(score_kernel, kernel=polynomial_kernel, published=False, seed=seed)
    coverage, bins = partial(score_coverage, seed=seed), partial(score_bins, seed=seed)
    return [
        *(plan_classifier(inception, estimators, "logits") if inception else plan_classifier(network, estimators)),
        plan_of_both(f"kid-{network.name}", network, "features", kid),
        plan_of_both(f"kad-{network.name}", network, "features", partial(score_kernel_audio, seed=seed)),
        *(plan_frechet(each, estimators) for each in embeddings if each not in [*trackers, *meters]),
        plan_of_both("precision, recall, density, coverage", network, "features", coverage),
        plan_of_both("ndb", network, "features", bins),
        _plan_labelled(ACCURACY, network, "pitch_logits", score_accuracy, PITCHES),
        plan_of_fake(ENTROPY, network, "pitch_logits", score_entropy),
        *(replace(each, hears_real=False) for each in _plan_in_tune(trackers)),
        *(plan_note_sound(each) for each in meters),
    ]


def _estimators(*, published: bool, infinite: bool, seed: int) -> Estimators:
    return Estimators(
        inception=partial(score_inception, published=published, seed=seed),
        kernel=partial(score_kernel, kernel=inverse_multiquadric_kernel, published=published, seed=seed),
        frechet=partial(_frechet, infinite=infinite, seed=seed),
    )


def _frechet(name: str, real: FloatArray, fake: FloatArray, *, infinite: bool, seed: int) -> list[Score]:
    scores = score_frechet(name, real, fake, infinite=infinite, seed=seed)
    if not name.startswith("fad-"):
        return scores
    return [replace(score, settings={**score.settings, "levels": VGGISH_LEVELS}) for score in scores]


def _plan_labelled(
    name: str, network: Embedding, array: str, score: Callable[..., Score], known: range
) -> PlannedScore[Side]:
    """A score of notes asked for one of the `known` pitches; the baseline is that of the real notes which have one."""

    def compute(real: Side | None, fake: Side) -> list[Score]:
        scores = [score(samples(fake, network, array), fake.labels, baseline=False)]
        if real and np.isin(real.labels.pitches, known).any():
            scores.append(score(samples(real, network, array), real.labels, baseline=True))
        return scores

    return PlannedScore(name, network, False, compute)


def _plan_in_tune(trackers: Sequence[Embedding]) -> list[PlannedScore[Side]]:
    """By the first of the trackers; where there is a second, that by both comes first."""
    by_both = [plan_second_opinion(trackers[0], second) for second in trackers[1:]]
    alone = [_plan_labelled(IN_TUNE, first, "f0", score_in_tune, TRACKED) for first in trackers[:1]]
    return [*by_both, *alone]
