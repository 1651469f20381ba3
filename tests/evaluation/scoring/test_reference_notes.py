"""Sines and noise beside a result, and real notes that no network learned from."""

import numpy as np
import pytest
import soundfile
import torch

import eval
from audio_transforms import build_transform
from data.audio_io import write_wav
from data.note_folder import notes_of_folder
from data.note_pitch import hertz
from evaluation.embeddings.note_classifier import PITCHES, SHIPPED, NoteClassifierEmbedding
from evaluation.embeddings.notes import decoded
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.open_side import reader_of, side_of_made
from evaluation.scoring.reference_notes import N_SAMPLES, RATE, after_representation, noise, sines
from evaluation.scoring.score_plan import plan_all
from tests.evaluation.reports import lines_of
from tests.evaluation.stub_networks import write_notes
from utils.config_file import parse_transform

ASKED = [48, 60, 61, 62, 67, 72, 74, 79]


def labels(pitches):
    count = len(pitches)
    return NoteLabels(np.array(pitches, np.int16), np.full(count, "unknown"), np.full(count, -1, np.int32))


def run(*flags):
    return eval.main(["all", "-q", "--device", "cpu", *map(str, flags)])


def test_sines_have_the_frequency_asked_for():
    waves = sines(labels(ASKED)).waves(range(len(ASKED))).numpy()
    assert waves.shape == (8, N_SAMPLES)
    peaks = np.abs(np.fft.rfft(waves * np.hanning(N_SAMPLES), axis=1)).argmax(axis=1) * RATE / N_SAMPLES
    assert np.abs(peaks - [hertz(pitch) for pitch in ASKED]).max() <= 1
    assert np.abs(waves[:, [0, -1]]).max() < 0.01


def test_noise_is_white_and_drawn_by_the_seed():
    waves = noise(labels(ASKED), 0).waves(range(8)).numpy()
    assert np.std(waves, axis=1) == pytest.approx(np.full(8, 0.1), rel=0.05)
    power = np.square(np.abs(np.fft.rfft(waves, axis=1))).mean(axis=0)
    assert power[:4000].mean() == pytest.approx(power[4000:].mean(), rel=0.1)
    assert not np.array_equal(noise(labels(ASKED), 1).waves([0]).numpy()[0], waves[0])


def test_scores_of_pitch_cannot_tell_sines_from_notes():
    """So that they are shown beside them: the classifier hears every sine's pitch, and none in noise."""
    network = NoteClassifierEmbedding(SHIPPED, torch.device("cpu"))
    found = {}
    for name, made in (("sines", sines(labels(ASKED))), ("noise", noise(labels(ASKED), 0))):
        side = side_of_made(name, made, [network], RATE)
        planned = [each for each in plan_all([network], infinite=False, seed=0) if not each.needs_real]
        found[name] = {score.name: score.value for each in planned for score in each.compute(None, side)}
    assert found["sines"]["pis"] > 0.9 * len(ASKED)
    assert found["sines"]["pitch-accuracy"] == 1
    assert found["noise"]["pis"] < 2
    assert found["noise"]["pitch-accuracy"] < 0.5
    assert len(PITCHES) == 61


@pytest.mark.usefixtures("_stub_networks")
def test_references_stand_beside_every_result(tmp_path, capsys):
    real = write_notes(tmp_path / "real", 30, seed=1, name="brass_acoustic_000-060-{:03d}")
    unseen = write_notes(tmp_path / "unseen", 12, seed=5, name="flute_acoustic_000-060-{:03d}")
    fake = write_notes(tmp_path / "fake", 12, seed=2, name="pitch060_seed{:06d}")
    both = ("--real", real, "--fake", fake)
    assert run(*both, "--references", "--unseen", unseen, "-d", tmp_path / "out") == 0
    lines = {line["name"]: line for line in lines_of(tmp_path / "out") if not line["baseline"]}
    assert not any(line["references"] for line in lines_of(tmp_path / "out") if line["baseline"])
    assert lines["in-tune"]["references"] == {"unseen": 1, "sines": 1, "noise": 1}  # by the stub
    assert run("--real", real, "--fake", unseen, "-d", tmp_path / "alone") == 0
    alone = {line["name"]: line["value"] for line in lines_of(tmp_path / "alone") if not line["baseline"]}
    for name in lines.keys() - {"in-tune"}:
        assert lines[name]["references"].keys() == {"unseen", "sines", "noise"}
        assert lines[name]["references"]["unseen"] == pytest.approx(alone[name], rel=1e-9, abs=1e-12)
    shown = f"unseen {lines['pis']['references']['unseen']:.4g}, sines "
    assert shown in (tmp_path / "out" / "results.md").read_text()
    assert shown in capsys.readouterr().out


@pytest.mark.usefixtures("_stub_networks")
def test_references_need_pitches(tmp_path, capsys):
    fake = write_notes(tmp_path / "fake", 4, seed=2, name="note{}")
    assert run("--fake", fake, "--references", "-d", tmp_path / "out") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(
        "eval.py: references: generated notes without an asked pitch: 4 of 4; give them names such as "
    )
    assert not (tmp_path / "out" / "results.jsonl").exists()


@pytest.mark.usefixtures("_stub_networks")
def test_unseen_notes_in_folders_of_instruments_begin_at_their_onset(tmp_path, capsys):
    real = write_notes(tmp_path / "real", 30, seed=1, name="brass_acoustic_000-060-{:03d}")
    fake = write_notes(tmp_path / "fake", 4, seed=2, name="pitch060_seed{:06d}")
    fake = write_notes(fake, 2, seed=3, name="pitch061_seed{:06d}")
    for number, path in enumerate(sorted(real.iterdir())[:3]):
        wave, _ = soundfile.read(path)
        kind = ("oboe", "french horn")[number % 2]
        write_wav(tmp_path / "mine" / kind / f"{kind}_C4_{number}.wav", np.concatenate([np.zeros(5_000), wave]), RATE)
        write_wav(tmp_path / "same" / f"flute_acoustic_000-060-{number:03d}.wav", wave[np.argmax(wave > 1e-2) :], RATE)
    found = []
    for unseen in ("mine", "same"):
        flags = ("--real", real, "--fake", fake, "--unseen", tmp_path / unseen, "-d", tmp_path / f"out {unseen}")
        assert run(*flags) == 0
        lines = {line["name"]: line for line in lines_of(tmp_path / f"out {unseen}") if not line["baseline"]}
        found.append(lines["kad-note-classifier"]["references"]["unseen"])
    assert found[0] == pytest.approx(found[1], rel=0.05)
    said = capsys.readouterr().out
    assert "unseen: 3 notes for 6 generated, since it has too few at some of their pitches; pis, iis and " in said


def test_floor_of_notes_in_folders_of_instruments_begins_at_their_onset(tmp_path):
    """A representation that keeps the waveform gives back the note without the silence before it."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    folder = tmp_path / "mine"
    write_wav(folder / "oboe" / "oboe_A4_1.wav", np.concatenate([np.zeros(5_000), tone]), RATE)
    config = parse_transform({"transform": "waveform", "audio_length": 1_000, "sample_rate": RATE}, "test")
    found = {
        reader: after_representation(notes_of_folder(folder), build_transform(config), reader).waves([0])[0].numpy()
        for reader in (reader_of(folder), decoded)
    }
    loud = {reader: float(np.abs(wave).max()) for reader, wave in found.items()}
    assert loud[reader_of(folder)] > 0.4
    assert loud[decoded] < 1e-3
