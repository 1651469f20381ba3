"""What single notes sound like, as scores: medians over notes, which tell of noise, flutter and onsets."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.embeddings.features import Embedding
from evaluation.metrics.median import median
from evaluation.metrics.uncertainty import jackknife_standard_error
from evaluation.note_sound.note_sound import PITCHES, NoteSound, sound_of_features
from evaluation.scoring.score_map import PlannedScore
from evaluation.scoring.scores import Score
from evaluation.scoring.side import Side
from utils.arrays import Float32Array, Float64Array
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
        scores = score_sound(fake.arrays[network.name], fake.labels.pitches, baseline=False)
        if real:
            arrays, pitches = _between(real.arrays[network.name], real.labels.pitches, fake.labels.pitches)
            if arrays["measured"][:, 0].any():
                scores += score_sound(arrays, pitches, baseline=True)
        return scores

    return PlannedScore(", ".join(SOUND_SCORES), network, False, compute)


def score_sound(arrays: Mapping[str, Float32Array], pitches: npt.NDArray[np.integer], *, baseline: bool) -> list[Score]:
    """The sound of n notes from what `NoteSoundEmbedding` gives, with asked MIDI `pitches` (n,), -1 where unknown.

    Medians over notes with the interval of 95 % in `details`, and the standard deviation of the loudness over notes.
    Notes that are silent between 0.2 and 0.6 s are left out, with a remark. Raises: DataError if none is left.
    """
    sound, n = sound_of_features(arrays, pitches), len(pitches)
    held = np.isfinite(sound.harmonic_to_noise_db)
    if not held.any():
        raise DataError(
            f"{NOTE_SOUND}: none of {n} notes sounds between 0.2 and 0.6 s, where it is measured; give longer notes"
        )
    unknown = int((~np.isin(pitches, PITCHES))[held].sum())
    left_out = f"{n - int(held.sum())} of {n} notes left out: silent between 0.2 and 0.6 s"
    at_heard = f"{unknown} of {int(held.sum())} notes have no pitch from {PITCHES[0]} to {PITCHES[-1]} in their label: "
    said = {left_out: not held.all(), f"{at_heard}measured at the pitch that is heard": unknown > 0}
    remarks = tuple(remark for remark, holds in said.items() if holds)
    asked = pitches[held & np.isin(pitches, PITCHES)]
    settings = {"pitches": f"{asked.min()} to {asked.max()}" if len(asked) else "unknown"}
    scores = [_median(name, sound, settings, baseline=baseline) for name in MEDIANS]
    loudness = sound.loudness_lufs[np.isfinite(sound.loudness_lufs)]
    spread = [_spread(loudness, settings, baseline=baseline)] if len(loudness) > 1 else []
    first, *others = [score for score in scores if score is not None]
    return [replace(first, remarks=remarks), *others, *spread]


def _between(
    arrays: Mapping[str, Float32Array], pitches: npt.NDArray[np.integer], wanted: npt.NDArray[np.integer]
) -> tuple[dict[str, Float32Array], npt.NDArray[np.integer]]:
    """The notes whose pitch is one that `wanted` spans; all where one of the sides has no pitches there."""
    known = wanted[wanted >= 0]
    rows = (pitches >= known.min()) & (pitches <= known.max()) if len(known) else np.ones(len(pitches), dtype=bool)
    rows = rows if rows.any() else np.ones_like(rows)
    return {name: array[rows] for name, array in arrays.items()}, pitches[rows]


def _median(name: str, sound: NoteSound, settings: Mapping[str, Any], *, baseline: bool) -> Score | None:
    """None where no note has this measure: none is loud enough for a loudness."""
    measure, unit = MEDIANS[name]
    values: Float64Array = getattr(sound, measure)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    found = median(values)
    how = {"unit": unit, "estimator": "median over notes", "standard_error": "interval of 95 % by ranks, over 3.92"}
    details = {"interval_95": found.interval, "quartiles": np.quantile(values, (0.25, 0.75)).tolist()}
    return _score(name, found.value, found.standard_error, len(values), {**settings, **how}, details, baseline=baseline)


def _spread(loudness: Float64Array, settings: Mapping[str, Any], *, baseline: bool) -> Score:
    """Standard deviation over notes, in LU."""
    n = len(loudness)
    error = None
    if n > 2:
        error = jackknife_standard_error(np.array([np.delete(loudness, row).std(ddof=1) for row in range(n)]))
    how = {"unit": "LU", "estimator": "standard deviation over notes", "standard_error": "jackknife over notes"}
    return _score(SPREAD, float(loudness.std(ddof=1)), error, n, {**settings, **how}, {}, baseline=baseline)


def _score(
    name: str,
    value: float,
    error: float | None,
    n: int,
    settings: dict[str, Any],
    details: dict[str, Any],
    *,
    baseline: bool,
) -> Score:
    n_real, n_fake = (n, None) if baseline else (None, n)
    return Score(name, value, error, n_real, n_fake, baseline, settings, details)
