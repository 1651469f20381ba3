"""Whether notes have the pitch that was asked for: as a classifier hears it, and by their fundamental."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from evaluation.embeddings.note_classifier import PITCHES
from evaluation.metrics.clustered import Kept, clustered_standard_errors
from evaluation.metrics.pitch_accuracy import (
    TOLERANCE_CENTS,
    octave_free_accuracy,
    pitch_accuracy,
    pitch_entropy,
    tuning,
)
from evaluation.metrics.uncertainty import Estimate, mean_estimate
from evaluation.scoring.note_labels import NO_PITCH, NoteLabels
from evaluation.scoring.scores import Score
from utils.arrays import Float64Array, FloatArray
from utils.errors import DataError

ACCURACY, OCTAVE_FREE = "pitch-accuracy", "pitch-accuracy-octave-free"
ENTROPY, IN_TUNE = "pitch-entropy", "in-tune"

TRACKED = range(37, 96)
"""MIDI pitches around which pyin's range has 50 cents on either side."""

_ERROR = "of a mean over notes"


def score_accuracy(logits: FloatArray, labels: NoteLabels, *, baseline: bool) -> list[Score]:
    """Share of notes whose likeliest pitch is the one asked for, and that with octaves ignored.

    `logits` (n, 61) of MIDI pitches 24 to 84. Labels of organs, flutes and trombones are often octaves off, so that
    neither alone says enough. Notes without an asked pitch, or asked for another, are left out, with a remark.
    Raises: DataError if none is left.
    """
    judged, remarks = _judged(ACCURACY, labels, PITCHES)
    probabilities, asked = softmax(logits[judged], axis=1), labels.pitches[judged] - np.int16(PITCHES[0])
    off = probabilities.argmax(axis=1) - asked
    instruments = labels.instruments[judged]
    shares = {ACCURACY: pitch_accuracy(probabilities, asked), OCTAVE_FREE: octave_free_accuracy(probabilities, asked)}
    hits = {ACCURACY: off == 0, OCTAVE_FREE: off % 12 == 0}
    return [
        _score(name, found, hits[name], instruments, PITCHES, baseline=baseline, remarks=remarks)
        for name, found in shares.items()
    ]


def score_entropy(name: str, real: FloatArray | None, fake: FloatArray) -> list[Score]:
    """Mean entropy in nats of the pitch that the classifier hears, 0 (sure) to ln 61: logits (n, 61)."""
    sides = ((fake, False), *([] if real is None else [(real, True)]))
    return [
        _plain(name, pitch_entropy(softmax(logits, axis=1)), len(logits), PITCHES, baseline=baseline)
        for logits, baseline in sides
    ]


def score_in_tune(f0: FloatArray, labels: NoteLabels, *, baseline: bool) -> list[Score]:
    """Share of notes within 50 cents of the pitch that was asked for, 0 to 1: fundamentals (n, frames) in Hz.

    Notes without an asked pitch, or asked for one outside MIDI 37 to 95, are left out, with a remark.
    Raises: DataError if none is left.
    """
    judged, remarks = _judged(IN_TUNE, labels, TRACKED)
    found = tuning(f0[judged], labels.pitches[judged])
    families = labels.families[judged]
    error = np.abs(found.cents[found.voiced > 0])
    details = {
        "median_error_cents": float(np.median(error)) if len(error) else None,
        "in_tune_but_for_octaves": float(found.in_tune_but_for_octaves.mean()),
        "voiced": float(found.voiced.mean()),
        "by_family": {
            str(name): {"notes": int(count), "in_tune": float(found.in_tune[families == name].mean())}
            for name, count in zip(*np.unique(families, return_counts=True), strict=True)
        },
    }
    share = mean_estimate(found.in_tune.astype(np.float64))
    instruments = labels.instruments[judged]
    score = _score(IN_TUNE, share, found.in_tune, instruments, TRACKED, baseline=baseline, remarks=remarks)
    return [replace(score, settings={**score.settings, "tolerance_cents": TOLERANCE_CENTS}, details=details)]


def error_of_mean_by_instrument(
    values: npt.NDArray[np.bool_] | Float64Array, instruments: npt.NDArray[np.int32]
) -> float | None:
    """Standard error of the mean of values (n,) with other `instruments` (n,); None where fewer than 2 are named."""

    def means(choices: Sequence[Kept]) -> Float64Array:
        return np.array([[values[kept[0]].mean()] for kept in choices])

    errors = clustered_standard_errors(means, [instruments.astype(np.int64)])
    return None if errors is None else float(errors[0])


def _judged(score: str, labels: NoteLabels, known: range) -> tuple[npt.NDArray[np.bool_], tuple[str, ...]]:
    """Which notes (n,) have an asked pitch among the `known` ones, and a remark on the others."""
    judged = np.isin(labels.pitches, known)
    silent = int((labels.pitches == NO_PITCH).sum())
    outside = f"asked for one outside {known[0]} to {known[-1]}"
    reasons = {"without an asked pitch": silent, outside: int((~judged).sum()) - silent}
    said = ", ".join(f"{count} {reason}" for reason, count in reasons.items() if count)
    if not judged.any():
        raise DataError(
            f"{score}: no note can be judged (of {len(judged)}: {said}); give them names such as "
            "pitch060_seed000000.wav, but leave this score out for drums and other sounds without pitch"
        )
    return judged, (f"notes left out, of {len(judged)}: {said}",) if said else ()


def _score(
    name: str,
    found: Estimate,
    hits: npt.NDArray[np.bool_],
    instruments: npt.NDArray[np.int32],
    known: range,
    *,
    baseline: bool,
    remarks: tuple[str, ...],
) -> Score:
    """The share `found` of the notes that are `hits` (n,), with its standard error over `instruments` (n,) too."""
    plain = _plain(name, found, len(hits), known, baseline=baseline, remarks=remarks)
    return replace(plain, standard_error_by_instrument=error_of_mean_by_instrument(hits, instruments))


def _plain(name: str, found: Estimate, n: int, known: range, *, baseline: bool, remarks: tuple[str, ...] = ()) -> Score:
    n_real, n_fake = (n, None) if baseline else (None, n)
    settings = {"pitches": f"{known[0]} to {known[-1]}", "standard_error": _ERROR}
    return Score(name, found.value, found.standard_error, n_real, n_fake, baseline, settings, remarks=remarks)
