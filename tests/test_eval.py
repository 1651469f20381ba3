"""`eval.py floor` from its command line: what it writes, what it says, and what it refuses."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

import eval
from audio_transforms import build_transform
from commands.evaluate import options
from data.audio_io import write_wav
from evaluation.embeddings import note_classifier
from evaluation.floor import report as floor_report
from evaluation.floor import round_trip
from tests.evaluation.reports import cells
from utils.config_file import load_experiment

N_SAMPLES = 16 * 32 - 1
FADED = f"16000hz_{N_SAMPLES}_faded"


@pytest.fixture(autouse=True)
def _without_scores(monkeypatch, tmp_path):
    """`tests/evaluation/floor/test_floor_scores.py` has those."""
    monkeypatch.setattr(note_classifier, "SHIPPED", tmp_path / "none.safetensors")


@pytest.fixture
def configs(experiment_dict, tmp_path):
    """Two configs of one audio format: mag-if, which leaves out 0 Hz, and the waveform itself."""
    waveform = {"transform": "waveform", "audio_length": N_SAMPLES, "fade_out": True}
    return [
        write_config(tmp_path / "a.json", experiment_dict | {"name": "polar"}),
        write_config(tmp_path / "b.json", experiment_dict | {"name": "plain", "transformConfig": waveform}),
    ]


@pytest.fixture
def notes(tiny_nsynth, tmp_path):
    """A copy of the notes that may be changed."""
    return Path(shutil.copytree(tiny_nsynth, tmp_path / "notes"))


def write_config(path, raw):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(raw))
    return path


def run(*flags):
    return eval.main(["floor", "-q", "--device", "cpu", *map(str, flags)])


def card_of(folder):
    return json.loads((folder / "floor.json").read_text())


@pytest.mark.usefixtures("with_figures")
def test_report_has_tables_numbers_sound_and_a_picture(configs, tiny_nsynth, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("--real", tiny_nsynth, "-d", out, "-c", *configs, "--pairs", 3) == 0
    said = capsys.readouterr().out
    header, _, polar, plain = cells(said)
    assert header[:3] == ["config", "transform", "shape"]
    assert header[-3:] == ["forward ms", "inverse ms", "exact"]
    assert polar[:3] + polar[-1:] == ["polar", "mag-if", "2 x 32 x 16", "no"]
    assert plain[:7] == ["plain", "waveform", f"1 x 1 x {N_SAMPLES}", "identical", "0.00", "identical", "-"]
    assert plain[-1] == "yes"
    assert f"Medians over 24 notes of 2 families, of 24 in {tiny_nsynth}. Times on cpu (" in said
    markdown = (out / "floor.md").read_text()
    assert said.partition("\n\n")[0] in markdown
    assert len(re.findall(r"\| config +\| +all \| +brass \| +flute \|", markdown)) == 4
    assert [config["audio_gain_db"] for config in card_of(out)["configs"]] == [0, 0]
    names = sorted(path.name for path in (out / "audio" / "polar").iterdir())
    assert len(names) == 3
    for folder in ("polar", "plain", f"original/{FADED}"):
        assert sorted(path.name for path in (out / "audio" / folder).iterdir()) == names
    original, rate = soundfile.read(out / "audio" / "original" / FADED / names[1])
    assert (len(original), rate, original[-1]) == (N_SAMPLES, 16_000, 0)
    np.testing.assert_array_equal(original, soundfile.read(out / "audio" / "plain" / names[1])[0])
    assert np.abs(original - soundfile.read(out / "audio" / "polar" / names[1])[0]).max() > 0
    assert (out / "representations.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in out.iterdir()} == {"floor.md", "floor.json", "representations.png", "audio"}


def test_card_tells_how_the_numbers_were_made(configs, tiny_nsynth, tmp_path):
    assert run("--real", tiny_nsynth, "-d", tmp_path / "out", "-c", *configs, "-n", 10) == 0
    card = card_of(tmp_path / "out")
    assert (card["real"], card["notes_per_batch"]) == (str(tiny_nsynth), round_trip.BATCH)
    assert card["versions"].keys() == {"python", "torch", "numpy"}
    assert card["notes"]["families"] == {"brass": 5, "flute": 5}
    assert (card["notes"]["found"], card["notes"]["measured"]) == (24, 10)
    polar, plain = card["configs"]
    assert polar["transformConfig"] == load_experiment(configs[0]).transform.to_plain()
    assert (polar["shape"], polar["n_samples"], polar["exact"]) == ([2, 32, 16], N_SAMPLES, False)
    assert len(polar["notes"]) == polar["all"]["notes"] == 10
    assert polar["families"].keys() == {"brass", "flute"}
    snr = [note["snr_db"] for note in polar["notes"]]
    assert polar["all"]["snr_db"]["median"] == pytest.approx(np.median(snr))
    assert plain["all"]["snr_db"]["median"] == card["identical"]["snr_db"]
    assert [note["name"] for note in polar["notes"]] == [note["name"] for note in plain["notes"]]


def test_same_command_gives_the_same_report_but_for_times(configs, notes, tmp_path):
    def numbers(out):
        assert run("--real", notes, "-d", tmp_path / out, "-c", *configs, "-n", 10) == 0
        card = card_of(tmp_path / out)
        for config in card["configs"]:
            del config["forward_ms"], config["inverse_ms"]
        return card

    first = numbers("one")
    assert numbers("two") == first
    wave, rate = soundfile.read(notes / "audio" / f"{first['configs'][0]['notes'][0]['name']}.wav")
    write_wav(notes / "audio" / f"{first['configs'][0]['notes'][0]['name']}.wav", wave / 2, rate)
    assert numbers("three")["notes"]["sha256"] != first["notes"]["sha256"]


def test_large_pitch_errors_are_no_identity():
    summary = {"pitch_error_cents": {"median": 300.0}, "snr_db": {"median": 300.0}}
    assert floor_report._cell("pitch_error_cents", summary) == "300.00"
    assert floor_report._cell("snr_db", summary) == "identical"


def test_paper_configs_are_the_default(experiment_dict, tiny_nsynth, tmp_path, capsys, monkeypatch):
    for name in ("b", "a"):
        write_config(tmp_path / "config_files" / name / "paper.json", experiment_dict | {"name": f"{name}_paper"})
    write_config(tmp_path / "config_files" / "a" / "quick.json", experiment_dict | {"name": "a_quick"})
    monkeypatch.setattr(options, "CONFIG_FILES", tmp_path / "config_files")
    monkeypatch.chdir(tmp_path)
    assert run("--real", tiny_nsynth) == 0
    assert [row[0] for row in cells(capsys.readouterr().out)[2:]] == ["a_paper", "b_paper"]
    assert (tmp_path / "floor" / "floor.json").is_file()
    monkeypatch.setattr(options, "CONFIG_FILES", tmp_path / "nowhere")
    assert run("--real", tiny_nsynth) == 2
    assert "nowhere: no */paper.json here; name configs with -c\n" in capsys.readouterr().err


def test_shipped_default_is_there():
    assert list(options.CONFIG_FILES.glob("*/paper.json"))


@pytest.mark.usefixtures("with_figures")
def test_formats_differ_by_rate_length_and_fade(experiment_dict, tiny_nsynth, tmp_path, capsys):
    formats = {
        "low": {"sample_rate": 8_000, "audio_length": 500},
        "high": {"sample_rate": 16_000, "audio_length": 500},
        "faded": {"sample_rate": 16_000, "audio_length": 500, "fade_out": True},
        "long": {"sample_rate": 16_000, "audio_length": 6_000},
    }
    paths = [
        write_config(
            tmp_path / f"{name}.json",
            experiment_dict | {"name": name, "transformConfig": {"transform": "waveform"} | keys},
        )
        for name, keys in formats.items()
    ]
    out = tmp_path / "out"
    assert run("--real", tiny_nsynth, "-d", out, "-c", *paths, "-n", 4, "--pairs", 1) == 0
    originals = {path.name: path for path in (out / "audio" / "original").iterdir()}
    assert originals.keys() == {"8000hz_500", "16000hz_500", "16000hz_500_faded", "16000hz_6000"}
    lengths = {name: soundfile.info(next(path.iterdir())) for name, path in originals.items()}
    assert (lengths["8000hz_500"].samplerate, lengths["8000hz_500"].frames) == (8_000, 500)
    assert lengths["16000hz_6000"].frames == 6_000
    pictures = {path.name: imread(path).shape[0] // 260 for path in out.glob("*.png")}
    assert pictures == {"representations_8000hz.png": 1, "representations_16000hz.png": 3}  # a row for each config
    assert "; 4 shorter than the representation needs, padded with silence. " in capsys.readouterr().out


def test_notes_without_labels_are_one_unknown_family(configs, tiny_nsynth, tmp_path, capsys):
    for number, path in enumerate(sorted((tiny_nsynth / "audio").iterdir())[:3]):
        (tmp_path / "plain").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "plain" / f"sound {number}.wav")
    assert run("--real", tmp_path / "plain", "-d", tmp_path / "out", "-c", configs[0]) == 0
    assert "3 notes of 1 family" in capsys.readouterr().out
    card = card_of(tmp_path / "out")
    assert card["notes"]["families"] == {"unknown": 3}
    assert card["configs"][0]["all"]["pitch_error_cents"]["notes"] == 0


def test_pitch_is_compared_where_labels_tell_it(experiment_dict, tmp_path, capsys):
    time = np.arange(16_000) / 16_000
    for name, hertz in {"flute_acoustic_000-069-100": 440, "plain": 440}.items():
        write_wav(tmp_path / "notes" / f"{name}.wav", 0.5 * np.sin(2 * np.pi * hertz * time), 16_000)
    keys = {"transform": "stft", "fft_size": 1024, "audio_length": 16_000}
    config = write_config(tmp_path / "c.json", experiment_dict | {"transformConfig": keys})
    assert run("--real", tmp_path / "notes", "-d", tmp_path / "out", "-c", config) == 0
    header, _, row = cells(capsys.readouterr().out)
    assert dict(zip(header, row, strict=True))["pitch cents"] == "0.00"
    assert dict(zip(header, row, strict=True))["pitched notes"] == "1"


def test_sound_beyond_full_scale_is_turned_down_and_said(configs, tiny_nsynth, tmp_path, monkeypatch):
    def loud(config):
        transform = build_transform(config)
        transform.inverse = lambda image: image[:, 0, 0] * 8
        return transform

    monkeypatch.setattr(round_trip, "build_transform", loud)
    assert run("--real", tiny_nsynth, "-d", tmp_path / "out", "-c", configs[1]) == 0
    (config,) = card_of(tmp_path / "out")["configs"]
    assert config["all"]["snr_db"]["median"] == pytest.approx(-20 * np.log10(7), abs=1e-3)
    gain = 10 ** (config["audio_gain_db"] / 20)
    assert gain < 1
    folder, peaks = tmp_path / "out" / "audio", []
    for path in (folder / "plain").iterdir():
        (original,) = folder.glob(f"original/*/{path.name}")
        peaks += [np.abs(soundfile.read(each)[0]).max() for each in (path, original)]
    assert max(peaks[::2]) > 0.999
    np.testing.assert_allclose(peaks[::2], 8 * gain * np.array(peaks[1::2]), atol=1e-4)  # one gain for all


def test_silent_notes_are_left_out_and_counted(configs, notes, tmp_path, capsys):
    write_wav(notes / "audio" / "flute_acoustic_001-060-050.wav", np.zeros(4_800), 16_000)
    assert run("--real", notes, "-d", tmp_path / "out", "-c", *configs) == 0
    assert f"Medians over 23 notes of 2 families, of 24 in {notes}; 1 silent left out. " in capsys.readouterr().out
    card = card_of(tmp_path / "out")
    assert card["notes"]["silent"] == ["flute_acoustic_001-060-050"]
    assert card["configs"][0]["all"]["notes"] == 23


def test_broken_notes_stop_it_or_are_left_out(configs, notes, tmp_path, capsys):
    (notes / "audio" / "flute_acoustic_001-060-050.wav").write_bytes(b"no audio")
    assert run("--real", notes, "-d", tmp_path / "out", "-c", *configs) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"eval\.py: 1 of 24 notes cannot be used: \S+-060-050\.wav: not readable as audio .*\n", error)
    assert not (tmp_path / "out").exists()
    assert run("--real", notes, "-d", tmp_path / "out", "-c", *configs, "--skip-broken") == 0
    assert "1 broken left out" in capsys.readouterr().out
    assert card_of(tmp_path / "out")["notes"]["broken"] == ["flute_acoustic_001-060-050"]


def test_interrupted_leaves_nothing(configs, tiny_nsynth, tmp_path, capsys, monkeypatch):
    original, calls = round_trip.there_and_back, []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(round_trip, "there_and_back", interrupted)
    assert run("--real", tiny_nsynth, "-d", tmp_path / "out", "-c", *configs) == 130
    assert not (tmp_path / "out").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--real", "{tmp}/none"], r"\S+/none: no such folder; give the folder of the notes"),
        (["--real", "{tmp}/file"], r"\S+/file: is a file, not a folder; give the folder of the notes"),
        (["--real", "{tmp}/empty"], r"\S+/empty: no audio files \(.*\) here or in audio/; .*"),
        (["-c", "{tmp}/none.json"], r"\S+/none\.json: no such file; check the path"),
        (["-c", "{tmp}/file"], r"\S+/file, line 1 column 1: not valid JSON .*"),
        (["-c", "{tmp}/a.json", "{tmp}/a.json"], r"polar: is the name of several of the configs; .*"),
        (["-d", "{tmp}/file"], r"\S+/file: a file stands where a folder is needed; choose another output folder"),
        (["-d", "{tmp}/file/out"], r"\S+/file: a file stands where a folder is needed; choose another output folder"),
        (["--device", "tpu9"], r"device tpu9: not available here .*"),
        (["-n", "0"], r"argument -n/--count: 0: must be 1 or more; .*"),
        (["--pairs", "0"], r"argument --pairs: 0: must be 1 or more; .*"),
    ],
)
def test_what_cannot_be_measured_is_one_line(configs, tiny_nsynth, tmp_path, capsys, flags, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    given = ["--real", tiny_nsynth, "-d", tmp_path / "out", "-c", *configs]
    assert run(*given, *(flag.format(tmp=tmp_path) for flag in flags)) == 2
    assert re.fullmatch(rf"eval\.py: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "file").read_text() == "mine"


def test_folder_without_permission_is_refused_before_the_work(configs, tiny_nsynth, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    monkeypatch.setattr(floor_report, "decoded_notes", None)
    assert run("--real", tiny_nsynth, "-d", tmp_path / "out", "-c", *configs) == 2
    assert capsys.readouterr().err == f"eval.py: {tmp_path}: no permission to write; choose another output folder\n"


def test_evaluation_and_notes_must_be_named(capsys):
    assert eval.main([]) == 2
    assert capsys.readouterr().err.endswith("arguments are required: evaluation; see eval.py --help\n")
    assert eval.main(["floor"]) == 2
    assert capsys.readouterr().err.endswith("arguments are required: --real; see eval.py floor --help\n")
