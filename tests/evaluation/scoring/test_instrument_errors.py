"""Baselines of the same pitches and numbers, and errors by instrument, on sides that are made up."""

import numpy as np
import pytest

from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.score_plan import plan_all
from evaluation.scoring.side import Side
from tests.evaluation.stub_networks import StubClassifier


def side(seed, pitches, instruments=None):
    """Notes whose pitch is heard surely; features by instrument."""
    rng = np.random.default_rng(seed)
    pitches = np.array(pitches, dtype=np.int16)
    instruments = np.full(len(pitches), -1) if instruments is None else np.array(instruments)
    centres = rng.normal(size=(100, 5)) * (instruments.max() >= 0)
    logits = np.zeros((len(pitches), 61), dtype=np.float32)
    logits[np.arange(len(pitches)), np.clip(pitches - 24, 0, 60)] = 50
    features = centres[instruments] + rng.normal(size=(len(pitches), 5))
    arrays = {
        "features": features.astype(np.float32),
        "pitch_logits": logits,
        "family_logits": rng.normal(size=(len(pitches), 11)).astype(np.float32),
    }
    labels = NoteLabels(pitches, np.full(len(pitches), "brass"), instruments.astype(np.int32))
    name = StubClassifier.name
    return Side(arrays={name: arrays}, source=f"side {seed}", sha256={name: ""}, labels=labels, origin={})


def scores_of(real, fake, *names):
    """(score, baseline) -> what `eval.py all` computes, of the scores of these `names`."""
    planned = plan_all([StubClassifier(None, None)], infinite=False, seed=0)
    wanted = [each for each in planned if any(name in each.name.split(", ") for name in names)]
    return {(score.name, score.baseline): score for each in wanted for score in each.compute(real, fake)}


PITCHES = np.arange(40, 60)
REAL = side(0, np.tile(PITCHES, 12), np.repeat(np.arange(20), 12))


def test_inception_score_of_real_notes_is_that_of_these_pitches_and_numbers():
    found = scores_of(REAL, side(1, np.repeat([50, 51, 52], 8)), "pis")
    score, baseline = found["pis", False], found["pis", True]
    assert score.details["ceiling"] == pytest.approx(3)
    assert "at most 3 for the pitches of 24 generated notes" in score.remarks
    assert (baseline.value, baseline.n_real) == (pytest.approx(3, rel=1e-6), 24)
    uneven = scores_of(REAL, side(2, [50, 50, 50, 51]), "pis")["pis", False]
    assert uneven.details["ceiling"] == pytest.approx(np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25)))
    assert "ceiling" not in scores_of(REAL, side(3, [50, 50, -1, 51]), "pis")["pis", False].details


@pytest.mark.parametrize("name", ["pis", "pkid", "pitch-entropy"])
def test_pitches_that_the_classifier_does_not_know_are_said(name):
    found = scores_of(REAL, side(1, [20, 50, 51, 60, 90, 91, 55, 56]), name)
    assert any(
        "pitches outside 24 to 84, which it does not know: of 3 generated notes" in remark
        for remark in found[name, False].remarks
    )
    assert not any("outside" in remark for remark in scores_of(REAL, side(1, [55] * 8), name)[name, False].remarks)


def test_octaves_are_ignored_by_a_score_of_their_own():
    fake = side(1, [40, 45, 50, 55])
    heard = fake.arrays[StubClassifier.name]["pitch_logits"]
    heard[1], heard[2] = np.roll(heard[1], 12), np.roll(heard[2], 3)
    found = scores_of(REAL, fake, "pitch-accuracy")
    assert found["pitch-accuracy", False].value == 0.5
    assert found["pitch-accuracy-octave-free", False].value == 0.75


def test_errors_by_instrument_stand_beside_those_by_note():
    names = ("frechet-note-classifier", "kid-note-classifier", "ikid", "coverage", "pis", "pitch-accuracy")
    fake = side(1, np.tile(PITCHES, 4))
    found = scores_of(REAL, fake, *names)
    for name in names[:4]:
        for baseline in (False, True):
            assert found[name, baseline].standard_error_by_instrument > 0
    kid = found["kid-note-classifier", False]
    assert kid.standard_error_by_instrument > 1.3 * kid.standard_error
    assert found["pis", False].standard_error_by_instrument is None  # generated notes have no instruments
    assert found["pitch-accuracy", True].standard_error_by_instrument == 0
    unnamed = scores_of(side(0, np.tile(PITCHES, 12)), fake, *names)
    assert all(score.standard_error_by_instrument is None for score in unnamed.values())
