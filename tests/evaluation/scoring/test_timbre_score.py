"""`eval.py timbre` from the command line, on a small run."""

import numpy as np
import pytest
import torch

import eval
from commands.evaluate import timbre
from evaluation.metrics.timbre import timbre_ratio
from generation import load_instrument
from generation.one_gain import gain_of_all
from tests.evaluation.reports import lines_of
from tests.evaluation.stub_networks import StubClassifier


@pytest.fixture(autouse=True)
def _stub(monkeypatch):
    monkeypatch.setattr(timbre, "NoteClassifierEmbedding", StubClassifier)


def run(*flags):
    return eval.main(["timbre", "-q", "--device", "cpu", *map(str, flags)])


def test_scales_of_a_run_and_real_instruments(run_folder, tiny_nsynth, tmp_path):
    assert run("--run", run_folder, "-n", 5, "--real", tiny_nsynth, "-d", tmp_path / "out") == 0
    found, real = lines_of(tmp_path / "out")
    assert (found["name"], found["n_fake"], found["n_real"]) == ("timbre-note-classifier", 20, None)
    assert (found["details"], real["details"]) == ({"latents": 5}, {"instruments": 2})
    assert (real["baseline"], real["n_real"], real["standard_error"]) == (True, 24, None)
    instrument = load_instrument(run_folder, device="cpu")
    notes = [(seed, pitch) for seed in range(5) for pitch in (60, 62, 64, 67)]
    waves = np.zeros((20, StubClassifier.n_samples), dtype=np.float32)
    played = [instrument.play([seed], instrument.labels(seed, {"pitch": pitch}))[0] for seed, pitch in notes]
    gain, gain_db = gain_of_all(played)
    assert gain_db < 0
    for row, wave in enumerate(played):
        waves[row, : len(wave)] = np.round(wave * gain * 32768) / 32768
    features = StubClassifier("", None).embed(torch.from_numpy(waves))["features"]
    expected = timbre_ratio(features.numpy(), *zip(*notes, strict=True))
    assert found["value"] == pytest.approx(expected.value, rel=1e-3)
    assert found["standard_error"] == pytest.approx(expected.standard_error, rel=1e-2)


def test_the_same_again_is_the_same(run_folder, tmp_path):
    for out in "ab":
        assert run("--run", run_folder, "-n", 3, "--pitches", "60,64", "-d", tmp_path / out) == 0
    assert lines_of(tmp_path / "a")[0]["value"] == lines_of(tmp_path / "b")[0]["value"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["-n", 1], "timbre: compares 2 latents or more at 2 pitches or more; ask for more"),
        (["--pitches", "60"], "timbre: compares 2 latents or more at 2 pitches or more; ask for more"),
        (["--pitches", "59-62"], "pitch 59: not among the 4 pitches"),
    ],
)
def test_what_cannot_be_compared_is_one_line(run_folder, tmp_path, capsys, flags, said):
    assert run("--run", run_folder, "-d", tmp_path / "out", *flags) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out" / "results.jsonl").exists()


def test_a_folder_that_is_no_run_is_one_line(tiny_nsynth, tmp_path, capsys):
    assert run("--run", tiny_nsynth, "-d", tmp_path / "out") == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("eval.py: ")
