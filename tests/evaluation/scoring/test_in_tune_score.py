"""`eval.py in-tune` from the command line, by pyin itself."""

import numpy as np
import pytest

import eval
from data.audio_io import write_wav
from data.note_pitch import hertz
from evaluation.scoring import score_embeddings
from tests.evaluation.reports import lines_of


@pytest.fixture(autouse=True)
def _pyin_alone(monkeypatch):
    monkeypatch.setattr(score_embeddings, "second_tracker", lambda: None)


TIME = np.arange(16_000) / 16_000


def write(folder, sounds):
    for name, pitch in sounds.items():
        wave = sum(np.sin(2 * np.pi * k * hertz(pitch) * TIME) / k for k in (1, 2, 3))
        write_wav(folder / f"{name}.wav", 0.2 * wave, 16_000)
    return folder


def run(*flags):
    return eval.main(["in-tune", "-q", "--device", "cpu", *map(str, flags)])


def test_the_share_the_errors_and_the_baseline(tmp_path, capsys):
    asked = {"pitch060_seed000000": 60.1, "pitch062_seed000001": 74, "pitch064_seed000002": 64.7}
    fake = write(tmp_path / "fake", {**asked, "pitch067_seed000003": 67, "pitch100_seed000004": 60, "unnamed": 60})
    real = write(tmp_path / "real", {"flute_acoustic_000-060-100": 60, "brass_acoustic_000-062-100": 50})
    assert run("--fake", fake, "--real", real, "-d", tmp_path / "out") == 0
    found, baseline = lines_of(tmp_path / "out")
    assert (found["name"], found["value"], found["n_fake"], found["n_real"]) == ("in-tune", 0.5, 4, None)
    assert found["standard_error"] == pytest.approx(np.sqrt(0.5 * 0.5 / 3))
    assert found["details"]["in_tune_but_for_octaves"] == 0.75
    assert found["details"]["median_error_cents"] == pytest.approx((10 + 70) / 2, abs=6)
    assert found["details"]["voiced"] > 0.9
    assert found["settings"]["tolerance_cents"] == 50
    remark = "notes left out, of 6: 1 without an asked pitch, 1 asked for one outside 37 to 95"
    assert found["remarks"] == [remark]
    assert remark in capsys.readouterr().out
    assert (baseline["baseline"], baseline["value"], baseline["n_real"]) == (True, 0.5, 2)
    assert baseline["details"]["by_family"] == {
        "brass": {"notes": 1, "in_tune": 0.0}, "flute": {"notes": 1, "in_tune": 1.0}
    }  # fmt: skip


def test_notes_without_an_asked_pitch_are_one_line(tmp_path, capsys):
    assert run("--fake", write(tmp_path / "fake", {"mine": 60}), "-d", tmp_path / "out") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("eval.py: in-tune: no note can be judged (of 1: 1 without an asked pitch); give them ")
