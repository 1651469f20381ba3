"""Stated errors by instrument of what `eval.py all` computes, against the spread over fresh instruments."""

import numpy as np
import pytest

from evaluation.metrics.median import clustered_standard_error, median
from evaluation.metrics.timbre import timbre_ratio
from evaluation.scoring.kernel_audio_score import plan_kernel_audio
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.pitch_scores import error_of_mean_by_instrument
from evaluation.scoring.side import Side
from evaluation.scoring.sound_scores import MEDIANS, score_sound
from evaluation.scoring.timbre_score import _score_of_instruments
from tests.evaluation.stub_networks import StubClassifier

N_INSTRUMENTS, N_EACH = 40, 8
DRAWS, STATED = 60, 8
INSTRUMENTS = np.repeat(np.arange(N_INSTRUMENTS), N_EACH).astype(np.int32)
PITCHES = np.tile(60 + np.arange(N_EACH), N_INSTRUMENTS).astype(np.int16)
LABELS = NoteLabels(PITCHES, np.full(len(PITCHES), "brass"), INSTRUMENTS)
NETWORK = StubClassifier(None, None)


def drawn(seed, d=1, within=0.5):
    """Values (n, d) of notes of fresh instruments."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(N_INSTRUMENTS, d)), N_EACH, axis=0)
    return np.sqrt(1 - within**2) * centres + within * rng.normal(size=(len(centres), d))


def ratio(scores):
    """Mean stated error of the first scores against the spread of all: each a (value, error)."""
    values, errors = np.array(scores).T
    return np.mean(errors[:STATED]) / np.std(values, ddof=1)


def side(features, labels=LABELS, source="real"):
    arrays = {NETWORK.name: {"features": features.astype(np.float32)}}
    return Side(arrays=arrays, source=source, sha256={NETWORK.name: ""}, labels=labels, origin={})


def as_pair(score):
    return score.value, score.standard_error_by_instrument


def test_medians():
    found = []
    for seed in range(DRAWS * 3):
        values = np.exp(drawn(seed)[:, 0])
        found.append((np.median(values), clustered_standard_error(values, INSTRUMENTS)))
    assert 0.8 < ratio(found) < 1.3
    assert found[0][1] > 1.5 * median(np.exp(drawn(0)[:, 0])).standard_error  # that by note misses the instruments


def test_sound_of_notes():
    found = {"roughness": [], "loudness-spread": []}
    for seed in range(DRAWS * 2):
        of_note = np.repeat(drawn(seed), 3, axis=1)
        of_pitch = np.repeat(np.repeat(of_note[:, None, :1], 73, axis=1), 4, axis=2)
        arrays = {"of_pitch": of_pitch, "of_note": of_note, "measured": np.ones((len(of_note), 2))}
        scores = score_sound({key: array.astype(np.float32) for key, array in arrays.items()}, LABELS, baseline=True)
        by_name = {score.name: as_pair(score) for score in scores}
        assert by_name.keys() == {*MEDIANS, "loudness-spread"}
        for name, pairs in found.items():
            pairs.append(by_name[name])
    for pairs in found.values():
        assert 0.8 < ratio(pairs) < 1.3


def test_share_of_notes_in_tune():
    hits = [drawn(seed)[:, 0] > 1 for seed in range(DRAWS * 2)]
    assert 0.8 < ratio([(each.mean(), error_of_mean_by_instrument(each, INSTRUMENTS)) for each in hits]) < 1.3


def test_kernel_audio_distance():
    planned, found = plan_kernel_audio(NETWORK, seed=0), []
    made = NoteLabels(*(getattr(LABELS, key)[:150] for key in ("pitches", "families")), np.full(150, -1, np.int32))
    for seed in range(DRAWS):
        fake = side(0.4 + np.random.default_rng(seed).normal(size=(150, 6)), made, "fake")
        score, baseline = planned.compute(side(drawn(seed, 6)), fake)
        found.append(as_pair(score))
        assert baseline.standard_error_by_instrument > 0
    assert 0.8 < ratio(found) < 1.3


def test_timbre_of_real_instruments():
    found = [timbre_ratio(drawn(seed, 6), INSTRUMENTS, PITCHES) for seed in range(DRAWS)]
    assert 0.8 < ratio(found) < 1.3
    score = _score_of_instruments(side(drawn(0, 6)), NETWORK)
    assert as_pair(score) == pytest.approx(found[0], rel=1e-5)
    assert score.standard_error_by_instrument > score.standard_error > 0


def test_median_without_clusters_or_with_few():
    values = np.arange(60.0)
    assert clustered_standard_error(values, np.full(60, -1)) is None
    assert clustered_standard_error(values, np.full(60, 3)) is None
    assert clustered_standard_error(values, np.repeat([0, 1], 30)) is None  # which cannot bound it
    alone = clustered_standard_error(values, np.r_[np.arange(30), np.full(30, -1)])
    assert alone == pytest.approx(median(values).standard_error, rel=0.15)  # each note is a cluster
    doubled = clustered_standard_error(np.repeat(values, 2), np.repeat(np.arange(60), 2))
    assert doubled == pytest.approx(alone, rel=0.05)
