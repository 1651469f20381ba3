import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from data.audio_io import write_wav
from data.note_pitch import hertz
from evaluation import cross_check, train_classifier
from evaluation.classifier import training
from evaluation.classifier.predictions import COLUMNS, write_predictions
from evaluation.embeddings.note_classifier import VERSIONS, load_note_classifier
from evaluation.embeddings.spectrogram_inception import load_spectrogram_inception
from utils.files import sha256_of_file, write_json


@pytest.fixture(scope="module")
def four_instruments(tiny_nsynth, tmp_path_factory):
    """The tiny notes, each instrument also an octave lower in name only, so that there are two of each family."""
    root = tmp_path_factory.mktemp("four") / "notes"
    shutil.copytree(tiny_nsynth, root)
    notes = json.loads((root / "examples.json").read_text())
    rng = np.random.default_rng(0)
    for note in list(notes.values()):
        instrument = note["instrument_str"][:-3] + "900"
        name = f"{instrument}-{note['pitch']:03d}-{note['velocity']:03d}"
        notes[name] = note | {"instrument_str": instrument, "note_str": name, "instrument": 900}
        write_wav(root / "audio" / f"{name}.wav", 0.1 * rng.standard_normal(4800), 16_000)
    (root / "examples.json").write_text(json.dumps(notes))
    return root


def run(*argv):
    small = ("--steps", "3", "--batch-size", "4", "--validate-every", "2", "--precision", "float32", "-q")
    return train_classifier.main([*small, *map(str, argv)])


def test_folds_and_their_pooled_report(four_instruments, tiny_nsynth, tmp_path, capsys):
    for fold in (0, 1):
        folder = tmp_path / f"fold{fold}"
        argv = ("--data", four_instruments, "--extra-data", tiny_nsynth, "-d", folder, "--folds", 2, "--fold", fold)
        assert run(*argv) == 0
        out = capsys.readouterr().out
        assert "of 24 notes of 2 instruments that training did not hear" in out
        load_note_classifier(folder / "classifier.safetensors")
        assert (folder / "confusion_instrument_family_str.png").is_file()
    card = json.loads((folder / "card.json").read_text())
    assert card["notes"] == {str(four_instruments): 24, str(tiny_nsynth): 24}
    assert "--fold 1" in card["command"]
    argv = [str(tmp_path / "fold0"), str(tmp_path / "fold1"), "-d", str(tmp_path / "both")]
    assert cross_check.main(argv) == 0
    assert "of 48 notes of 4 instruments" in capsys.readouterr().out
    assert json.loads((tmp_path / "both" / "report.json").read_text())["pitch"]["notes"] == 48
    assert cross_check.main([*argv, "--data", str(four_instruments), "-q"]) == 2
    assert "too short to tell its pitch" in capsys.readouterr().err
    assert cross_check.main([argv[0], argv[0], *argv[2:]]) == 2
    assert "is in two of the folds" in capsys.readouterr().err


def test_the_same_command_goes_on(tiny_nsynth, tmp_path, capsys):
    argv = ("--data", tiny_nsynth, "-d", tmp_path / "all", "--fold", -1)
    assert run(*argv) == 0
    assert "judged on none" in capsys.readouterr().out
    before = (tmp_path / "all" / "classifier.safetensors").read_bytes()
    assert run(*argv) == 0
    assert (tmp_path / "all" / "classifier.safetensors").read_bytes() == before
    capsys.readouterr()
    assert run(*argv, "--seed", 1) == 2
    assert "started with another seed" in capsys.readouterr().err


def test_training_begins_with_weights_that_are_named(tiny_nsynth, tmp_path, capsys):
    argv = ("--data", tiny_nsynth, "--fold", -1, "--start-from", "1")
    begun = load_note_classifier(VERSIONS["1"]).state_dict()
    moved = {}
    for rate in (1e-9, 1e-3):
        folder = tmp_path / f"{rate}"
        assert run(*argv, "-d", folder, "--learning-rate", rate) == 0
        ended = load_note_classifier(folder / "classifier.safetensors").state_dict()
        moved[rate] = max(float((ended[name] - begun[name]).abs().max()) for name in ("prior", "family.weight"))
    assert moved[1e-9] < 1e-3 < moved[1e-3] * 10  # float16 rounds; three steps of a thousandth
    card = json.loads((folder / "card.json").read_text())
    assert card["started_from_sha256"] == sha256_of_file(VERSIONS["1"])
    assert run(*argv[:-2], "-d", folder, "--learning-rate", 1e-3) == 2
    assert "started_from_sha256" in capsys.readouterr().err
    (tmp_path / "none.safetensors").write_bytes(b"no weights")
    assert run(*argv[:-1], tmp_path / "none.safetensors", "-d", tmp_path / "bad") == 2
    assert "not a readable safetensors file" in capsys.readouterr().err
    assert not (tmp_path / "bad").exists()


def test_published_network(tiny_nsynth, tmp_path, capsys):
    argv = ("--data", tiny_nsynth, "-d", tmp_path / "inception", "--network", "inception", "--fold", -1)
    assert run(*argv, "--attribute", "instrument_family_str", "--steps", 1, "--batch-size", 2) == 0
    network = load_spectrogram_inception(tmp_path / "inception" / "classifier.safetensors")
    assert network.fc.out_features == 2
    assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())


@pytest.fixture
def orchestra(tmp_path):
    """Six notes of two instruments, in a folder for each."""
    rng = np.random.default_rng(0)
    for instrument in ("oboe", "french horn"):
        for pitch in ("C4", "Fs4", "Bb3"):
            path = tmp_path / "orchestra" / instrument / f"{instrument.replace(' ', '-')}_{pitch}_1.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_wav(path, 0.1 * rng.standard_normal(12_000), 16_000)
    return tmp_path / "orchestra"


def test_notes_of_other_studios_are_judged_at_each_validation(tiny_nsynth, orchestra, tmp_path, capsys):
    argv = ("--data", tiny_nsynth, "-d", tmp_path / "all", "--fold", -1, "--unheard", orchestra)
    assert run(*argv) == 0
    judged = pd.read_csv(tmp_path / "all" / "validations.csv")
    assert judged["step"].tolist() == [2, 3]
    assert set(judged["notes"]) == {"orchestra"}
    sixths = 6 * judged[["pitch", "instrument_family_str"]].to_numpy()
    np.testing.assert_allclose(sixths, sixths.round(), atol=1e-5)
    before = (tmp_path / "all" / "classifier.safetensors").read_bytes()
    assert run("--data", tiny_nsynth, "-d", tmp_path / "deaf", "--fold", -1) == 0
    assert (tmp_path / "deaf" / "classifier.safetensors").read_bytes() == before


def test_folders_of_instruments_are_learned_from(tiny_nsynth, orchestra, tmp_path, capsys):
    argv = ("--data", tiny_nsynth, "--extra-data", orchestra, "-d", tmp_path / "all", "--fold", -1)
    assert run(*argv, "--drop-doubtful-pitches") == 0
    assert json.loads((tmp_path / "all" / "card.json").read_text())["notes"][str(orchestra)] == 6


def test_weights_on_a_folder_of_other_notes(orchestra, tmp_path, capsys):
    argv = ["--classifier", "1", "--data", str(orchestra), "-d", str(tmp_path / "report"), "-q"]
    assert cross_check.main([*argv, "--every", "2"]) == 0
    said = capsys.readouterr().out
    assert "of 3 notes of 2 instruments are right" in said
    found = pd.read_csv(tmp_path / "report" / "predictions.csv")
    heard = ["french-horn_Bb3_1", "french-horn_Fs4_1", "oboe_C4_1"]
    assert found.loc[found["attribute"] == "pitch", "name"].tolist() == heard
    assert found.loc[found["attribute"] == "pitch", "label"].tolist() == ["58", "66", "60"]
    card = json.loads((tmp_path / "report" / "card.json").read_text())
    sha256 = sha256_of_file(VERSIONS["1"])
    assert card.pop("made_by") == "evaluation.cross_check --classifier"
    assert card == {"weights": VERSIONS["1"].name, "sha256": sha256, "every": 2, "notes": 3}
    assert cross_check.main(argv) == 0  # replaces its own report
    (tmp_path / "report" / "card.json").unlink()
    assert cross_check.main(argv) == 2
    assert "predictions.csv: is there and is not part of a report" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--data", "notes"], "give folders of folds, or --classifier with --data"),
        (["fold0", "--classifier", "1"], "give folders of folds, or --classifier with --data"),
        (["--classifier", "1"], "--classifier judges the notes of --data; give their folder"),
        (["--classifier", "0", "--data", "notes"], "classifier 0: no such weights; give a file, or 1"),
    ],
)
def test_one_line_errors_of_the_cross_check(tmp_path, capsys, argv, said):
    assert cross_check.main([*argv, "-d", str(tmp_path / "report")]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--fold", 5], "fold 5 of 5: must be from 0 to 4, or -1"),
        (["--folds", 50, "--fold", 7], "too few instruments for 50 folds"),
        (
            ["--network", "inception", "--attribute", "colour"],
            "colour: the notes have 0 values of this attribute; 2 or more",
        ),
    ],
)
def test_one_line_errors(tiny_nsynth, tmp_path, capsys, argv, said):
    assert run("--data", tiny_nsynth, "-d", tmp_path / "x", *argv) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_notes_that_sound_elsewhere_are_left_out(tmp_path, capsys):
    """Three notes at their label, one an octave above it, and noise, of which nobody can say."""
    time = np.arange(16_000) / 16_000
    sounds = {pitch: np.sin(2 * np.pi * hertz(pitch) * time) for pitch in (57, 60, 64)}
    sounds |= {48: sounds[60], 50: np.random.default_rng(0).standard_normal(16_000) / 5}
    (tmp_path / "fold").mkdir()
    found = []
    for pitch, wave in sounds.items():
        name = f"flute_acoustic_000-{pitch:03d}-100"
        write_wav(tmp_path / "notes" / "audio" / f"{name}.wav", 0.5 * wave, 16_000)
        found.append((name, "flute_acoustic_000", "flute", "pitch", str(pitch), "60"))
    write_predictions(tmp_path / "fold" / "predictions.csv", pd.DataFrame(found, columns=COLUMNS))
    write_json(tmp_path / "fold" / "card.json", {"classes": {"pitch": list(range(24, 85))}})
    argv = [str(tmp_path / "fold"), "-d", str(tmp_path / "out"), "--data", str(tmp_path / "notes"), "-q"]
    assert cross_check.main(argv) == 0
    assert "# Without the notes that sound octaves away from their label" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "without_doubtful" / "report.json").read_text())["pitch"]
    assert (report["notes"], report["accuracy"]) == (4, pytest.approx(1 / 4))


@pytest.mark.parametrize(("has", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_precision_is_what_the_processor_is_fast_in_and_stays_when_resumed(
    tiny_nsynth, tmp_path, monkeypatch, has, precision
):
    argv = ("--data", tiny_nsynth, "-d", tmp_path / "run", "--fold", -1, "--precision", "auto")
    argv += ("--steps", 1, "--batch-size", 2)  # bfloat16 is slow where no processor has it
    monkeypatch.setattr(training, "has_bf16", lambda _: has)
    assert run(*argv) == 0
    monkeypatch.setattr(training, "has_bf16", lambda _: not has)
    assert run(*argv) == 0
    assert json.loads((tmp_path / "run" / "card.json").read_text())["precision"] == precision
