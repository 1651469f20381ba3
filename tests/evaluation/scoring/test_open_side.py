"""A folder, a run and a statistics file on either side give the same numbers for the same notes."""

import json

import numpy as np
import pytest

import eval
import generate
from data.note_folder import notes_of_folder
from evaluation.embeddings.notes import decoded
from evaluation.scoring import score_embeddings
from evaluation.scoring.reference_notes import after_representation
from generation.instrument import Instrument
from tests.evaluation.reports import lines_of
from tests.evaluation.stub_networks import StubClassifier, write_notes
from tests.playing import CPU

pytestmark = pytest.mark.usefixtures("_stub_networks")


@pytest.fixture
def real(tmp_path):
    return write_notes(tmp_path / "real", 8, seed=1, name="brass_acoustic_000-060-{:03d}")


@pytest.fixture
def fake(tmp_path):
    return write_notes(tmp_path / "fake", 7, seed=2, name="pitch060_seed{:06d}")


def run(*flags):
    return eval.main([flags[0], "-q", "--device", "cpu", *map(str, flags[1:])])


def numbers_of(folder):
    """All that the lines found, with the hashes of what it was found of."""
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    keys = ("name", "baseline", "value", "standard_error", "n_real", "n_fake", "real_sha256", "fake_sha256", "details")
    return [{key: line[key] for key in keys} for line in lines]


@pytest.mark.parametrize(
    ("flags", "rate"), [([], 11_025), (["--pitch", 60, 67], 16_000), (["--truncation", 0.5], 16_000)]
)
def test_a_run_scores_as_the_folder_that_generate_writes(flags, rate, run_folder, real, tmp_path, monkeypatch):
    monkeypatch.setattr(StubClassifier, "sample_rate", rate)
    command = ["random", "-q", "--device", "cpu", "-d", run_folder, "-o", tmp_path / "sound", "--count", 9, *flags]
    assert generate.main(list(map(str, command))) == 0
    assert run("all", "--real", real, "--fake", tmp_path / "sound", "-d", tmp_path / "of folder") == 0
    assert run("all", "--real", real, "--run", run_folder, "--n", 9, *flags, "-d", tmp_path / "of run") == 0
    assert numbers_of(tmp_path / "of folder") == numbers_of(tmp_path / "of run")
    assert {"pitch-accuracy", "pkid"} <= {line["name"] for line in numbers_of(tmp_path / "of run")}


def test_a_run_says_what_it_was_and_may_stand_on_the_real_side(run_folder, fake, tmp_path):
    assert run("ikid", "--real", run_folder, "--fake", fake, "--n", 5, "-d", tmp_path / "out") == 0
    line = json.loads((tmp_path / "out" / "results.jsonl").read_text().splitlines()[0])
    assert (line["n_real"], line["n_fake"], line["fake_origin"]) == (5, 7, {"kind": "folder"})
    assert line["real"].startswith(f"{run_folder} (5 notes of scale ")
    assert {"kind", "checkpoint_sha256", "step", "notes"} <= line["real_origin"].keys()
    assert (line["real_origin"]["notes"], line["real_origin"]["truncation"]) == (5, None)


def test_a_run_says_how_its_latents_were_bounded(run_folder, tmp_path):
    out = tmp_path / "out"
    assert run("pis", "--run", run_folder, "--n", 5, "--truncation", 0.5, "-d", out) == 0
    line = json.loads((out / "results.jsonl").read_text().splitlines()[0])
    assert line["fake_origin"]["truncation"] == 0.5
    assert line["fake"].endswith(", truncation 0.5)")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--run", "{tmp}/real"], "/real: holds no "),
        (["--run", "{run}", "--pitch", "61"], "pitch 61: not among the 4 pitches"),
        (["--run", "{run}", "--scale", "99"], "no checkpoint of scale 99"),
        (["--run", "{run}", "--fake", "{tmp}/real"], "not allowed with argument"),
    ],
)
def test_runs_that_do_not_serve_are_one_line(flags, message, run_folder, real, tmp_path, capsys):
    given = [flag.format(tmp=tmp_path, run=run_folder) for flag in flags]
    assert run("pis", "-d", tmp_path / "out", *given) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_statistics_stand_for_the_notes_on_either_side(real, fake, tmp_path, capsys):
    for name, notes in (("real", real), ("fake", fake)):
        assert run("statistics", "--notes", notes, "-d", tmp_path / f"{name}.npz", "--vggish", "w.pth") == 0
    assert (
        f"7 notes in {tmp_path / 'fake.npz'}, as heard by note-classifier, vggish-google, musicnn, pyin"
        in capsys.readouterr().out
    )
    sides = ["--real", real, "--fake", fake], ["--real", tmp_path / "real.npz", "--fake", tmp_path / "fake.npz"]
    for number, side in enumerate(sides):
        assert run("all", *side, "-d", tmp_path / f"out {number}", "--vggish", "w.pth") == 0
    of_folders, of_files = (numbers_of(tmp_path / f"out {number}") for number in (0, 1))
    for line in (*of_folders, *of_files):
        if line["name"] == "in-tune":  # of the folder, only as many notes as generated ones were heard
            line.pop("real_sha256")
    assert of_folders == of_files


def test_statistics_of_a_run_are_those_of_its_notes(run_folder, real, tmp_path):
    assert run("statistics", "--run", run_folder, "--n", 6, "-d", tmp_path / "run.npz") == 0
    assert run("all", "--real", real, "--fake", tmp_path / "run.npz", "-d", tmp_path / "saved") == 0
    assert run("all", "--real", real, "--run", run_folder, "--n", 6, "-d", tmp_path / "now") == 0
    assert numbers_of(tmp_path / "saved") == numbers_of(tmp_path / "now")


def test_statistics_hold_neither_sound_nor_names(real, tmp_path):
    assert run("statistics", "--notes", real, "-d", tmp_path / "real.npz") == 0
    with np.load(tmp_path / "real.npz", allow_pickle=False) as file:
        assert {name: file[name].shape for name in file.files if name != "card"} == {
            "pitches": (8,),
            "families": (8,),
            "instruments": (8,),
            "note-classifier/features": (8, 5),
            "note-classifier/pitch_logits": (8, 61),
            "note-classifier/family_logits": (8, 11),
            "musicnn/features": (8, 4),
            "pyin/f0": (8, 4),
            "note-sound/of_pitch": (8, 73, 4),
            "note-sound/of_note": (8, 3),
            "note-sound/measured": (8, 2),
        }
        assert (file["pitches"] == 60).all()
        assert (file["families"] == "brass").all()
        card = str(file["card"])
    assert "brass_acoustic" not in card
    assert str(tmp_path) not in card


def test_statistics_of_other_weights_are_refused(real, fake, tmp_path, capsys, monkeypatch):
    assert run("statistics", "--notes", real, "-d", tmp_path / "real.npz") == 0
    monkeypatch.setattr(score_embeddings, "SHIPPED", "newer")
    assert run("pkid", "--real", tmp_path / "real.npz", "--fake", fake, "-d", tmp_path / "out") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert (
        "made with other settings of note-classifier: weights_sha256 was shipped, now it is newer; make the file"
        in said
    )


def test_statistics_of_another_pitch_tracker_cost_one_score(real, fake, tmp_path, capsys, monkeypatch):
    assert run("statistics", "--notes", fake, "-d", tmp_path / "fake.npz") == 0
    monkeypatch.setattr(score_embeddings.PyinEmbedding, "identity", {"tracker": "newer"})
    assert run("all", "--real", real, "--fake", tmp_path / "fake.npz", "-d", tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert "left out: " in said
    assert "made with other settings of pyin" in said
    assert {"pis", "pkid"} <= {line["name"] for line in lines_of(tmp_path / "out")}


def test_what_statistics_lack_is_an_error_of_one_score_and_a_line_of_all(real, fake, tmp_path, capsys):
    assert run("statistics", "--notes", real, "-d", tmp_path / "real.npz") == 0
    capsys.readouterr()
    sides = ("--real", tmp_path / "real.npz", "--fake", fake, "--vggish", "w.pth")
    assert run("fad", *sides, "-d", tmp_path / "fad") == 2
    said = f"fad-vggish-google: {tmp_path / 'real.npz'} holds no features of vggish-google"
    assert said in capsys.readouterr().err
    assert run("all", *sides, "-d", tmp_path / "all") == 0
    assert f"left out: {said}" in capsys.readouterr().err


def edited(path, **entries):
    with np.load(path, allow_pickle=False) as file:
        kept = {name: file[name] for name in file.files}
    np.savez(path, **{name: value for name, value in (kept | entries).items() if value is not None})


@pytest.mark.parametrize(
    "entries",
    [
        {"note-classifier/features": np.zeros((7, 5), np.float32)},
        {"note-classifier/features": np.zeros((8, 5))},
        {"note-classifier/features": np.full((8, 5), np.nan, np.float32)},
        {"note-classifier/features": None},
        {"note-classifier/features": np.array([print] * 8, dtype=object)},
        {"pitches": np.full(8, 300, np.int16)},
        {"pitches": np.full(7, 60, np.int16)},
        {"families": np.arange(8)},
        {"card": np.array("{}")},
        {"card": None},
    ],
)
def test_damaged_statistics_are_refused(entries, real, tmp_path, capsys):
    path = tmp_path / "real.npz"
    assert run("statistics", "--notes", real, "-d", path) == 0
    edited(path, **entries)
    assert run("pis", "--fake", path, "-d", tmp_path / "out") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"eval.py: {path}: not a statistics file, or damaged (")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"RIFF not numpy", None])
def test_other_files_are_no_statistics(content, tmp_path, capsys):
    with (tmp_path / "notes.npz").open("wb") as file:
        np.save(file, np.zeros(3)) if content is None else file.write(content)
    assert run("pis", "--fake", tmp_path / "notes.npz", "-d", tmp_path / "out") == 2
    assert "not a statistics file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--notes", "{tmp}/real", "-d", "{tmp}/out.txt"], "out.txt: the name of a statistics file must end with .npz"),
        (["--notes", "{tmp}/x.npz", "-d", "{tmp}/out.npz"], "x.npz: is a statistics file already"),
        (["--notes", "{tmp}/none", "-d", "{tmp}/out.npz"], "none: no such folder"),
        (["--notes", "{tmp}/real", "-d", "{tmp}/out.npz", "--embedding-rate", "8000"], "for a network of your own"),
    ],
)
def test_statistics_that_cannot_be_made_are_one_line(flags, message, real, tmp_path, capsys):
    assert run("statistics", *(flag.format(tmp=tmp_path) for flag in flags)) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out.npz").exists()


def test_references_of_a_run_have_its_floor(run_folder, real, tmp_path):
    flags = ("--real", real, "--run", run_folder, "--n", 7, "--references", "-d", tmp_path / "out")
    assert run("all", *flags) == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    (line,) = (line for line in lines if line["name"] == "pkid" and not line["baseline"])
    assert line["references"].keys() == {"sines", "noise", "floor"}
    records = notes_of_folder(real)
    transform = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU).transform
    restored = after_representation(records, transform)
    assert [record.name for record in restored.records] == [record.name for record in records]
    with decoded(records, transform.sample_rate, transform.n_samples) as originals:
        before, after = (notes.waves(range(len(records))) for notes in (originals, restored))
    middle = slice(128, -128)  # the small representation of this run loses the edges
    for one, other in zip(before[:, middle].numpy(), after[:, middle].numpy(), strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.95
