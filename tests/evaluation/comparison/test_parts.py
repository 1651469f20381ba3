"""The parts of a comparison that need no run: pitches in turn, time by the log, and what is marked."""

from types import SimpleNamespace

import numpy as np
import pytest

from evaluation.comparison.costs import TrainingTime, training_time
from evaluation.comparison.real_notes import balanced_pitches, notes_of_pitches, shortest_cycle
from evaluation.comparison.summary import direction_notes, marked_scores, protocol_notes
from evaluation.comparison.terms import EqualTerms
from tests.conftest import PITCHES
from utils.comparison_keys import ReferenceNotes
from utils.config_file import parse_experiment
from utils.errors import DataError


def runs_that_know(*sets):
    return [SimpleNamespace(pitches=None if known is None else frozenset(known)) for known in sets]


def terms_of(folder, *sets, count=12):
    return EqualTerms.of(runs_that_know(*sets), ReferenceNotes(real=folder), count, seed=0)


def test_every_pitch_comes_in_turn_as_long_as_there_are_real_notes_of_it():
    assert balanced_pitches({62: 5, 60: 5}, 5) == [60, 62, 60, 62, 60]
    assert balanced_pitches({60: 1, 62: 2, 64: 9}, 100) == [60, 64, 62, 64, 62, *[64] * 7]
    found = balanced_pitches(dict.fromkeys(range(40, 64), 1000), 1000)
    assert len(found) == 1000
    assert set(np.unique(found, return_counts=True)[1]) == {41, 42}
    assert shortest_cycle(found) == found[:24]


def test_fewer_notes_than_pitches_are_spread_over_all_of_them():
    for n_pitches in (25, 48):
        found = sorted(balanced_pitches(dict.fromkeys(range(n_pitches), 9), 10))
        assert len(set(found)) == 10
        assert np.diff([-1, *found, n_pitches]).max() <= 2 * n_pitches / 10


def test_what_repeated_gives_the_pitches():
    for pitches in ([60, 62, 60], [60, 62, 62], [62], [60, 62, 64, 62, 64]):
        cycle = shortest_cycle(pitches)
        assert [cycle[place % len(cycle)] for place in range(len(pitches))] == pitches
    assert shortest_cycle([60, 62, 60]) == [60, 62]
    assert shortest_cycle([60, 62, 62]) == [60, 62, 62]


def test_only_pitches_that_all_runs_know_are_asked_for(tiny_nsynth):
    assert notes_of_pitches(tiny_nsynth) == dict.fromkeys(PITCHES, 6)
    terms = terms_of(tiny_nsynth, {50, 60, 62, 64}, {60, 64, 67})
    assert terms.protocol["notes_per_pitch"] == {"60": 6, "64": 6}
    assert (terms.generation().count, terms.generation().pitches) == (12, [60, 64])
    assert sorted(record.attributes["pitch"] for record in terms.real.records) == [60] * 6 + [64] * 6
    with pytest.raises(DataError, match="holds no note of a pitch that all runs know"):
        terms_of(tiny_nsynth, {60}, {62})


def test_without_a_pitch_any_real_notes_stand_beside(tiny_nsynth):
    terms = terms_of(tiny_nsynth, {60, 62}, None)
    assert (terms.generation().count, terms.generation().pitches) == (12, None)
    assert len(terms.real.records) == terms.count == 12
    assert terms_of(tiny_nsynth, None, count=100).count == 24


def test_the_choice_depends_on_the_seed_and_is_known_by_its_content(tiny_nsynth):
    reference = ReferenceNotes(real=tiny_nsynth)
    one, same, other = (EqualTerms.of(runs_that_know(PITCHES), reference, 12, seed=seed) for seed in (0, 0, 1))
    assert one.protocol == same.protocol
    assert one.real.sha256 != other.real.sha256


def test_training_time_by_the_pace_of_each_scale(experiment_dict):
    """Steps x batch / pace, warm-up left out: 2 x 4 / 8 + 2 x 4 / 4 + 2 x 2 / 2 + 2 x 2 / 1 = 1 + 2 + 2 + 4 s."""
    model = parse_experiment(experiment_dict, "tiny").model
    rows = [
        {"step": 2 * scale + iteration, "scale": scale, "iteration": iteration, "notes_per_second": pace}
        for scale, last in enumerate((8.0, 4.0, 2.0, 1.0))
        for iteration, pace in enumerate((0.1, last))
    ]
    assert training_time(rows, model) == TrainingTime(total=pytest.approx(9.0), step=pytest.approx(2.0))
    one_each = [row for row in rows if row["iteration"] == 0]
    assert training_time(one_each, model).total == pytest.approx(2 * (40 + 40 + 20 + 20))
    assert training_time(rows[:-2], model) is None
    assert training_time([], model) is None


def test_marked_are_the_scores_of_networks_that_hear_log_magnitudes():
    heard_by = {"pis": "note-classifier", "frechet-musicnn": "musicnn", "in-tune": "pyin", "roughness": "note-sound"}
    assert marked_scores(heard_by) == ["pis", "frechet-musicnn"]


def test_directions_are_said():
    assert direction_notes(["loudness", "pkid", "pis", "ikid"]) == [
        "Higher is better: pis. Lower is better: pkid, ikid. Neither is better by itself: loudness."
    ]


def test_networks_within_a_tenth_are_alike():
    def note(*sizes):
        runs = [SimpleNamespace(parameters=size, notes_seen=100, seed=seed) for seed, size in enumerate(sizes)]
        return protocol_notes(runs, {"count": 9, "notes_per_pitch": {}}, 9, "real")[1]

    assert "1,000 to 1,100 parameters of both networks together; seeds 0, 1" in note(1000, 1100)
    assert "which are not alike: the largest has 1.11 times" in note(1000, 1110)
