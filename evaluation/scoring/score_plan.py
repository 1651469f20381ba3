"""The scores that `eval.py` computes, with their uncertainty and baselines."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.special import softmax

from evaluation.embeddings.features import Embedding
from evaluation.embeddings.musicnn import MusicnnEmbedding
from evaluation.embeddings.note_classifier import PITCHES
from evaluation.embeddings.second_pitch import SwiftF0Embedding
from evaluation.embeddings.sounding_pitch import PyinEmbedding
from evaluation.metrics.coverage import shares
from evaluation.metrics.frechet_distance import GaussianStatistics, frechet_distance
from evaluation.metrics.inception_score import inception_score
from evaluation.metrics.kernel_distance import inverse_multiquadric_kernel, polynomial_kernel
from evaluation.metrics.pitch_accuracy import pitch_entropy
from evaluation.scoring.instrument_errors import (
    ceiling_of_pitches,
    kernel_values,
    matched,
    one_by_one,
    with_errors_by_instrument,
)
from evaluation.scoring.kernel_audio_score import plan_kernel_audio
from evaluation.scoring.note_labels import NO_PITCH
from evaluation.scoring.pitch_scores import (
    ACCURACY,
    ENTROPY,
    IN_TUNE,
    OCTAVE_FREE,
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
    LOGITS,
    Estimators,
    PlannedScore,
    plan_classifier,
    plan_frechet,
    plan_of_both,
    plan_of_fake,
    samples,
)
from evaluation.scoring.scores import (
    N_NEIGHBOURS,
    Score,
    score_bins,
    score_coverage,
    score_frechet,
    score_inception,
    score_kernel,
)
from evaluation.scoring.second_opinion import BY_BOTH, plan_second_opinion
from evaluation.scoring.side import Side
from evaluation.scoring.sound_scores import NOTE_SOUND, plan_note_sound
from utils.arrays import Float64Array, FloatArray, Int64Array
from utils.errors import UserError
from utils.spelling import counted

_NEIGHBOURS = "precision, recall, density, coverage"
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
        return [_with_frechet_errors(plan_frechet(embedding_named(embedding, options), estimators), seed)]
    array = None if options.inception_model is None else "logits"
    return [each for each in _of_classifier(classifier(options), estimators, array, seed) if each.name == name]


def plan_all(
    embeddings: Sequence[Embedding], *, infinite: bool, seed: int, published: bool = False
) -> list[PlannedScore[Side]]:
    """Every score of the note classifier, the first of the `embeddings`; Frechet distances of the others, and the
    kernel audio distance of musicnn; in-tune; the sound of single notes.

    In-tune hears as many real notes as generated ones: it would take minutes for thousands.

    An Inception among them takes the classifier's place for pis, iis, pkid and ikid, as in `plan_score`.
    """
    network = embeddings[0]
    trackers = [each for each in embeddings if each.name in (PyinEmbedding.name, SwiftF0Embedding.name)]
    meters = [each for each in embeddings if each.name == NOTE_SOUND]
    others = [each for each in embeddings if each not in [*trackers, *meters]]
    untaught = [each for each in embeddings if each.name == MusicnnEmbedding.name]
    inception = next((each for each in embeddings if each.name.startswith("inception")), None)
    estimators = _estimators(published=published, infinite=infinite, seed=seed)
    kid = partial(score_kernel, kernel=polynomial_kernel, published=False, seed=seed)
    kernel = partial(kernel_values, kernel=polynomial_kernel)
    by_instrument = partial(with_errors_by_instrument, paired=True, seed=seed)
    coverage, bins = partial(score_coverage, seed=seed), partial(score_bins, seed=seed)
    return [
        *_of_classifier(inception or network, estimators, "logits" if inception else None, seed),
        by_instrument(plan_of_both(f"kid-{network.name}", network, "features", kid), "features", kernel),
        *(_with_frechet_errors(plan_frechet(each, estimators), seed) for each in others),
        *(plan_kernel_audio(each, seed) for each in (network, *untaught)),
        by_instrument(plan_of_both(_NEIGHBOURS, network, "features", coverage), "features", one_by_one(_shares)),
        plan_of_both("ndb", network, "features", bins),
        _plan_labelled(f"{ACCURACY}, {OCTAVE_FREE}", network, "pitch_logits", score_accuracy, PITCHES),
        _about_pitches(_with_entropy_errors(plan_of_fake(ENTROPY, network, "pitch_logits", score_entropy), seed)),
        *(replace(each, hears_all_real=False) for each in _plan_in_tune(trackers)),
        *(plan_note_sound(each) for each in meters),
    ]


def chosen_scores(planned: Sequence[PlannedScore[Side]], names: Sequence[str]) -> list[PlannedScore[Side]]:
    """Those of `planned` that compute the scores of these `names`; some compute several, whose names they list.

    The second opinion on pitch needs what the first tracker hears, so that in-tune comes with it.
    Raises: UserError if a name is unknown.
    """
    owners = {name: each for each in planned for name in each.name.split(", ")}
    unknown = [name for name in names if name not in owners]
    if unknown:
        raise UserError(f"{unknown[0]}: no such score; choose from {', '.join(owners)}")
    second = any(owners[name].name.startswith(BY_BOTH) for name in names)
    return list({owners[name].name: owners[name] for name in [*names, *([IN_TUNE] if second else [])]}.values())


def _of_classifier(
    network: Embedding, estimators: Estimators, array: str | None, seed: int
) -> list[PlannedScore[Side]]:
    """PIS, IIS, PKID and IKID: inception scores against as many real notes of the same pitches."""
    found = []
    for each in plan_classifier(network, estimators, array):
        logits = array or LOGITS[each.name]
        values = (
            partial(kernel_values, kernel=inverse_multiquadric_kernel)
            if each.needs_real
            else one_by_one(_inception_value)
        )
        clustered = with_errors_by_instrument(each, logits, values, paired=each.needs_real, seed=seed)
        fair = clustered if each.needs_real else matched(clustered, seed=seed)
        found.append(_about_pitches(fair) if LOGITS[each.name] == "pitch_logits" else fair)
    return found


def _about_pitches(planned: PlannedScore[Side]) -> PlannedScore[Side]:
    """`planned`, a score of heard pitches, with remarks on those that cannot be heard, and on what can be reached."""

    def compute(real: Side | None, fake: Side) -> list[Score]:
        ceiling = ceiling_of_pitches(fake) if planned.name == "pis" else None
        said = (
            []
            if ceiling is None
            else [f"at most {ceiling:.4g} for the pitches of {counted(len(fake), 'generated note')}"]
        )
        if not any((side.labels.pitches != NO_PITCH).any() for side in (fake, real) if side):
            said.append("no note has a pitch by its label; for drums and other sounds without pitch, this says nothing")
        for name, side in (("generated", fake), ("real", real)):
            pitches = side.labels.pitches if side else np.array([], dtype=np.int16)
            outside = int(((pitches != NO_PITCH) & ~np.isin(pitches, PITCHES)).sum())
            if outside:
                notes = counted(outside, f"{name} note")
                said.append(f"pitches outside {PITCHES[0]} to {PITCHES[-1]}, which it does not know: of {notes}")
        extra = {} if ceiling is None else {"ceiling": ceiling}
        return [
            score if score.baseline else replace(score, remarks=(*score.remarks, *said), details=score.details | extra)
            for score in planned.compute(real, fake)
        ]

    return replace(planned, compute=compute)


def _with_frechet_errors(planned: PlannedScore[Side], seed: int) -> PlannedScore[Side]:
    array = "windows" if planned.name.startswith("fad-") else "features"
    return with_errors_by_instrument(planned, array, one_by_one(_frechet_value), paired=True, seed=seed)


def _with_entropy_errors(planned: PlannedScore[Side], seed: int) -> PlannedScore[Side]:
    def values(sides: Sequence[FloatArray]) -> Float64Array:
        return np.array([pitch_entropy(softmax(sides[0], axis=1)).value])

    return with_errors_by_instrument(planned, "pitch_logits", one_by_one(values), paired=False, seed=seed)


def _inception_value(sides: Sequence[FloatArray]) -> Float64Array:
    return np.array([inception_score(sides[0]).value])


def _frechet_value(sides: Sequence[FloatArray]) -> Float64Array:
    flat = (side.reshape(-1, side.shape[-1]) for side in sides)
    return np.array([frechet_distance(*(GaussianStatistics.from_features(each) for each in flat))])


def _shares(sides: Sequence[FloatArray]) -> Float64Array:
    if min(map(len, sides)) <= N_NEIGHBOURS:
        raise ValueError(f"{N_NEIGHBOURS} neighbours need more notes")
    real, fake = (side.astype(np.float64) for side in sides)
    return shares(real, fake, N_NEIGHBOURS)


def _estimators(*, published: bool, infinite: bool, seed: int) -> Estimators:
    return Estimators(
        inception=partial(score_inception, published=published, seed=seed),
        kernel=partial(score_kernel, kernel=inverse_multiquadric_kernel, published=published, seed=seed),
        frechet=partial(_frechet, infinite=infinite, seed=seed),
    )


def _frechet(
    name: str, real: FloatArray, fake: FloatArray, instruments: Int64Array | None, *, infinite: bool, seed: int
) -> list[Score]:
    scores = score_frechet(name, real, fake, instruments, infinite=infinite, seed=seed)
    if not name.startswith("fad-"):
        return scores
    return [replace(score, settings={**score.settings, "levels": VGGISH_LEVELS}) for score in scores]


def _plan_labelled(
    name: str, network: Embedding, array: str, score: Callable[..., list[Score]], known: range
) -> PlannedScore[Side]:
    """A score of notes asked for one of the `known` pitches; the baseline is that of the real notes which have one."""

    def compute(real: Side | None, fake: Side) -> list[Score]:
        scores = score(samples(fake, network, array), fake.labels, baseline=False)
        if real and np.isin(real.labels.pitches, known).any():
            scores += score(samples(real, network, array), real.labels, baseline=True)
        return scores

    return PlannedScore(name, network, False, compute)


def _plan_in_tune(trackers: Sequence[Embedding]) -> list[PlannedScore[Side]]:
    """By the first of the trackers; where there is a second, that by both comes first."""
    by_both = [plan_second_opinion(trackers[0], second) for second in trackers[1:]]
    alone = [_plan_labelled(IN_TUNE, first, "f0", score_in_tune, TRACKED) for first in trackers[:1]]
    return [*by_both, *alone]
