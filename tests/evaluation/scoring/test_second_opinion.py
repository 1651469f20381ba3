"""In tune by both judges, where a second one is installed."""

import pytest
import torch

import eval
from data.note_pitch import hertz
from evaluation import score_notes
from evaluation.embeddings.second_pitch import SwiftF0Embedding, second_tracker
from evaluation.scoring import score_embeddings
from tests.evaluation.note_sound.tones import RATE, tone
from tests.evaluation.reports import lines_of
from tests.evaluation.stub_networks import StubPyin, use_stubs, write_notes


class SecondJudge:
    """Hears D4 in every loud note, and nothing in others."""

    name, sample_rate, n_samples = "swift-f0", StubPyin.sample_rate, StubPyin.n_samples
    identity = {"tracker": "second stub"}  # noqa: RUF012

    def embed(self, waves):
        loud = waves.square().mean(1, keepdim=True) > 0.02
        return {"f0": loud * torch.full((len(waves), 4), hertz(62))}


@pytest.fixture
def scored(tmp_path, monkeypatch):
    """Lines of in-tune, by stubs: pyin hears C4 in everything."""
    monkeypatch.setattr(score_embeddings, "PyinEmbedding", StubPyin)
    monkeypatch.setattr(score_embeddings, "second_tracker", SecondJudge)

    def lines(fake, *flags):
        command = ["in-tune", "-q", "--device", "cpu", "--fake", fake, "-d", tmp_path / "out", *flags]
        assert eval.main(list(map(str, command))) == 0
        return lines_of(tmp_path / "out")

    return lines


def test_by_both_is_the_headline(scored, tmp_path):
    fake = write_notes(tmp_path / "fake", 6, seed=0, name="pitch060_seed{:06d}")
    write_notes(fake, 4, seed=0, name="pitch062_seed{:06d}")
    real = write_notes(tmp_path / "real", 3, seed=1, name="flute_acoustic_000-060-{:03d}")
    lines = scored(fake, "--real", real)
    assert [(line["name"], line["baseline"]) for line in lines] == [
        ("in-tune-by-both", False), ("in-tune-swift-f0", False), ("in-tune-by-both", True), ("in-tune-swift-f0", True),
        ("in-tune", False), ("in-tune", True),
    ]  # fmt: skip
    both, second, _, _, first, _ = lines
    assert (first["value"], both["value"]) == (0.6, 0)
    assert 0 < second["value"] < 0.4
    assert both["n_fake"] == second["n_fake"] == 10
    assert both["details"]["by_neither"] == pytest.approx(1 - first["value"] - second["value"])
    assert list(both["settings"]["judges"]) == ["pyin", "swift-f0"]


def test_a_note_in_tune_by_one_judge_alone_does_not_count(scored, tmp_path, monkeypatch):
    monkeypatch.setattr(StubPyin, "embed", lambda self, waves: {"f0": torch.full((len(waves), 4), hertz(62))})
    both, second, first = scored(write_notes(tmp_path / "fake", 8, seed=0, name="pitch062_seed{:06d}"))
    assert first["value"] == 1
    assert 0 < both["value"] == second["value"] < 1


def test_notes_without_an_asked_pitch_are_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(score_embeddings, "PyinEmbedding", StubPyin)
    monkeypatch.setattr(score_embeddings, "second_tracker", SecondJudge)
    fake = write_notes(tmp_path / "fake", 4, seed=0)
    assert eval.main(["in-tune", "--fake", str(fake), "-d", str(tmp_path / "out"), "-q", "--device", "cpu"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "eval.py: in-tune-by-both: no note has an asked pitch from 37 to 95; give them names such as "
    )
    assert line.endswith("but leave this score out for drums and other sounds without pitch")


def test_asked_for_by_name_it_brings_what_it_needs(tmp_path, monkeypatch):
    use_stubs(monkeypatch, tmp_path)
    monkeypatch.setattr(score_embeddings, "second_tracker", SecondJudge)
    fake = write_notes(tmp_path / "fake", 6, seed=0, name="pitch062_seed{:06d}")
    assert score_notes(fake, only=["in-tune-by-both"], device="cpu").keys() == {"in-tune-by-both"}


@pytest.fixture(scope="module")
def network():
    pytest.importorskip("swift_f0")
    return SwiftF0Embedding()


def test_the_installed_network_follows_notes_and_leaves_silence_unvoiced(network):
    waves = torch.zeros(3, network.n_samples)
    for row, pitch in enumerate((57, 64.3)):
        waves[row] = torch.from_numpy(tone(pitch, partials=12)[: network.n_samples])
    (f0,) = network.embed(waves).values()
    assert (f0.shape[0], f0.dtype) == (3, torch.float32)
    for row, pitch in enumerate((57, 64.3)):
        assert f0[row][f0[row] > 0].median() == pytest.approx(hertz(pitch), rel=0.01)
    assert not f0[2].any()
    assert second_tracker().identity == network.identity
    assert network.sample_rate == RATE


def test_without_the_package_there_is_no_second_judge(monkeypatch):
    monkeypatch.setattr("evaluation.embeddings.second_pitch.PACKAGE", "no-such-package-here")
    assert second_tracker() is None
