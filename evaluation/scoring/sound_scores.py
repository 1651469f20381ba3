"""What single notes sound like, as scores: medians over notes, which tell of noise, flutter and onsets."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.embeddings.features import Embedding
from evaluation.metrics.clustered import NO_CLUSTER, Kept, clustered_standard_errors
from evaluation.metrics.median import clustered_standard_error, median
from evaluation.metrics.uncertainty import jackknife_standard_error
from evaluation.note_sound.note_sound import PITCHES, NoteSound, sound_of_features
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.score_map import PlannedScore
from evaluation.scoring.scores import Score
from evaluation.scoring.side import Side
from utils.arrays import Float32Array, Float64Array, Int64Array
from utils.errors import DataError

NOTE_SOUND = "note-sound"

MEDIANS = {
    "harmonic-to-noise": ("harmonic_to_noise_db", "dB"),
    "roughness": ("roughness_db", "dB"),
    "wobble-cents": ("wobble_cents", "cents"),
    "wobble-level": ("wobble_db", "dB"),
    "attack-time": ("attack_seconds", "s"),
    "onset-level": ("onset_level", "of the peak"),
    "loudness": ("loudness_lufs", "LUFS"),
}
"""Score -> the measure of `NoteSound` whose median it is, and its unit."""
SPREAD = "loudness-spread"
SOUND_SCORES = (*MEDIANS, SPREAD)


def plan_note_sound(network: Embedding) -> PlannedScore[Side]:
    """The sound of generated notes; the baseline is that of the real notes between their lowest and highest pitch."""

    def compute(real: Side | None, fake: Side) -> list[Score]:
        scores = score_sound(fake.arrays[network.name], fake.labels, baseline=False)
        if real:
            between = real.of_rows(_rows_between(real.labels.pitches, fake.labels.pitches))
            if between.arrays[network.name]["measured"][:, 0].any():
                scores += score_sound(between.arrays[network.name], between.labels, baseline=True)
        return scores

    return PlannedScore(", ".join(SOUND_SCORES), network, False, compute)


def score_sound(arrays: Mapping[str, Float32Array], labels: NoteLabels, *, baseline: bool) -> list[Score]:
    """The sound of n notes from what `NoteSoundEmbedding` gives, at the pitches of their `labels`.

    Medians over notes with the interval of 95 % in `details`, and the standard deviation of the loudness over notes.
    Notes that are silent between 0.2 and 0.6 s are left out, with a remark. Raises: DataError if none is left.
    """
    pitches, n = labels.pitches, len(labels.pitches)
    sound = sound_of_features(arrays, pitches)
    held = np.isfinite(sound.harmonic_to_noise_db)
    if not held.any():
        raise DataError(
            f"{NOTE_SOUND}: no note of {n} sounds between 0.2 and 0.6 s, where notes are measured; give longer notes"
        )
    unknown = int((~np.isin(pitches, PITCHES))[held].sum())
    left_out = f"notes left out, since they are silent between 0.2 and 0.6 s: {n - int(held.sum())} of {n}"
    at_heard = (
        f"notes measured at the pitch that is heard, since their label has none from {PITCHES[0]} to {PITCHES[-1]}: "
        f"{unknown} of {int(held.sum())}"
    )
    if unknown == held.sum():
        at_heard += "; for drums and other sounds without pitch, harmonic-to-noise, roughness and wobble say nothing"
    said = {left_out: not held.all(), at_heard: unknown > 0}
    remarks = tuple(remark for remark, holds in said.items() if holds)
    asked = pitches[held & np.isin(pitches, PITCHES)]
    settings = {"pitches": f"{asked.min()} to {asked.max()}" if len(asked) else "unknown"}
    instruments = labels.instruments.astype(np.int64)
    scores = [_median(name, sound, instruments, settings, baseline=baseline) for name in MEDIANS]
    loud = np.isfinite(sound.loudness_lufs)
    spread = (
        [_spread(sound.loudness_lufs[loud], instruments[loud], settings, baseline=baseline)] if loud.sum() > 1 else []
    )
    first, *others = [score for score in scores if score is not None]
    return [replace(first, remarks=remarks), *others, *spread]


def _rows_between(pitches: npt.NDArray[np.integer], wanted: npt.NDArray[np.integer]) -> Int64Array:
    """Numbers of the notes whose pitch is one that `wanted` spans; all where one of the sides has no pitches there."""
    known = wanted[wanted >= 0]
    rows = (pitches >= known.min()) & (pitches <= known.max()) if len(known) else np.ones(len(pitches), dtype=bool)
    return np.flatnonzero(rows if rows.any() else np.ones_like(rows))


def _median(
    name: str, sound: NoteSound, instruments: Int64Array, settings: Mapping[str, Any], *, baseline: bool
) -> Score | None:
    """None where no note has this measure: none is loud enough for a loudness."""
    measure, unit = MEDIANS[name]
    values: Float64Array = getattr(sound, measure)
    known = np.isfinite(values)
    values = values[known]
    if not len(values):
        return None
    found, by_instrument = median(values), clustered_standard_error(values, instruments[known])
    how = {"unit": unit, "estimator": "median over notes", "standard_error": "interval of 95 % by ranks, over 3.92"}
    details = {"interval_95": found.interval, "quartiles": np.quantile(values, (0.25, 0.75)).tolist()}
    errors = (found.standard_error, by_instrument)
    return _score(name, found.value, errors, len(values), {**settings, **how}, details, baseline=baseline)


def _spread(loudness: Float64Array, instruments: Int64Array, settings: Mapping[str, Any], *, baseline: bool) -> Score:
    """Standard deviation over notes, in LU."""
    n = len(loudness)

    def deviations(choices: Sequence[Kept]) -> Float64Array:
        return np.array([[loudness[kept[0]].std(ddof=1)] for kept in choices])

    error = by_instrument = None
    if n > 2:
        error = jackknife_standard_error(np.array([np.delete(loudness, row).std(ddof=1) for row in range(n)]))
    if n - np.bincount(instruments[instruments != NO_CLUSTER], minlength=1).max() > 1:  # 2 are left without any
        clustered = clustered_standard_errors(deviations, [instruments])
        by_instrument = None if clustered is None else float(clustered[0])
    how = {"unit": "LU", "estimator": "standard deviation over notes", "standard_error": "jackknife over notes"}
    errors = (error, by_instrument)
    return _score(SPREAD, float(loudness.std(ddof=1)), errors, n, {**settings, **how}, {}, baseline=baseline)


def _score(
    name: str,
    value: float,
    errors: tuple[float | None, float | None],
    n: int,
    settings: dict[str, Any],
    details: dict[str, Any],
    *,
    baseline: bool,
) -> Score:
    """`errors` are those by note and by instrument."""
    n_real, n_fake = (n, None) if baseline else (None, n)
    error, by_instrument = errors
    return Score(
        *(name, value, error, n_real, n_fake, baseline, settings, details), standard_error_by_instrument=by_instrument
    )
