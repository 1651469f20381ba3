"""Training recipes compared, at toy size: what is trained, measured, kept and refused."""

import json
import os
import shutil
import signal

import numpy as np
import pytest

import eval
from benchmarks import recipe_comparison, recipes
from benchmarks.pitch_diversity import diversity_within_pitch
from benchmarks.recipe_measures import BY_BOTH, FRECHET, MEASURES
from benchmarks.recipe_notes import even_labels
from benchmarks.recipe_results import read_rows
from benchmarks.recipe_runs import trained
from data.attributes import AttributeTable
from evaluation.scoring import score_embeddings
from tests.evaluation.reports import lines_of
from tests.evaluation.stub_networks import StubPyin
from training.training_step import TrainingStep
from utils.config_file import load_experiment
from utils.errors import TrainingDiverged

COUNT = 8


@pytest.fixture
def toy(write_config, _no_previews):
    """A config of two steps."""
    longer = {"fft_size": 512, "win_size": 512, "hop_size": 256, "n_frames": 64}  # notes of a second
    model = {"downSamplingFactor": [[2, 2], [1, 1]], "maxIterAtScale": [1, 1], "alphaNJumps": [0, 0]}
    few = {"alphaSizeJumps": [1, 1], "depthScales": [4, 4], "miniBatchSize": 2}
    return write_config("toy", transformConfig=longer, modelConfig=model | few)[0]


@pytest.fixture
def compare(toy, tmp_path, monkeypatch):
    """Call the program with recipes; returns its exit code."""
    monkeypatch.setattr(score_embeddings, "PyinEmbedding", StubPyin)
    monkeypatch.setattr(score_embeddings, "second_tracker", lambda: None)

    def called(chosen, *flags):
        file = tmp_path / "recipes.json"
        file.write_text(json.dumps(chosen))
        command = ["-c", toy, "--recipes", file, "--minutes", 1, "--count", COUNT, "-q", "-o", tmp_path / "out"]
        return recipes.main([*map(str, command), *flags])

    return called


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_recipes_are_trained_and_measured_once(compare, out, capsys, monkeypatch):
    chosen = {"as it is": {}, "wider": {"modelConfig": {"depthScales": [4, 6]}}}
    assert compare(chosen) == 0
    printed = capsys.readouterr().out
    rows = {row.recipe: row for row in read_rows(out)}
    assert list(rows) == ["real notes", "floor", "as it is", "wider"]
    assert {(row.notes, row.measures["held"].value) for row in rows.values()} == {(COUNT, 1)}
    for name in chosen:
        assert (rows[name].outcome, rows[name].steps, rows[name].seed) == ("trained to the end", 2, "0")
        assert 0 < rows[name].wall_seconds < 60
        assert rows[name].threads == 1
        assert (out / "runs" / f"{name}_seed0" / "checkpoints").is_dir()
    assert json.loads(rows["wider"].changes) == chosen["wider"]
    for row in rows.values():
        assert row.measures.keys() == MEASURES.keys() - {BY_BOTH}
    real, floor, made = (rows[name].measures for name in ("real notes", "floor", "as it is"))
    assert floor["harmonic-to-noise"].value == pytest.approx(real["harmonic-to-noise"].value, abs=0.5)
    assert floor[FRECHET].value < made[FRECHET].value
    command = ["note-sound", "-q", "--run", out / "runs" / "as it is_seed0", "-n", COUNT, "--pitches", "60,62,64,67"]
    assert eval.main([*map(str, command), "-d", str(out / "scores")]) == 0
    told = {line["name"]: (line["value"], line["standard_error"]) for line in lines_of(out / "scores")}
    shared = told.keys() & MEASURES.keys()
    assert len(shared) == 6
    for name in shared:  # sums over notes may be in another order
        assert tuple(made[name]) == pytest.approx(told[name], rel=1e-9)
    assert printed == (out / "recipes.md").read_text(encoding="utf-8")
    assert [line.split("|")[1].strip() for line in printed.splitlines() if line.startswith("|")][2:] == list(rows)

    monkeypatch.setattr(recipe_comparison, "trained", None)
    monkeypatch.setattr(recipe_comparison, "NoteJudge", None)
    before = (out / "recipes.csv").read_bytes()
    assert compare(chosen, "--only", "wider") == 0
    assert (out / "recipes.csv").read_bytes() == before
    assert compare({**chosen, "wider": {"modelConfig": {"depthScales": [4, 5]}}}) == 2
    assert "recipes.csv: wider 0" in capsys.readouterr().err


def test_a_diverged_run_is_a_row_and_the_others_go_on(compare, out, monkeypatch):
    launch = TrainingStep.launch

    def diverging(self, *args):
        if self.config.learning_rate > 1:
            raise TrainingDiverged("no number")
        return launch(self, *args)

    monkeypatch.setattr(TrainingStep, "launch", diverging)
    assert compare({"too fast": {"modelConfig": {"baseLearningRate": 2}}, "as it is": {}}) == 0
    *_, diverged, other = read_rows(out)
    assert (diverged.outcome, diverged.steps, diverged.measures) == ("diverged", 0, {})
    assert other.measures
    assert "too fast: diverged, not measured: seed 0 (after 0 steps)" in (out / "recipes.md").read_text()


def test_an_interrupted_run_goes_on_with_the_time_it_has_left(toy, tmp_path, monkeypatch):
    launch, record, experiment = TrainingStep.launch, tmp_path / "record.json", load_experiment(toy)

    def interrupted(self, *args):
        os.kill(os.getpid(), signal.SIGINT)
        return launch(self, *args)

    monkeypatch.setattr(TrainingStep, "launch", interrupted)
    first = trained(experiment, 0, 60, record)
    assert (first.outcome, first.steps) == ("interrupted", 1)
    monkeypatch.setattr(TrainingStep, "launch", launch)
    shutil.copy(record, tmp_path / "first.json")
    spent = trained(experiment, 0, first.wall_seconds / 2, record)
    assert (spent.outcome, spent.steps) == ("time is up", 1)
    shutil.copy(tmp_path / "first.json", record)
    second = trained(experiment, 0, 60, record)
    assert (second.outcome, second.steps) == ("trained to the end", 2)
    assert second.wall_seconds > first.wall_seconds
    assert second.cpu_seconds > first.cpu_seconds
    assert trained(experiment, 0, 60, record) == second


def test_a_killed_run_begins_anew(toy, tmp_path):
    record, experiment = tmp_path / "record.json", load_experiment(toy)
    trained(experiment, 0, 60, record)
    record.write_text(
        record.read_text().replace("trained to the end", "interrupted").replace('"steps": 2', '"steps": 1')
    )
    assert trained(experiment, 0, 60, record).steps == 2
    assert (experiment.output_path / "toy.before-1" / "checkpoints").is_dir()


@pytest.mark.parametrize(
    ("chosen", "flags", "said"),
    [
        ({"a": {"modelConfig": {"lambdaGb": 1}}}, [], ["recipe a", "modelConfig.lambdaGb", "lambdaGP"]),
        ({"a": {"modelconfig": {}}}, [], ["recipe a: unknown section modelconfig; did you mean 'modelConfig'?"]),
        ({"a": {"modelConfig": 1}}, [], ["recipe a must be an object"]),
        ({"floor": {}}, [], ["floor is a row of its own"]),
        ({"as it is": {}}, ["--only", "as it"], ["has no recipe as it; did you mean 'as it is'?"]),
        ([], [], ["must hold a JSON object of recipes"]),
    ],
)
def test_what_is_no_recipe_is_refused_in_one_line(compare, out, capsys, chosen, flags, said):
    assert compare(chosen, *flags) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("benchmarks.recipes: ")
    assert [each for each in said if each not in line] == []
    assert not out.exists()


def test_diversity_is_the_ratio_of_distances_within_pitches():
    square = np.array([[0, 0], [3, 0], [3, 4], [0, 4]])  # sides 3 and 4, diagonals 5: on average 4
    real, pitches = np.concatenate([square, 10 * square]), [60] * 4 + [62] * 4
    fake = np.concatenate([0.5 * square, [[7, 7], [7, 7]], [[100, 0]]])
    assert diversity_within_pitch(real, pitches, real, pitches) == 1
    # of 60: 2 against 4, of 62: 0 against 40; 64 has no real notes
    found = diversity_within_pitch(real, pitches, fake, [60] * 4 + [62] * 2 + [64])
    assert found == pytest.approx((2 + 0) / (4 + 40), rel=1e-12)
    with pytest.raises(ValueError, match="no pitch has two"):
        diversity_within_pitch(real, pitches, fake, range(7))
    with pytest.raises(ValueError, match="all the same"):
        diversity_within_pitch(fake[4:6], [62, 62], fake[4:6], [62, 62])


def test_labels_are_spread_evenly_over_all_values():
    table = AttributeTable({"instrument_family_str": ("brass", "flute"), "pitch": tuple(range(60, 64))})
    labels = even_labels(table, 24).numpy()
    assert labels[:, 1].tolist() == [0, 1, 2, 3] * 6
    assert np.bincount(labels[:, 0]).tolist() == [12, 12]
    assert len(np.unique(labels, axis=0)) > 4  # families do not go with pitches
    assert even_labels(AttributeTable({}), 3).shape == (3, 0)
