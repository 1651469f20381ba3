"""Many notes in a few numbers: medians and worst tenths, over all notes and by family."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.floor.round_trip import NoteFloor

WORSE_WHEN_HIGH = {
    "snr_db": False,
    "log_spectral_distance_db": True,
    "spectral_convergence_db": True,
    "pitch_error_cents": True,
}
"""The measures of a note, and whether higher is worse."""


def summarise(notes: Sequence[NoteFloor]) -> dict[str, Any]:
    """Median of each measure, and the value at which the worst tenth of the notes begins, as JSON values.

    The pitch error is that of notes that have a pitch before and after; notes that lost theirs are counted.
    """
    summary: dict[str, Any] = {"notes": len(notes)}
    for measure, high_is_worse in WORSE_WHEN_HIGH.items():
        values = [value for note in notes if (value := getattr(note, measure)) is not None]
        middle, worst = np.quantile(values, (0.5, 0.9 if high_is_worse else 0.1)).tolist() if values else (None, None)
        summary[measure] = {"median": middle, "worst_tenth": worst}
    compared = sum(note.pitch_error_cents is not None for note in notes)
    lost = sum(note.pitched for note in notes) - compared
    summary["pitch_error_cents"] |= {"notes": compared, "pitch_lost": lost}
    return summary


def by_family(notes: Sequence[NoteFloor]) -> dict[str, list[NoteFloor]]:
    """The notes of each family, families by name."""
    return {family: [note for note in notes if note.family == family] for family in sorted({n.family for n in notes})}
