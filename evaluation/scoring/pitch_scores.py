"""Pitch accuracy and pitch entropy from a classifier's logits and the pitch that each note should have."""

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from evaluation.embeddings.note_classifier import PITCHES
from evaluation.metrics.pitch_accuracy import pitch_accuracy, pitch_entropy
from evaluation.metrics.uncertainty import Estimate
from evaluation.scoring.note_labels import NO_PITCH, NoteLabels
from evaluation.scoring.scores import Score
from utils.arrays import FloatArray
from utils.errors import DataError

ACCURACY, ENTROPY = "pitch-accuracy", "pitch-entropy"

_SETTINGS = {"pitches": f"{PITCHES[0]} to {PITCHES[-1]}", "standard_error": "of a mean over notes"}


def score_accuracy(
    real: FloatArray | None, real_labels: NoteLabels | None, fake: FloatArray, fake_labels: NoteLabels
) -> list[Score]:
    """Share of notes whose likeliest pitch is the one asked for: logits (n, 61) of MIDI pitches 24 to 84.

    Notes without an asked pitch, or asked for another, are left out, with a remark. The real notes, whose labels
    have their pitch, are the baseline. Raises: DataError if no generated note is left.
    """
    scores = [_accuracy(fake, fake_labels.pitches, baseline=False)]
    if real is not None and real_labels is not None and np.isin(real_labels.pitches, PITCHES).any():
        scores.append(_accuracy(real, real_labels.pitches, baseline=True))
    return scores


def score_entropy(name: str, real: FloatArray | None, fake: FloatArray) -> list[Score]:
    """Mean entropy in nats of the pitch that the classifier hears, 0 (sure) to ln 61: logits (n, 61)."""
    sides = ((fake, False), *([] if real is None else [(real, True)]))
    return [
        _score(name, pitch_entropy(softmax(logits, axis=1)), len(logits), baseline=baseline)
        for logits, baseline in sides
    ]


def _accuracy(logits: FloatArray, pitches: npt.NDArray[np.int16], *, baseline: bool) -> Score:
    heard = np.isin(pitches, PITCHES)
    unasked = int((pitches == NO_PITCH).sum())
    outside = int((~heard).sum()) - unasked
    reasons = {"without an asked pitch": unasked, f"asked for one outside {_SETTINGS['pitches']}": outside}
    said = ", ".join(f"{count} {reason}" for reason, count in reasons.items() if count)
    if not heard.any():
        raise DataError(
            f"{ACCURACY}: none of {len(heard)} notes can be judged: {said}; give them names such as "
            "pitch060_seed000000.wav"
        )
    found = pitch_accuracy(softmax(logits[heard], axis=1), pitches[heard] - np.int16(PITCHES[0]))
    remarks = (f"notes left out, of {len(heard)}: {said}",) if said else ()
    return _score(ACCURACY, found, int(heard.sum()), baseline=baseline, remarks=remarks)


def _score(name: str, found: Estimate, n: int, *, baseline: bool, remarks: tuple[str, ...] = ()) -> Score:
    n_real, n_fake = (n, None) if baseline else (None, n)
    return Score(name, found.value, found.standard_error, n_real, n_fake, baseline, dict(_SETTINGS), remarks=remarks)
