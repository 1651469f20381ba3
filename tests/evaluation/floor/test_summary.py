"""What many notes say together."""

import pytest

from evaluation.floor.round_trip import NoteFloor
from evaluation.floor.summary import summarise


def note(family, snr, cents=None, *, pitched=True):
    return NoteFloor(f"{family}{snr}", family, snr, 100 - snr, -snr, pitched, cents)


def test_summary_has_the_median_and_the_worst_tenth_on_the_bad_side():
    notes = [note("bass", float(snr)) for snr in range(11)]
    summary = summarise(notes)
    assert summary["notes"] == 11
    assert summary["snr_db"] == {"median": 5, "worst_tenth": 1}
    assert summary["log_spectral_distance_db"] == {"median": 95, "worst_tenth": 99}
    assert summary["spectral_convergence_db"] == {"median": -5, "worst_tenth": -1}


def test_pitches_are_summarised_where_there_are_any():
    notes = [note("bass", 1.0, 4.0), note("bass", 2.0, 8.0), note("bass", 3.0), note("bass", 4.0, pitched=False)]
    pitch = summarise(notes)["pitch_error_cents"]
    assert pitch == {"median": 6, "worst_tenth": pytest.approx(7.6), "notes": 2, "pitch_lost": 1}
    none = summarise(notes[3:])["pitch_error_cents"]
    assert none == {"median": None, "worst_tenth": None, "notes": 0, "pitch_lost": 0}
