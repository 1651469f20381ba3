"""Scores while a run trains: whose they are, that they leave the training alone, and that they survive its breaks."""

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from data.attributes import AttributeTable
from data.note_cache import open_note_cache
from data.note_dataset import NoteDataset
from data.note_folder import notes_of_folder
from evaluation.embeddings import note_classifier
from evaluation.metrics.frechet_distance import GaussianStatistics, frechet_distance
from evaluation.metrics.inception_score import inception_score
from evaluation.metrics.kernel_distance import inverse_multiquadric_kernel, kernel_distance
from evaluation.scoring.sound_scores import SOUND_SCORES
from models.networks import build_networks
from models.noise import Purpose
from tests.evaluation.stub_embedding import StubClassifier
from tests.models.small import phase
from tests.training_runs import assert_same_run, run
from training import prepare as training_run
from training import trainer
from training.fixed_latents import FixedLatents
from training.training_scores import TrainingScorer
from training.training_step import TrainingStep
from utils.config_file import parse_experiment
from utils.errors import DataError
from utils.run_log import read_log
from utils.score_table import read_scores

CPU = torch.device("cpu")
OF_CLASSIFIER = ["pis", "iis", "pkid", "ikid", "frechet-note-classifier"]
NAMES = [*OF_CLASSIFIER, *SOUND_SCORES]
STEPS = 8


pytestmark = pytest.mark.usefixtures("_no_previews")


@pytest.fixture
def stub(monkeypatch):
    stub = StubClassifier()
    monkeypatch.setattr(training_run, "load_scoring_network", lambda device: stub)
    return stub


@pytest.fixture
def scorer(experiment_dict, tiny_nsynth, tmp_path):
    """Build a scorer on the tiny notes, with a generator of random weights."""
    experiment = parse_experiment(experiment_dict, "test")
    transform = training_run.build_transform(experiment.transform)
    cache = open_note_cache(notes_of_folder(tiny_nsynth), tmp_path, sample_rate=16_000, n_samples=transform.n_samples)
    table = AttributeTable.from_records(cache.records, experiment.attributes)
    dataset = NoteDataset(cache, table.encode(cache.records), fade_out=True)
    networks = build_networks(experiment.model, transform.shape, table.sizes, seed=0, device=CPU)

    def build(embedding, *, count=10, seed=0):
        latents = FixedLatents(
            networks, transform, dataset, purpose=Purpose.SCORE_LATENT, count=count, seed=seed, device=CPU
        )
        return TrainingScorer(latents, embedding)

    return build


def test_scores_are_those_of_the_generator_against_the_notes(scorer):
    heard = []

    class Listening(StubClassifier):
        def embed(self, waves):
            heard.append(waves)
            return super().embed(waves)

    build = scorer(Listening())
    found = build(phase(3))
    assert list(found) == ["notes", *NAMES]
    assert found["notes"] == 10
    assert sum(len(waves) for waves in heard) == 20
    real, _ = build.dataset.batch(build.latents.indices)  # cropped and faded, as training hears them
    rounded = (real * 32768).round() / 32768
    assert {tuple(wave[:511].tolist()) for wave in heard[1]} == {tuple(wave.tolist()) for wave in rounded}
    fake, real = (StubClassifier().embed(waves) for waves in heard)
    expected = {
        "pis": inception_score(fake["pitch_logits"]).value,
        "iis": inception_score(fake["family_logits"]).value,
        "pkid": kernel_distance(real["pitch_logits"], fake["pitch_logits"], inverse_multiquadric_kernel).value,
        "ikid": kernel_distance(real["family_logits"], fake["family_logits"], inverse_multiquadric_kernel).value,
        "frechet-note-classifier": frechet_distance(
            *(GaussianStatistics.from_features(side["features"].double().numpy()) for side in (real, fake))
        ),
    }
    assert {name: found[name] for name in OF_CLASSIFIER} == pytest.approx(expected, rel=1e-6)
    assert all(np.isnan(found[name]) for name in SOUND_SCORES)  # notes of 0.03 s have no held part


def test_the_sound_of_notes_is_that_of_the_generated_ones_at_the_pitches_asked_for(scorer):
    class ByPitch:
        name, sample_rate, n_samples, identity = "note-sound", 16_000, 16_000, {}

        def embed(self, waves):
            pitches = torch.arange(24.0, 97.0)[None, :, None].expand(len(waves), -1, 4)
            levels = waves.abs().amax(1, keepdim=True)
            return {"of_pitch": pitches.clone(), "of_note": levels.repeat(1, 3), "measured": torch.ones(len(waves), 2)}

    build = scorer(StubClassifier())
    build.sound = ByPitch()
    found = build(phase(3))
    records = [build.dataset.cache.records[index] for index in build.latents.indices]
    assert found["roughness"] == np.median([record.attributes["pitch"] for record in records])
    peaks = [np.abs(wave).max() for wave in build.latents.waves(phase(3))]
    assert max(peaks) > 1
    assert found["onset-level"] == pytest.approx(np.median(peaks) / max(peaks), abs=1e-4)  # one gain for all


def test_real_notes_are_heard_once_and_the_choice_is_fixed(scorer):
    stub = StubClassifier()
    build = scorer(stub)
    first = build(phase(2))
    assert stub.heard == 20
    assert build(phase(2)) == first
    assert stub.heard == 30
    assert build(phase(1)) != first
    assert scorer(StubClassifier())(phase(2)) == first
    assert scorer(StubClassifier(), seed=1)(phase(2)) != first


def test_each_generated_note_has_the_labels_of_a_real_one_and_all_labels_take_part(scorer):
    build = scorer(StubClassifier(), count=8)
    assert torch.equal(build.latents.labels, build.dataset.labels[build.latents.indices])
    assert sorted(build.latents.labels[:, 0].tolist()) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_one_note_cannot_be_scored(scorer):
    with pytest.raises(DataError, match="scores compare 2 notes or more of each side, not 1"):
        scorer(StubClassifier(), count=1)


def test_sound_that_is_not_finite_is_a_warning(scorer, caplog):
    build = scorer(StubClassifier())
    with torch.no_grad():
        next(build.latents.networks.ema.parameters()).fill_(np.nan)
    assert build(phase(2)) == {}
    assert "no scores at scale 2, iteration 1: the generator's sound is not finite" in caplog.text


@pytest.mark.parametrize("every", [1, 3])
def test_scores_are_logged_every_k_steps_in_the_table_and_in_tensorboard(write_config, stub, every):
    path, folder = write_config("run")
    assert run(path, "--scores-every", every, "--n-scores", 6) == 0
    rows = read_scores(folder)
    assert [row["step"] for row in rows] == list(range(every - 1, STEPS, every))
    assert list(rows[0]) == ["step", "scale", "alpha", "notes", *NAMES]
    places = {row["step"]: (row["scale"], row["alpha"]) for row in rows}
    logged = {row["step"]: (row["scale"], row["alpha"]) for row in read_log(folder)}
    assert places.items() <= logged.items()
    assert {row["notes"] for row in rows} == {6}
    assert stub.heard == 6 + 6 * len(rows)
    board = EventAccumulator(str(folder / "tensorboard"))
    board.Reload()
    for name in NAMES:
        events = board.Scalars(f"scores/{name}")
        assert [event.step for event in events] == [row["step"] for row in rows]
        assert [event.value for event in events] == pytest.approx(
            [row[name] for row in rows], rel=1e-6, abs=1e-9, nan_ok=True
        )


def test_training_is_the_same_bit_for_bit_with_and_without_scores(write_config, stub):
    plain_path, plain = write_config("plain")
    scored_path, scored = write_config("scored")
    assert run(plain_path) == 0
    assert stub.heard == 0
    assert not (plain / "scores.csv").exists()
    assert run(scored_path, "--scores-every", 1, "--n-scores", 1000) == 0
    assert [row["notes"] for row in read_scores(scored)] == [24] * STEPS  # all that there are
    assert_same_run(plain, scored)


@pytest.mark.slow
def test_run_killed_anywhere_has_the_rows_of_an_unbroken_one(write_config, stub, kill):
    flags = ("--scores-every", 2, "--n-scores", 6, "-s", 3)
    whole_path, whole = write_config("whole")
    assert run(whole_path, *flags) == 0
    assert len(read_scores(whole)) == STEPS // 2
    for owner, name, number in (
        (TrainingStep, "launch", 3),
        (TrainingStep, "launch", 6),
        (TrainingScorer, "__call__", 3),
        (trainer, "save_checkpoint", 2),
        (trainer, "remove_old_checkpoints", 2),
    ):
        path, broken = write_config(f"{name}_{number}")
        kill(path, owner, name, number, *flags)
        assert run(path, *flags) == 0
        assert (broken / "scores.csv").read_text() == (whole / "scores.csv").read_text()
        assert_same_run(whole, broken)


def test_missing_weights_are_refused_before_anything_is_written(write_config, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(note_classifier, "SHIPPED", tmp_path / "none.safetensors")
    path, folder = write_config("run")
    assert run(path, "--scores-every", 2) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'none.safetensors'}: no such file, and scores while training need it" in error
    assert error.count("\n") == 1
    assert not folder.parent.exists()
    assert run(path) == 0
