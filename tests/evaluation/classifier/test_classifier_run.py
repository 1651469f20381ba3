import numpy as np
import pytest
import torch
from torch import nn

from evaluation.classifier import classifier_run
from evaluation.classifier.classifier_run import ClassifierRun, Pool, Schedule, accuracy
from evaluation.classifier.labelled_notes import drawing_odds, open_labelled_notes
from evaluation.classifier.tasks import PITCH, UNLABELLED
from utils.errors import CheckpointError, DataError, TrainingDiverged


class ToyTask:
    """Tells four pitches apart by the energy of 32 bands; can be moved by one class."""

    name = "toy"
    n_samples = 4096
    transposition = 0
    learning_rate = 0.02
    classes = {PITCH: (60, 62, 64, 67)}  # noqa: RUF012

    def network(self):
        return nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 4))

    def images(self, waves):
        bands = torch.fft.rfft(waves).abs()[:, 60:124].unflatten(1, (32, 2)).sum(2)
        return torch.log(bands + 1e-2)

    def logits(self, network, images):
        return {PITCH: network(images)}


@pytest.fixture(scope="module")
def notes(tiny_nsynth, tmp_path_factory):
    return open_labelled_notes(tiny_nsynth, ToyTask(), tmp_path_factory.mktemp("cache"), skip_broken=False)


def a_run(notes, *, steps=60, held=(0, 5, 13, 20), patience=99, learning_rate=0.02, seed=0):
    rows = np.setdiff1d(np.arange(len(notes.cache)), held)
    schedule = Schedule(
        steps=steps, batch_size=8, learning_rate=learning_rate, validate_every=10, patience=patience
    )  # fmt: skip
    return ClassifierRun(
        ToyTask(),
        [Pool(notes, rows)],
        schedule,
        seed=seed,
        device=torch.device("cpu"),
        precision=torch.float32,
        held_out=(notes, np.array(held)) if held else None,
    )


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_it_learns(notes, tmp_path):
    run = a_run(notes, steps=400)
    assert run.train(tmp_path, {}, lambda: False)
    logits = run.logits(notes, np.arange(24))[PITCH]
    assert accuracy(logits, notes.labels[PITCH]) > 0.9
    assert run.losses[-1][PITCH] < 0.5 * run.losses[0][PITCH]


def test_interrupted_and_resumed_is_the_same(notes, tmp_path):
    whole = a_run(notes)
    whole.train(tmp_path / "whole", {"a": 1}, lambda: False)
    first = a_run(notes)
    assert not first.train(tmp_path / "parts", {"a": 1}, lambda: first.step == 23)
    second = a_run(notes)
    assert second.restore(tmp_path / "parts", {"a": 1})
    assert second.step == 23
    assert second.train(tmp_path / "parts", {"a": 1}, lambda: False)
    assert same(whole.weights(), second.weights())
    assert whole.losses == second.losses
    assert not same(whole.weights(), a_run(notes, seed=1).weights())


def test_stops_early_and_keeps_the_best(notes, tmp_path):
    run = a_run(notes, steps=400, patience=2, learning_rate=1e-9)
    assert run.train(tmp_path, {}, lambda: False)
    assert run.step < 400
    assert len(run.losses) == run.best["validation"] + 3
    best = min(sum(losses.values()) for losses in run.losses)
    assert run.best["loss"] == best


def test_without_held_out_notes_the_last_weights_count(notes, tmp_path):
    run = a_run(notes, held=(), steps=20)
    assert run.train(tmp_path, {}, lambda: False)
    assert run.step == 20
    assert same(run.weights(), run.average.module.state_dict())


def test_other_settings_and_damage_are_refused(notes, tmp_path):
    run = a_run(notes, steps=10)
    assert not run.restore(tmp_path, {})
    run.train(tmp_path, {"seed": 0, "steps": 10}, lambda: False)
    with pytest.raises(CheckpointError, match="started with another steps"):
        a_run(notes).restore(tmp_path, {"seed": 0, "steps": 60})
    (tmp_path / "checkpoint.pt").write_bytes(b"x")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        a_run(notes).restore(tmp_path, {})


def test_a_loss_that_is_not_finite_stops_it(notes, tmp_path):
    run = a_run(notes)
    with torch.no_grad():
        run.network[0].weight.fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match="try a lower learning rate"):
        run.train(tmp_path, {}, lambda: False)


def test_pitch_labels_move_with_the_sound(notes, monkeypatch):
    run = a_run(notes)
    seen = {}

    def moved(images, semitones):
        seen["semitones"] = semitones
        return images

    monkeypatch.setattr(run.task, "transposition", 3, raising=False)
    monkeypatch.setattr(classifier_run, "transposed", moved)
    before = torch.tensor([0, 1, 2, 3, UNLABELLED] * 20)
    _, labels = run._transposed(torch.zeros(100, 32), {PITCH: before}, np.random.default_rng(0))
    known = before != UNLABELLED
    assert (labels[PITCH][known] == (before + seen["semitones"])[known]).all()
    assert (labels[PITCH][~known] == UNLABELLED).all()
    assert (seen["semitones"][~known] == 0).all()
    assert labels[PITCH][known].min() >= 0
    assert labels[PITCH].max() <= 3
    assert seen["semitones"].abs().max() >= 2


def test_odds_favour_small_instruments_and_families(tiny_nsynth, notes):
    odds = drawing_odds(notes.records)
    assert odds.sum() == pytest.approx(1)
    assert np.ptp(odds) < 1e-12  # 2 families of 12 notes each
    few = drawing_odds(notes.records[:13])  # twelve of one instrument, one of the other
    assert few[:12].sum() < 12 * few[12]


def test_notes_without_a_class_are_said(tiny_nsynth, tmp_path, monkeypatch):
    monkeypatch.setattr(ToyTask, "classes", {PITCH: (1, 2)})
    with pytest.raises(DataError, match="no note has a class of toy"):
        open_labelled_notes(tiny_nsynth, ToyTask(), tmp_path, skip_broken=False)
