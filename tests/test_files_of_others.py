"""Files of others are never overwritten, and no command writes onto what it reads."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import eval as eval_script
from evaluation import config_schema, cross_check, train_classifier
from tests.evaluation.stub_networks import write_notes
from tests.playing import play, run_mode, wavs
from tests.test_from_midi import midi
from tests.training_runs import run
from utils.own_files import require_own_report

MINE = b"mine, and of great value"


def refused(exit_code, capsys, *said):
    err = capsys.readouterr().err
    assert exit_code == 2
    assert len(err.splitlines()) == 1
    assert all(each in err for each in said), err


@pytest.mark.parametrize("name", ["melody.wav", "melody.json", "melody.png"])
def test_a_piece_replaces_no_file_of_others(run_folder, tmp_path, capsys, name):
    piece = midi(tmp_path / "melody.mid", [(1, 60, 100)])
    (tmp_path / name).write_bytes(MINE)
    refused(run_mode("from_midi", run_folder, "-m", piece, "-o", tmp_path), capsys, name, "move it away")
    assert (tmp_path / name).read_bytes() == MINE
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"melody.mid", name}


@pytest.mark.parametrize("way", ["itself", "symlink", "hardlink", "relative"])
def test_a_piece_does_not_replace_the_file_that_it_reads(run_folder, tmp_path, capsys, monkeypatch, way):
    out = tmp_path / "out"
    assert run_mode("from_midi", run_folder, "-m", midi(tmp_path / "melody.mid", [(1, 60, 100)]), "-o", out) == 0
    source, target = tmp_path / "melody.mid", out / "melody.wav"  # the card of an earlier piece is still there
    target.unlink()
    if way == "symlink":
        target.symlink_to(source)
    elif way == "hardlink":
        os.link(source, target)
    else:
        source = source.rename(target)
    if way == "relative":
        monkeypatch.chdir(out)
        source, out = "melody.wav", "../out"
    content = target.read_bytes()
    capsys.readouterr()
    refused(run_mode("from_midi", run_folder, "-m", source, "-o", out), capsys, "melody.wav", "read as input")
    assert target.read_bytes() == content


def test_a_piece_replaces_an_earlier_one(run_folder, tmp_path):
    piece = midi(tmp_path / "melody.mid", [(1, 60, 100)])
    for seed in (1, 2):
        assert run_mode("from_midi", run_folder, "-m", piece, "-o", tmp_path / "out", "--seed", seed) == 0
    assert json.loads((tmp_path / "out" / "melody.json").read_text())["settings"]["seeds"] == [2]


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("random", "pitch060_seed000000.wav"),
        ("random", "pitch060_seed000001.json"),
        ("random", "rainbowgrams.png"),
        ("random", "rainbowgrams.json"),
        ("scale", "pitch060_seed000000.wav"),
        ("scale", "scale_seed000000.png"),
        ("scale", "scale_seed000000.json"),
        ("interpolation", "interpolation.wav"),
        ("interpolation", "pitch060_seed000001.wav"),
    ],
)
def test_notes_replace_no_file_of_others(run_folder, tmp_path, capsys, monkeypatch, mode, name):
    (tmp_path / name).write_bytes(MINE)
    monkeypatch.setattr("generation.places.Place.wave", None)  # nothing may be computed
    flags = ("--count", 2) if mode == "random" else ()
    refused(run_mode(mode, run_folder, "-o", tmp_path, "--pitches", 60, *flags), capsys, name, "move it away")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [name]
    assert (tmp_path / name).read_bytes() == MINE


def test_files_of_another_kind_are_those_of_others(run_folder, tmp_path, capsys):
    assert run_mode("interpolation", run_folder, "-o", tmp_path / "out", "--steps", 2, "--pitches", 60) == 0
    piece = midi(tmp_path / "interpolation.mid", [(1, 60, 100)])
    capsys.readouterr()
    refused(run_mode("from_midi", run_folder, "-m", piece, "-o", tmp_path / "out"), capsys, "interpolation.wav")


def test_notes_do_not_replace_the_card_that_they_are_made_of(run_folder, tmp_path, capsys):
    assert run_mode("interpolation", run_folder, "-o", tmp_path, "--steps", 2, "--pitches", 60) == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    capsys.readouterr()
    ends = ("--from", tmp_path / "interpolation.json#0", "--to", tmp_path / "interpolation.json#1")
    refused(run_mode("interpolation", run_folder, "-o", tmp_path, *ends), capsys, "interpolation.json", "read as input")
    refused(play(run_folder, "-o", tmp_path, "--from-card", tmp_path / "interpolation.json"), capsys, "read as input")
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_notes_that_were_generated_are_replaced(run_folder, tmp_path):
    for truncation in (1, 0.5):
        assert play(run_folder, "-o", tmp_path / "out", "--count", 2, "--pitches", 60, "--truncation", truncation) == 0
    card = json.loads((tmp_path / "out" / "pitch060_seed000000.json").read_text())
    assert card["truncation"] == 0.5
    assert len(wavs(tmp_path / "out")) == 2


@pytest.mark.parametrize("name", ["results.csv", "results.md", "results.tex", "results.jsonl"])
def test_scores_replace_no_file_of_others(tmp_path, capsys, monkeypatch, name):
    notes = write_notes(tmp_path / "notes", 2, seed=0)
    out = tmp_path / "out"
    out.mkdir()
    content = b'{"mine": 1}\n' if name.endswith("jsonl") else MINE
    (out / name).write_bytes(content)
    monkeypatch.setattr("evaluation.scoring.score_report.open_side", None)
    refused(eval_script.main(["pis", "--fake", str(notes), "-d", str(out), "--device", "cpu"]), capsys, name)
    assert (out / name).read_bytes() == content


def test_statistics_replace_no_file_of_others(tmp_path, capsys, monkeypatch):
    notes = write_notes(tmp_path / "notes", 2, seed=0)
    mine = tmp_path / "mine.npz"
    np.savez(mine, features=np.zeros(3))
    content = mine.read_bytes()
    monkeypatch.setattr("commands.evaluate.save_statistics.open_side", None)
    refused(
        eval_script.main(["statistics", "--notes", str(notes), "-d", str(mine)]), capsys, "mine.npz", "move it away"
    )
    assert mine.read_bytes() == content


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("floor", "floor.md"),
        ("floor", "representations.png"),
        ("floor", "audio/original/note.wav"),
        ("time", "time.json"),
    ],
)
@pytest.mark.parametrize("relative", [False, True])
def test_reports_replace_no_file_of_others(tmp_path, capsys, monkeypatch, command, name, relative):
    monkeypatch.chdir(tmp_path)
    out = Path("out") if relative else tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_bytes(MINE)
    real = ["--real", str(tmp_path / "none")] if command == "floor" else []
    refused(eval_script.main([command, *real, "-d", str(out)]), capsys, name, "move it away")
    assert (out / name).read_bytes() == MINE


def test_report_reads_its_card_once_for_all_its_files(tmp_path, monkeypatch):
    names = [f"{number}.wav" for number in range(5)]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "card.json").write_text('{"made_by": "us"}')
    read = []
    monkeypatch.setattr("utils.own_files.read_json", lambda path: read.append(path) or json.loads(path.read_text()))
    require_own_report(tmp_path, names, "card.json", "us")
    assert read == [tmp_path / "card.json"]


@pytest.mark.parametrize("name", ["log.jsonl", "scores.csv", "previews", "profile", "tensorboard", "checkpoints"])
def test_training_writes_into_no_folder_of_others(write_config, capsys, name):
    path, folder = write_config("mine")
    inside = folder / name / "notes.txt" if "." not in name else folder / name
    inside.parent.mkdir(parents=True)
    inside.write_bytes(MINE)
    refused(run(path), capsys, name, "move it away")
    assert [each for each in folder.rglob("*") if each.is_file()] == [inside]
    assert inside.read_bytes() == MINE


@pytest.mark.parametrize("flags", [(), ("--restart",)])
def test_training_replaces_no_trainer_of_others(write_config, capsys, flags):
    path, folder = write_config("mine")
    folder.mkdir(parents=True)
    (folder / "trainer.json").write_bytes(MINE)
    refused(run(path, *flags), capsys, "trainer.json", "move it away")
    assert (folder / "trainer.json").read_bytes() == MINE


def test_training_replaces_neither_the_config_that_it_reads_nor_one_that_somebody_keeps(write_config, capsys):
    path, folder = write_config("mine")
    folder.mkdir(parents=True)
    kept = path.rename(folder / "config.json")
    content = kept.read_bytes()
    refused(run(kept), capsys, "config.json", "read as input")
    kept.rename(path)
    (folder / "config.json").write_bytes(content)
    refused(run(path), capsys, "config.json", "move it away")
    assert (folder / "config.json").read_bytes() == content


@pytest.mark.parametrize("name", ["card.json", "report.md", "predictions.csv", "classifier.safetensors"])
def test_training_of_a_classifier_replaces_no_file_of_others(tmp_path, capsys, name):
    (tmp_path / name).write_bytes(MINE)
    refused(train_classifier.main(["--data", str(tmp_path), "-d", str(tmp_path)]), capsys, name, "move it away")
    assert (tmp_path / name).read_bytes() == MINE


@pytest.mark.parametrize("name", ["report.json", "report.md", "confusion_pitch.csv"])
def test_pooled_report_replaces_no_file_of_others(tmp_path, capsys, name):
    (tmp_path / name).write_bytes(MINE)
    refused(cross_check.main([str(tmp_path / "fold"), "-d", str(tmp_path)]), capsys, name, "move it away")
    assert (tmp_path / name).read_bytes() == MINE


def test_pooled_report_does_not_replace_that_of_a_fold(tmp_path, capsys):
    report = tmp_path / "report.json"
    report.write_text('{"pitch": {"by_class": {}}}')
    refused(cross_check.main([str(tmp_path), "-d", str(tmp_path)]), capsys, "report.json", "read as input")
    assert report.read_text() == '{"pitch": {"by_class": {}}}'


def test_schema_replaces_no_file_of_others(tmp_path, capsys):
    (tmp_path / "mine.json").write_bytes(MINE)
    refused(config_schema.main(["-o", str(tmp_path / "mine.json")]), capsys, "mine.json", "move it away")
    assert (tmp_path / "mine.json").read_bytes() == MINE
    for _ in range(2):
        assert config_schema.main(["-o", str(tmp_path / "schema.json")]) == 0
