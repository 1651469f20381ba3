"""Whether notes are in tune by a second judge too: a tracker may follow what another calls no pitch at all."""

from dataclasses import replace

import numpy as np

from evaluation.embeddings.features import Embedding
from evaluation.metrics.pitch_accuracy import TOLERANCE_CENTS, tuning
from evaluation.metrics.uncertainty import mean_estimate
from evaluation.scoring.pitch_scores import IN_TUNE, TRACKED, error_of_mean_by_instrument
from evaluation.scoring.score_map import PlannedScore
from evaluation.scoring.scores import Score
from evaluation.scoring.side import Side
from utils.errors import DataError

BY_BOTH = "in-tune-by-both"


def plan_second_opinion(first: Embedding, second: Embedding) -> PlannedScore[Side]:
    """Share of notes that are in tune by both trackers, the headline, and by the second one alone.

    The features of the first one are taken from the side too, so that in-tune has to be planned beside it.
    """

    def compute(real: Side | None, fake: Side) -> list[Score]:
        scores = _scores(first, second, fake, baseline=False)
        if real and np.isin(real.labels.pitches, TRACKED).any():
            scores += _scores(first, second, real, baseline=True)
        return scores

    return PlannedScore(f"{BY_BOTH}, {IN_TUNE}-{second.name}", second, False, compute)


def _scores(first: Embedding, second: Embedding, side: Side, *, baseline: bool) -> list[Score]:
    """Raises: DataError if no note has an asked pitch, or if the first tracker has not heard the notes."""
    if first.name not in side.arrays:
        raise DataError(f"{BY_BOTH}: {side.source} holds no features of {first.name}; make the file again")
    judged = np.isin(side.labels.pitches, TRACKED)
    n = int(judged.sum())
    if not n:
        raise DataError(
            f"{BY_BOTH}: no note has an asked pitch from {TRACKED[0]} to {TRACKED[-1]}; give them names such as "
            "pitch060_seed000000.wav, but leave this score out for drums and other sounds without pitch"
        )
    asked = side.labels.pitches[judged]
    by_first, by_second = (tuning(side.arrays[each.name]["f0"][judged], asked) for each in (first, second))
    both = by_first.in_tune & by_second.in_tune
    judges = {each.name: dict(each.identity) for each in (first, second)}
    settings = {
        "pitches": f"{TRACKED[0]} to {TRACKED[-1]}",
        "tolerance_cents": TOLERANCE_CENTS,
        "standard_error": "of a mean over notes",
    }
    details = {
        "agree": float((by_first.in_tune == by_second.in_tune).mean()),
        "by_neither": float((~by_first.in_tune & ~by_second.in_tune).mean()),
    }
    error = np.abs(by_second.cents[by_second.voiced > 0])
    alone = {
        "median_error_cents": float(np.median(error)) if len(error) else None,
        "in_tune_but_for_octaves": float(by_second.in_tune_but_for_octaves.mean()),
        "voiced": float(by_second.voiced.mean()),
    }
    found = (
        (BY_BOTH, both, {**settings, "judges": judges}, details),
        (f"{IN_TUNE}-{second.name}", by_second.in_tune, settings, alone),
    )
    n_real, n_fake = (n, None) if baseline else (None, n)
    instruments = side.labels.instruments[judged]
    scores = []
    for name, hits, how, more in found:
        by_instrument = error_of_mean_by_instrument(hits, instruments)
        share = mean_estimate(hits.astype(np.float64))
        plain = Score(name, share.value, share.standard_error, n_real, n_fake, baseline, how, more)
        scores.append(replace(plain, standard_error_by_instrument=by_instrument))
    return scores
