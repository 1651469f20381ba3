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
import train
from audio_transforms import build_transform, load_transform
from data import ImportOptions, import_notes, import_sounds
from data.audio_io import quantise, write_wav
from evaluation import score_notes
from generation import export_program, load_instrument, load_tuning, pack_instrument, play_midi
from tests.conftest import SAMPLE_RATE, decaying_tone
from tests.evaluation.stub_networks import use_stubs, write_notes
from tests.generation.midi.midi_files import off, on, written
from tests.places import ROOT
from tests.playing import random_note, run_mode, sound, trained, with_families
from training import train_run
from utils.config_file import load_experiment
from utils.errors import ConfigError, UserError

JUST = "! just.scl\nfive notes\n 7\n 9/8\n 5/4\n 4/3\n 3/2\n 5/3\n 15/8\n 2/1\n"


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


@pytest.fixture
def midi(tmp_path):
    path = tmp_path / "piece.mid"
    path.write_bytes(written([on(60), off(60, 480), on(64, 0, 100), off(64, 240)]))
    return path


def test_piece_has_the_samples_that_the_command_writes(run_folder, instrument, midi, tmp_path):
    flags = ["-m", midi, "-o", tmp_path / "out", "--seed", 5, "--sustain", "retrigger", "--bits", "float"]
    assert run_mode("from_midi", run_folder, *flags) == 0
    wave = play_midi(instrument, midi, seed=5, sustain="retrigger")
    expected, rate = soundfile.read(tmp_path / "out" / "piece.wav", dtype="float32")
    assert rate == instrument.sample_rate
    assert np.array_equal(wave, expected)
    assert len(play_midi(instrument, midi, rate=2 * rate)) == pytest.approx(2 * len(wave), rel=0.1)
    assert not np.array_equal(play_midi(instrument, midi, seed=6, sustain="retrigger"), wave)


def test_piece_is_played_by_the_note_of_a_card(run_folder, instrument, midi, tmp_path):
    card = random_note(run_folder, tmp_path / "made", "--seed", 9).with_suffix(".json")
    assert run_mode("from_midi", run_folder, "-m", midi, "--from", card, "--bits", "float", "-o", tmp_path / "out") == 0
    settings = json.loads((tmp_path / "out" / f"{midi.stem}.json").read_text())["settings"]
    written = soundfile.read(tmp_path / "out" / f"{midi.stem}.wav", dtype="float32")[0]
    assert np.array_equal(play_midi(instrument, midi, note=settings["note"]), written)
    assert not np.array_equal(play_midi(instrument, midi), written)


@pytest.mark.usefixtures("_no_previews")
def test_drums_are_played_by_their_names(experiment_dict, tmp_path, monkeypatch):
    experiment_dict["loaderConfig"]["attribute_list"] = ["instrument_family_str"]
    experiment_dict["modelConfig"]["attribKeysOrder"] = None
    run = trained(experiment_dict, tmp_path)
    beat = tmp_path / "beat.mid"
    beat.write_bytes(written([on(36, channel=9), off(36, 480, channel=9)]))
    usual = {36: {"instrument_family_str": "brass"}}
    for module in ("generation.playing.played_wave", "commands.generate.options"):
        monkeypatch.setattr(f"{module}.usual_drum_map", lambda _: usual)
    assert run_mode("from_midi", run, "-m", beat, "--drums", "--bits", "float", "-o", tmp_path / "out") == 0
    samples = soundfile.read(tmp_path / "out" / "beat.wav", dtype="float32")[0]
    assert np.array_equal(play_midi(load_instrument(run, device="cpu"), beat, drums=True), samples)


def test_built_in_piece_is_played_without_a_file(instrument, monkeypatch):
    monkeypatch.setattr("generation.playing.played_wave.fur_elise", lambda: written([on(64), off(64, 480)]))
    assert np.abs(play_midi(instrument)).max() > 0


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"sustian": "loop"}, "play_midi: no setting sustian; choose from seeds, latent, .*sustain"),
        ({"bits": "24"}, "play_midi: no setting bits"),
        ({"sustain": "forever"}, "play_midi: sustain"),
        ({"midi": "nothing.mid"}, "nothing.mid: no such file"),
    ],
)
def test_piece_that_cannot_be_played_is_an_error(instrument, keywords, message):
    with pytest.raises(UserError, match=message):
        play_midi(instrument, **keywords)


def test_keys_of_a_tuning_are_those_of_the_command(run_folder, instrument, tmp_path):
    scale = tmp_path / "just.scl"
    scale.write_text(JUST)
    tuning = load_tuning(scale, root=60)
    (pitch,) = tuning.pitches_of_keys([62])
    path = random_note(run_folder, tmp_path / "out", "--tuning", scale, "--pitches", 62, "--seed", 2)
    assert np.array_equal(sound(path), quantise(instrument.note(pitch=pitch, seed=2))[0])
    with pytest.raises(UserError, match="root 200"):
        load_tuning(scale, root=200)


def test_pack_is_that_of_the_command(run_folder, instrument, tmp_path):
    assert run_mode("pack", run_folder, "-o", tmp_path / "theirs", "--seed", 3, "--pitches", "60,64") == 0
    pack_instrument(instrument, tmp_path / "ours", seed=3, pitches=[60, 64])
    theirs, ours = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "theirs", tmp_path / "ours")
    )
    assert len(ours) == 7
    assert ours == theirs
    with pytest.raises(UserError, match="attribute velocity: tiny was not conditioned on it"):
        pack_instrument(instrument, tmp_path / "other", velocity=100)


def test_program_is_written_of_the_run_on_the_cpu(run_folder, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("generation.export.program_file.write_program", lambda *given: asked.append(given))
    export_program(str(run_folder), str(tmp_path / "tiny.ts"))
    ((instrument, folder, path),) = asked
    assert (instrument.run_name, instrument.device.type) == ("tiny", "cpu")
    assert (folder, path) == (run_folder, tmp_path / "tiny.ts")


def test_terms_of_a_run_are_looked_for_in_its_folder(run_folder, tmp_path):
    (run_folder / "README.md").write_text("Free for all.")
    pack_instrument(load_instrument(run_folder, device="cpu"), tmp_path / "pack", pitches=[60])
    assert "Free for all." in (tmp_path / "pack" / "licence.txt").read_text()


@pytest.fixture
def sounds(tmp_path):
    for name, pitch in (("trumpet_C4", 60), ("trumpet_E4", 64), ("flute_D4", 62), ("flute_G4", 67)):
        write_wav(tmp_path / "sounds" / f"{name}.wav", decaying_tone(pitch, 100, partials=2), SAMPLE_RATE)
    return tmp_path / "sounds"


def test_imported_sounds_are_those_of_the_command(sounds, tmp_path):
    flags = ["--pattern", "{instrument}_{note}", "--seconds", "0.2", "--workers", "1", "-q"]
    assert import_notes.main([str(sounds), "--output", str(tmp_path / "theirs"), *flags]) == 0
    said = import_sounds(sounds, tmp_path / "ours", ImportOptions(pattern="{instrument}_{note}", seconds=0.2))
    assert said.splitlines()[-1].startswith(f"4 notes in {tmp_path / 'ours'}")
    for path in (tmp_path / "theirs").rglob("*"):
        if path.suffix in (".json", ".wav", ".csv"):
            assert (tmp_path / "ours" / path.relative_to(tmp_path / "theirs")).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"middle_c": "C6"}, "middle_c 'C6': .*C5"),
        ({"measure": ["loudnes"]}, "measure 'loudnes': did you mean 'loudness'"),
        ({"seconds": 100}, "seconds 100: must be from 0.05 to 60"),
        ({"match_level": 3}, "match_level 3: must be from -70 to 0"),
    ],
)
def test_wrong_options_of_an_import_are_errors(options, message):
    with pytest.raises(UserError, match=message):
        ImportOptions(**options)


@pytest.mark.usefixtures("_no_previews")
def test_run_is_that_of_the_command_however_often_it_is_called(experiment_dict, tiny_nsynth, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(experiment_dict))
    flags = ["-c", str(path), "-n", "theirs", "-q", "--device", "cpu"]
    assert train.main(flags) == 0
    ours = {"overrides": {"name": "ours"}, "data_path": tiny_nsynth, "device": "cpu"}
    run = train_run(path, most_steps=3, **ours)
    assert (run.steps, run.is_finished) == (3, False)
    run = train_run(path, **ours)
    assert (run.steps, run.is_finished) == (8, True)
    waves = [
        load_instrument(folder, device="cpu").note(seed=1) for folder in (run.folder, run.folder.with_name("theirs"))
    ]
    assert np.array_equal(*waves)
    with pytest.raises(ConfigError, match=r"modelConfig\.depthScales"):
        train_run(path, overrides={"modelConfig.depthScales": "many"})


@pytest.mark.parametrize("package", ["data", "generation", "evaluation", "training"])
def test_packages_are_light_and_name_what_they_lack(package):
    code = f"import sys, {package}; assert 'torch' not in sys.modules; {package}.nothing"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert f"AttributeError: module '{package}' has no attribute 'nothing'" in run.stderr


@pytest.mark.slow  # it exports a network of full size
@pytest.mark.usefixtures("_no_previews", "sounds", "midi")
def test_blocks_of_the_document_run(experiment_dict, tiny_nsynth, tmp_path, monkeypatch, capsys):
    for name, target in {
        "pretrained": ROOT / "pretrained",
        "config_files": ROOT / "config_files",
        "real": tiny_nsynth,
    }.items():
        (tmp_path / name).symlink_to(target)
    write_notes(tmp_path / "generated", 8, seed=1, name="pitch060_seed{:06d}")
    (tmp_path / "just.scl").write_text(JUST)
    (tmp_path / "config.json").write_text(json.dumps(experiment_dict))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("generation.finding.starts.RANDOM_LATENTS", 2)  # which take seconds
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 13
    assert names["higher"].shape == names["found"].wave.shape
    assert names["wave"].shape == names["flute"].shape == (names["instrument"].transform.n_samples,)
    assert len(names["scale"]) == 5
    assert names["piece"].ndim == 1
    assert {path.suffix for path in (tmp_path / "flute").iterdir() if path.is_file()} >= {".sfz", ".sf2"}
    assert (tmp_path / "mag-if.ts").is_file()
    assert names["sound"].shape == (1, 16_383)
    assert names["measured"].harmonic_to_noise_db[0] > 60 > 0 > names["measured"].harmonic_to_noise_db[1]
    said = capsys.readouterr().out
    assert "4 notes in notes/mine; data_path notes/mine/audio" in said
    run = re.escape(str(names["run"].folder))
    assert re.search(rf"\n{run} 2 False\n\S+ \+- \S+\n\S+\n\S+\n\[.+\]\n$", said)
