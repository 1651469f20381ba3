"""What docs/python.md shows: the same results from Python as from the command line."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

import eval
from audio_transforms import build_transform, load_transform
from data.audio_io import quantise
from evaluation import score_notes
from generation import load_instrument
from tests.evaluation.stub_networks import use_stubs, write_notes
from tests.places import ROOT
from tests.playing import random_note, sound, trained, with_families
from utils.config_file import load_experiment
from utils.errors import ConfigError, UserError


@pytest.fixture
def instrument(run_folder):
    return load_instrument(str(run_folder), device="cpu")


def test_note_has_the_samples_that_the_command_writes(run_folder, instrument, tmp_path):
    for name, flags, keywords in [
        ("asked", ["--seed", 7, "--pitch", 60], {"seed": 7, "pitch": 60}),
        ("drawn", ["--seed", 3], {"seed": 3}),
        ("truncated", ["--pitch", 64, "--truncation", 0.5], {"pitch": 64, "truncation": 0.5}),
    ]:
        wave = instrument.note(**keywords)
        assert (wave.dtype, wave.shape) == (np.float32, (instrument.transform.n_samples,))
        path = random_note(run_folder, tmp_path / name, *flags)
        assert soundfile.info(path).samplerate == instrument.sample_rate
        assert np.array_equal(sound(path), quantise(wave)[0])
        random_note(run_folder, tmp_path / name, "--bits", "float", *flags)
        assert np.array_equal(soundfile.read(path, dtype="float32")[0], wave)


def test_loud_notes_are_turned_down_as_by_the_command(run_folder, instrument):
    state = {name: 1e3 * weight for name, weight in instrument.networks.ema.state_dict().items()}
    instrument.networks.ema.load_state_dict(state)
    loud = instrument.play([0], instrument.labels(0, {"pitch": 60}))[0]
    wave = instrument.note(pitch=60)
    assert np.abs(loud).max() > 1 > np.abs(wave).max()
    np.testing.assert_allclose(wave / np.abs(wave).max(), loud / np.abs(loud).max(), atol=1e-6)


@pytest.mark.usefixtures("_no_previews")
def test_attributes_are_keywords(experiment_dict, tmp_path):
    run = trained(with_families(experiment_dict), tmp_path)
    instrument = load_instrument(run, device="cpu")
    waves = [instrument.note(pitch=60, instrument_family=family) for family in ("brass", "flute")]
    assert not np.array_equal(*waves)
    path = random_note(run, tmp_path / "out", "--pitch", 60, "--attributes", "instrument_family=flute")
    assert np.array_equal(sound(path), quantise(waves[1])[0])
    with pytest.raises(UserError, match=r"family=organ: not among the values .* from brass, flute"):
        instrument.note(instrument_family="organ")


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"pitch": 61}, r"pitch 61: not among the 4 pitches that tiny learned \(60 to 67\); choose from them"),
        ({"velocity": 100}, "attribute velocity: tiny was not conditioned on it; leave it out"),
        ({"seed": -1}, "seed -1: must be from 0 to"),
        ({"truncation": 0.0}, "truncation 0: must be above 0"),
    ],
)
def test_note_that_cannot_be_played_is_an_error(instrument, keywords, message):
    with pytest.raises(UserError, match=message):
        instrument.note(**keywords)


def test_checkpoint_and_device_are_chosen(run_folder):
    assert load_instrument(run_folder, scale=1, iteration=2, device="cpu").scale == 1
    with pytest.raises(UserError, match="device tpu9: not available here"):
        load_instrument(run_folder, device="tpu9")


def test_instrument_keeps_the_config_and_the_seed_of_its_training(instrument):
    assert (instrument.run_name, instrument.experiment.name, instrument.training_seed) == ("tiny", "tiny", 0)


@pytest.mark.parametrize("as_file", [True, False])
def test_transform_is_that_of_the_config(experiment_dict, tmp_path, as_file):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(experiment_dict))
    transform = load_transform(path if as_file else experiment_dict["transformConfig"])
    wave = torch.rand(2, transform.n_samples)
    expected = build_transform(load_experiment(path).transform)
    assert torch.equal(transform(wave), expected(wave))
    assert torch.equal(transform.inverse(transform(wave)), expected.inverse(expected(wave)))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"transform": "mag-of"}, "transformConfig: transformConfig.transform: .*mag-if"),
        ({"transform": "mag-if", "fft_sise": 64}, "transformConfig: .*fft_sise.*fft_size"),
        ({}, "transformConfig: transformConfig.transform: missing"),
    ],
)
def test_transform_of_a_faulty_config_is_an_error(config, message):
    with pytest.raises(ConfigError, match=message):
        load_transform(config)


@pytest.fixture
def sides(tmp_path, monkeypatch):
    use_stubs(monkeypatch, tmp_path)
    real = write_notes(tmp_path / "real", 30, seed=1, name="brass_acoustic_000-060-{:03d}")
    return write_notes(tmp_path / "fake", 20, seed=2, name="pitch060_seed{:06d}"), real


def values_of_command(out, name, fake, real):
    flags = ["-q", "--device", "cpu", "--fake", fake, "-d", out, *([] if real is None else ["--real", real])]
    assert eval.main([name, *map(str, flags)]) == 0
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return {line["name"]: (line["value"], line["standard_error"]) for line in lines if not line["baseline"]}


def values(scores):
    return {name: (score.value, score.standard_error) for name, score in scores.items()}


def test_scores_are_those_of_the_commands(sides, tmp_path):
    fake, real = sides
    every = values(score_notes(fake, real, device="cpu"))
    assert every == values_of_command(tmp_path / "all", "all", fake, real)
    one = values(score_notes(str(fake), str(real), only=["pkid"], device="cpu"))
    assert one == values_of_command(tmp_path / "pkid", "pkid", fake, real)
    assert values(score_notes(fake, real, only=["recall", "pis", "kad-musicnn"], device="cpu")) == {
        name: every[name] for name in ("pis", "recall", "kad-musicnn")
    }
    assert values(score_notes(fake, device="cpu")) == values_of_command(tmp_path / "alone", "all", fake, None)


def test_scores_that_cannot_be_had_are_errors(sides, tmp_path):
    fake, real = sides
    for arguments, only, message in [
        ((fake, real), "kid", r"kid: no such score; choose from .*pkid"),
        ((fake,), "pkid", "pkid: compares with real notes"),
        ((fake, real), "ndb", "ndb: needs 50 real notes or more"),
    ]:
        with pytest.raises(UserError, match=message):
            score_notes(*arguments, only=[only], device="cpu")


@pytest.mark.parametrize("package", ["generation", "evaluation"])
def test_packages_are_light_and_name_what_they_lack(package):
    code = f"import sys, {package}; assert 'torch' not in sys.modules; {package}.nothing"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert f"AttributeError: module '{package}' has no attribute 'nothing'" in run.stderr


def test_blocks_of_the_document_run(tiny_nsynth, tmp_path, monkeypatch, capsys):
    for name, target in {
        "pretrained": ROOT / "pretrained",
        "config_files": ROOT / "config_files",
        "real": tiny_nsynth,
    }.items():
        (tmp_path / name).symlink_to(target)
    write_notes(tmp_path / "generated", 8, seed=1, name="pitch060_seed{:06d}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("generation.finding.starts.RANDOM_LATENTS", 2)  # which take seconds
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 8
    assert names["higher"].shape == names["found"].wave.shape
    assert names["wave"].shape == names["flute"].shape == (names["instrument"].transform.n_samples,)
    assert names["sound"].shape == (1, 16_383)
    assert names["measured"].harmonic_to_noise_db[0] > 60 > 0 > names["measured"].harmonic_to_noise_db[1]
    assert re.fullmatch(r"\S+ \+- \S+\n\S+\n\S+\n\[.+\]\n", capsys.readouterr().out)
