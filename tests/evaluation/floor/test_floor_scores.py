"""Scores of restored notes: whose they are, at which rate and length they were heard, and how they are told."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import eval
from data.audio_io import write_wav
from data.note_folder import notes_of_folder
from evaluation.embeddings import note_classifier
from evaluation.embeddings.note_classifier import NoteClassifier
from evaluation.floor import floor_scores
from evaluation.floor import report as floor_report
from evaluation.floor.floor_scores import FloorScorer, floor_embeddings
from evaluation.floor.notes import AudioFormat, decoded_notes
from evaluation.scoring import score_embeddings
from evaluation.scoring.sound_scores import SOUND_SCORES
from tests.evaluation.note_sound.tones import RATE, time, tone
from tests.evaluation.reports import cells
from tests.evaluation.stub_embedding import StubClassifier
from tests.evaluation.stub_networks import StubVGGish

CPU = torch.device("cpu")
SHORT = AudioFormat(16_000, 1_500, fade_out=False)
FADED = AudioFormat(16_000, 3_000, fade_out=True)
LOW = AudioFormat(8_000, 1_000, fade_out=False)
NAMES = ["pis", "iis", "pkid", "ikid", "frechet-note-classifier"]


@pytest.fixture
def notes(tiny_nsynth):
    with decoded_notes(notes_of_folder(tiny_nsynth), [SHORT, FADED, LOW], skip_broken=False) as found:
        yield found


@pytest.fixture
def stub(monkeypatch):
    stub = StubClassifier()
    monkeypatch.setattr(floor_report, "floor_embeddings", lambda vggish, device: [stub])
    return stub


def scores_of(scorer, audio_format, waves):
    found = scorer(audio_format, waves)
    return (
        {score.name: score for score in found if not score.baseline},
        {score.name: score for score in found if score.baseline},
    )


@pytest.mark.parametrize("audio_format", [SHORT, FADED, LOW])
def test_what_comes_back_unchanged_is_at_no_distance(notes, audio_format):
    scorer = FloorScorer(notes, [StubClassifier()], seed=0)
    own, real = scores_of(scorer, audio_format, notes.waves(audio_format, notes.records))
    assert list(own) == list(real) == NAMES
    for name in ("pis", "iis"):
        assert own[name].value == real[name].value > 1
        assert own[name].standard_error == real[name].standard_error > 0
    for name in NAMES[2:]:
        assert own[name].value == pytest.approx(0, abs=1e-9)
        assert own[name].standard_error == pytest.approx(0, abs=1e-9)
        assert (own[name].n_real, own[name].n_fake) == (24, 24)
        assert (real[name].n_real, real[name].n_fake) == (12, 12)


def test_notes_that_are_long_enough_have_their_sound(tmp_path):
    for number, pitch in enumerate((60, 64, 67, 72)):
        write_wav(tmp_path / f"flute_acoustic_000-{pitch:03d}-100.wav", tone(pitch) * np.exp(-number * time()), RATE)
    audio_format = AudioFormat(RATE, RATE, fade_out=False)
    with decoded_notes(notes_of_folder(tmp_path), [audio_format], skip_broken=False) as notes:
        scorer = FloorScorer(notes, [StubClassifier()], seed=0)
        waves = notes.waves(audio_format, notes.records)
        noise = 0.01 * torch.randn(waves.shape, generator=torch.Generator().manual_seed(0))
        own, real = scores_of(scorer, audio_format, waves + noise)
    assert list(own) == list(real) == [*NAMES, *SOUND_SCORES]
    assert real["harmonic-to-noise"].value > 60 > 30 > own["harmonic-to-noise"].value
    assert own["roughness"].value > real["roughness"].value
    assert (own["attack-time"].n_fake, real["attack-time"].n_real) == (4, 4)


def test_the_more_is_lost_the_larger_the_distances(notes):
    scorer = FloorScorer(notes, [StubClassifier()], seed=0)
    waves = notes.waves(SHORT, notes.records)
    noise = torch.randn(waves.shape, generator=torch.Generator().manual_seed(0))
    (little, _), (much, real) = (scores_of(scorer, SHORT, waves + level * noise) for level in (0.003, 0.03))
    for name in ("pis", "iis"):
        assert len({little[name].value, much[name].value, real[name].value}) == 3
    for name in NAMES[2:]:
        assert 0 < little[name].value < much[name].value
        assert much[name].standard_error > 0


def test_originals_are_heard_once_for_each_format(notes):
    stub = StubClassifier()
    scorer = FloorScorer(notes, [stub], seed=0)
    assert stub.heard == 0
    for audio_format, heard in ((SHORT, 48), (SHORT, 72), (FADED, 120), (FADED, 144)):
        scorer(audio_format, 0.5 * notes.waves(audio_format, notes.records))
        assert stub.heard == heard


def test_restored_notes_beyond_full_scale_are_turned_down(notes):
    scorer = FloorScorer(notes, [StubClassifier()], seed=0)
    waves = notes.waves(SHORT, notes.records)
    levels = 1 / waves.abs().amax(1, keepdim=True)
    loud, full = (scores_of(scorer, SHORT, factor * levels * waves)[0] for factor in (3.0, 0.99999))
    for name in NAMES:
        assert loud[name].value == pytest.approx(full[name].value, rel=1e-3)


def test_another_rate_is_resampled_before_it_is_heard(notes):
    heard = []

    class Listening(StubClassifier):
        def embed(self, waves):
            heard.append(waves)
            return super().embed(waves)

    FloorScorer(notes, [Listening()], seed=0)(LOW, notes.waves(LOW, notes.records))
    spectrum = torch.fft.rfft(heard[0]).abs().sum(0)
    assert spectrum[:505].sum() > 50 * spectrum[505:].sum()  # bins of 8 Hz: what had 8 kHz has nothing above 4 kHz


def test_few_notes_have_inception_scores_alone(tiny_nsynth):
    with decoded_notes(notes_of_folder(tiny_nsynth)[:3], [SHORT], skip_broken=False) as notes:
        scores = FloorScorer(notes, [StubClassifier()], seed=0)(SHORT, notes.waves(SHORT, notes.records))
    assert [(score.name, score.baseline) for score in scores] == [
        ("pis", False),
        ("pis", True),
        ("iis", False),
        ("iis", True),
    ]


def test_vggish_takes_the_place_of_the_distance_on_the_classifier(notes):
    networks = [StubClassifier(), StubVGGish("weights", CPU, n_samples=8_000)]
    waves = notes.waves(SHORT, notes.records)
    own, real = scores_of(FloorScorer(notes, networks, seed=0), SHORT, 0.5 * waves)
    assert list(own) == list(real) == [*NAMES[:4], "fad-vggish-google"]
    assert own["fad-vggish-google"].value > 0.1
    assert (own["fad-vggish-google"].n_real, real["fad-vggish-google"].n_real) == (48, 24)  # two windows a note


def test_vggish_takes_the_weights_that_are_given(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        floor_scores.score_embeddings, "vggish", lambda options: asked.append(options) or StubClassifier()
    )
    assert len(floor_embeddings(tmp_path / "vggish.pth", CPU)) == 2
    assert asked[0].vggish == tmp_path / "vggish.pth"


def random_weights(folder):
    torch.manual_seed(0)
    path = folder / "weights.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in NoteClassifier().state_dict().items()}, path)
    return path


# The command line


@pytest.fixture
def configs(experiment_dict, tmp_path):
    """mag-if, which leaves out 0 Hz, and the waveform itself, both of 511 samples that fade out."""
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    waveform = {"transform": "waveform", "audio_length": 511, "fade_out": True}
    for path, keys in zip(paths, ({"name": "polar"}, {"name": "plain", "transformConfig": waveform}), strict=True):
        path.write_text(json.dumps(experiment_dict | keys))
    return paths


def run(*flags):
    return eval.main(["floor", "-q", "--device", "cpu", *map(str, flags)])


def test_report_has_the_scores_of_every_representation_below_those_of_real_notes(
    configs, stub, tiny_nsynth, tmp_path, capsys
):
    out = tmp_path / "out"
    assert run("--real", tiny_nsynth, "-d", out, "-c", *configs) == 0
    said = capsys.readouterr().out
    tables = [part for part in said.split("\n\n") if part.startswith("|")]
    assert len(tables) == 2
    header, _, real, polar, plain = cells(tables[1])
    assert header == ["config", *NAMES]
    assert real[0] == "real notes, 16000hz_511_faded"
    assert [polar[0], plain[0]] == ["polar", "plain"]
    assert plain[1:3] == real[1:3]
    assert [abs(float(cell.split()[0])) < 1e-9 for cell in plain[3:]] == [True] * 3
    assert [float(cell.split()[0]) > 1e-6 for cell in polar[3:]] == [True] * 3
    assert "distances between two random halves of 12 and 12 notes" in said
    assert tables[1] in (out / "floor.md").read_text()
    card = json.loads((out / "floor.json").read_text())
    assert (card["seed"], card["embeddings"]) == (0, {"note-classifier": {"network": "stub"}})
    scores = card["configs"][0]["scores"]
    assert [score["name"] for score in scores if not score["baseline"]] == NAMES
    assert [f"{score['value']:.4g}" for score in scores if not score["baseline"]] == [c.split()[0] for c in polar[1:]]
    assert stub.heard == 24 + 2 * 24


def test_same_command_gives_the_same_scores(configs, stub, tiny_nsynth, tmp_path):
    def scores(out, *flags):
        assert run("--real", tiny_nsynth, "-d", tmp_path / out, "-c", *configs, *flags) == 0
        return [config["scores"] for config in json.loads((tmp_path / out / "floor.json").read_text())["configs"]]

    first = scores("one")
    assert scores("two") == first
    assert scores("three", "--seed", 1) != first


def test_shipped_network_is_heard_by_default(configs, tiny_nsynth, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(note_classifier, "SHIPPED", random_weights(tmp_path))
    monkeypatch.setattr(score_embeddings, "VGGISH_WEIGHTS", tmp_path / "none.pth")
    assert run("--real", tiny_nsynth, "-d", tmp_path / "out", "-c", configs[0], "-n", 5) == 0
    card = json.loads((tmp_path / "out" / "floor.json").read_text())
    assert len(card["embeddings"]["note-classifier"]["weights_sha256"]) == 64
    assert [score["name"] for score in card["configs"][0]["scores"] if not score["baseline"]] == NAMES
    assert "fewer samples than its 256 dimensions" in capsys.readouterr().out


def test_missing_weights_are_said(configs, tiny_nsynth, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(note_classifier, "SHIPPED", tmp_path / "none.safetensors")
    assert run("--real", tiny_nsynth, "-d", tmp_path / "out", "-c", configs[0]) == 0
    assert "\nNo scores: " in capsys.readouterr().out
    assert "No scores: " in (tmp_path / "out" / "floor.md").read_text()
    card = json.loads((tmp_path / "out" / "floor.json").read_text())
    assert (card["embeddings"], card["configs"][0]["scores"]) == ({}, [])
