"""`generate.py` from its command line: files, names, selection, and runs that are not what they should be."""

import hashlib
import json
import os
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import generate
import train
from evaluation.anchors import anchors_of_seeds
from evaluation.generation import Instrument
from evaluation.generation_commands.random_notes import DEFAULT_COUNT
from evaluation.interpolation_notes import places_on_path
from evaluation.note_files import MOST_IN_PICTURE
from evaluation.synthesis import HEADROOM, fit_full_scale
from models.checkpoint import find_checkpoint, list_checkpoints, load_checkpoint
from models.networks import build_networks
from models.training_step import TrainingStep
from utils.config_file import parse_experiment
from utils.run_folder import CONFIG_NAME

N_SAMPLES = 16 * 32 - 1
CPU = torch.device("cpu")
PITCHES = [60, 62, 64, 67]


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    """Where the one run is kept that `run_folder` copies."""
    return tmp_path_factory.mktemp("finished") / "run"


@pytest.fixture
def run_folder(experiment_dict, tmp_path, finished_run):
    """A finished run of 8 steps whose notes have been deleted and whose folder has moved elsewhere."""
    if not finished_run.exists():
        shutil.copytree(trained(experiment_dict, tmp_path), finished_run)
    return Path(shutil.copytree(finished_run, tmp_path / "moved" / "run", dirs_exist_ok=True))


def trained(experiment_dict, tmp_path, *flags):
    notes = tmp_path / "notes"
    shutil.copytree(experiment_dict["loaderConfig"]["data_path"], notes)
    experiment_dict["loaderConfig"]["data_path"] = str(notes)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(experiment_dict))
    command = ["-c", str(config), "-q", "--device", "cpu", "--n_samples", "1", "--keepCheckpoints", "0", *flags]
    assert train.main(command) in (0, 130)
    moved = tmp_path / "moved" / "run"
    moved.parent.mkdir()
    shutil.move(Path(experiment_dict["output_path"]) / "tiny", moved)
    for left in (notes, config, Path(experiment_dict["output_path"]), moved / CONFIG_NAME):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return moved


@pytest.fixture(autouse=True)
def _no_previews(monkeypatch):
    monkeypatch.setattr("evaluation.preview.PreviewWriter.__call__", lambda *_: None)


def play(run_folder, *flags):
    return generate.main(["random", "-d", str(run_folder), "-q", "--device", "cpu", *map(str, flags)])


def wavs(folder):
    return sorted(path.name for path in folder.glob("*.wav"))


def test_notes_are_wavs_named_by_pitch_and_seed_with_a_card_each(run_folder, tmp_path, capsys):
    out = tmp_path / "sound"
    assert play(run_folder, "-o", out, "--count", 5, "--seed", 7, "--pitch", 60, 67) == 0
    assert wavs(out) == [f"pitch{pitch:03d}_seed{seed:06d}.wav" for pitch, seed in
                         [(60, 7), (60, 9), (60, 11), (67, 8), (67, 10)]]  # fmt: skip
    assert capsys.readouterr().out == f"5 notes in {out}, pitch060_seed000007.wav first; see rainbowgrams.png there\n"
    newest = find_checkpoint(run_folder)
    for name in wavs(out):
        info = soundfile.info(out / name)
        assert (info.samplerate, info.channels, info.subtype, info.frames) == (16_000, 1, "PCM_16", N_SAMPLES)
        card = json.loads((out / name).with_suffix(".json").read_text())
        assert name == f"pitch{card['attributes']['pitch']:03d}_seed{card['seed']:06d}.wav"
        assert card["checkpoint"] == newest.name
        assert card["checkpoint_sha256"] == hashlib.sha256(newest.read_bytes()).hexdigest()
        assert (card["run"], card["scale"], card["step"], card["sample_rate"]) == ("tiny", 3, 8, 16_000)
        assert card["gain_db"] <= 0
    picture = json.loads((out / "rainbowgrams.json").read_text())
    assert sorted(picture["notes"]) == wavs(out)
    assert (out / "rainbowgrams.png").read_bytes().startswith(b"\x89PNG")
    assert {path.suffix for path in out.iterdir()} == {".wav", ".json", ".png"}


def test_notes_go_into_the_run_folder_by_default(run_folder):
    assert play(run_folder) == 0
    written = wavs(run_folder / "generated" / "random")
    assert len(written) == DEFAULT_COUNT
    assert {int(name[5:8]) for name in written} <= set(PITCHES)
    assert len({name[5:8] for name in written}) > 1


def test_same_seed_and_pitch_give_the_same_bytes_whatever_else_is_asked_for(run_folder, tmp_path):
    for name, flags in {
        "many": ("--count", 8, "--seed", 3, "--pitch", "60-60"),
        "one": ("--count", 1, "--seed", 6, "--pitch", 60),
        "turns": ("--count", 4, "--seed", 5, "--pitch", 67, 60),
    }.items():
        assert play(run_folder, "-o", tmp_path / name, *flags) == 0
    note = "pitch060_seed000006.wav"
    assert len({(tmp_path / name / note).read_bytes() for name in ("many", "one", "turns")}) == 1
    assert len({(tmp_path / "many" / name).read_bytes() for name in wavs(tmp_path / "many")}) == 8


def test_pitch_drawn_by_the_seed_is_the_same_note_as_that_pitch_asked_for(run_folder, tmp_path):
    assert play(run_folder, "-o", tmp_path / "drawn", "--count", 1, "--seed", 4) == 0
    (name,) = wavs(tmp_path / "drawn")
    assert play(run_folder, "-o", tmp_path / "asked", "--count", 1, "--seed", 4, "--pitch", int(name[5:8])) == 0
    assert (tmp_path / "drawn" / name).read_bytes() == (tmp_path / "asked" / name).read_bytes()


def test_pitches_change_the_sound(run_folder, tmp_path):
    for pitch in PITCHES:
        assert play(run_folder, "-o", tmp_path / "a", "--count", 1, "--pitch", pitch) == 0
    assert len({(tmp_path / "a" / name).read_bytes() for name in wavs(tmp_path / "a")}) == len(PITCHES)


def test_checkpoint_is_chosen_by_scale_and_iteration(run_folder, tmp_path):
    assert [(scale, iteration) for scale, iteration, _ in list_checkpoints(run_folder)] == [(s, 2) for s in range(4)]
    for scale in range(4):
        assert play(run_folder, "-o", tmp_path / str(scale), "--count", 1, "--pitch", 60, "-s", scale) == 0
        card = json.loads((tmp_path / str(scale) / "pitch060_seed000000.json").read_text())
        assert (card["checkpoint"], card["scale"]) == (f"s{scale}_i0000002.pt", scale)
        assert soundfile.info(tmp_path / str(scale) / "pitch060_seed000000.wav").frames == N_SAMPLES
    assert play(run_folder, "-o", tmp_path / "both", "--count", 1, "--pitch", 60, "-s", 1, "-i", 2) == 0
    name = "pitch060_seed000000.wav"
    assert (tmp_path / "both" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()
    assert (tmp_path / "2" / name).read_bytes() != (tmp_path / "1" / name).read_bytes()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("-s", 9), r"no checkpoint of scale 9, iteration None; there are -s 0 -i 2, -s 1 -i 2, .*"),
        (("-i", 1), r"no checkpoint of scale None, iteration 1; there are .*"),
        (("--pitch", 60, 61), r"--pitch 61: not among the 4 pitches that tiny learned \(60 to 67\); choose from them"),
        (("--pitch", "60-64"), r"--pitch 61: not among the 4 pitches .*"),
        (("--pitch", "abc"), r"argument --pitch: .*"),
        (("--pitch", "64-60"), r"argument --pitch: .*"),
        (("--pitch", "128"), r"argument --pitch: .*"),
        (("--count", 0), r"argument --count: .*"),
        (("--seed", -1), r"argument --seed: .*"),
        (("--device", "tpu9"), r"--device tpu9: not available here .*"),
    ],
)
def test_what_cannot_be_played_is_one_line(run_folder, tmp_path, capsys, flags, message):
    assert play(run_folder, "-o", tmp_path / "out", *flags) == 2
    assert re.fullmatch(rf"generate\.py: ({re.escape(str(run_folder))}: )?{message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_more_pitches_than_notes_is_said(run_folder, tmp_path, capsys):
    assert play(run_folder, "-o", tmp_path / "out", "--count", 2, "--pitch", *PITCHES) == 0
    assert wavs(tmp_path / "out") == ["pitch060_seed000000.wav", "pitch062_seed000001.wav"]
    assert "2 notes for 4 pitches: those from 64 on are left out" in capsys.readouterr().err


def test_default_count_has_room_for_every_pitch_asked_for(run_folder, tmp_path):
    assert play(run_folder, "-o", tmp_path / "out", "--pitch", *(PITCHES * 5)) == 0
    assert len(wavs(tmp_path / "out")) == 20


def test_picture_shows_a_limited_number_of_notes(run_folder, tmp_path):
    assert play(run_folder, "-o", tmp_path / "out", "--count", MOST_IN_PICTURE + 2, "--pitch", 60) == 0
    assert len(wavs(tmp_path / "out")) == MOST_IN_PICTURE + 2
    assert len(json.loads((tmp_path / "out" / "rainbowgrams.json").read_text())["notes"]) == MOST_IN_PICTURE


def test_unconditional_run_has_names_without_pitch(experiment_dict, tmp_path, capsys):
    experiment_dict["modelConfig"] |= {"ac_gan": False, "attribKeysOrder": None}
    run = trained(experiment_dict, tmp_path)
    assert play(run, "-o", tmp_path / "out", "--count", 2) == 0
    assert wavs(tmp_path / "out") == ["note_seed000000.wav", "note_seed000001.wav"]
    assert json.loads((tmp_path / "out" / "note_seed000000.json").read_text())["attributes"] == {}
    capsys.readouterr()
    assert play(run, "--pitch", 60) == 2
    assert capsys.readouterr().err == "generate.py: --pitch: tiny was not conditioned on pitch; leave --pitch out\n"


def test_other_attributes_are_drawn_by_the_seed(experiment_dict, tmp_path):
    experiment_dict["loaderConfig"]["attribute_list"] = ["instrument_family_str", "pitch"]
    experiment_dict["modelConfig"]["attribKeysOrder"] = {"pitch": 1, "instrument_family_str": 0}
    run = trained(experiment_dict, tmp_path)
    assert play(run, "-o", tmp_path / "out", "--count", 12, "--pitch", 62) == 0
    cards = [json.loads(path.with_suffix(".json").read_text()) for path in (tmp_path / "out").glob("*.wav")]
    assert {card["attributes"]["pitch"] for card in cards} == {62}
    assert {card["attributes"]["instrument_family_str"] for card in cards} == {"brass", "flute"}


def test_scaling_travels_with_the_checkpoint(experiment_dict, tmp_path):
    experiment_dict["transformConfig"]["scaling"] = "fit"
    run = trained(experiment_dict, tmp_path)
    instrument = Instrument.from_run(run, scale=None, iteration=None, device=CPU)
    affine = load_checkpoint(find_checkpoint(run))["affine"]
    assert instrument.transform.scale == affine["scale"]
    assert play(run, "-o", tmp_path / "out", "--count", 1) == 0


def test_sound_is_that_of_the_averaged_weights(run_folder, tmp_path):
    assert play(run_folder, "-o", tmp_path / "before", "--count", 1, "--pitch", 60) == 0
    newest = find_checkpoint(run_folder)
    state = load_checkpoint(newest)
    name = "pitch060_seed000000.wav"

    def replay_with(network):
        changed = {key: value + torch.randn_like(value) for key, value in state[network].items()}
        torch.save({**state, network: changed}, newest)
        assert play(run_folder, "-o", tmp_path / network, "--count", 1, "--pitch", 60) == 0
        return (tmp_path / network / name).read_bytes()

    before = (tmp_path / "before" / name).read_bytes()
    assert replay_with("generator") == before
    assert replay_with("ema") != before


def test_wave_is_the_inverse_of_what_the_averaged_generator_makes(run_folder, tmp_path):
    assert play(run_folder, "-o", tmp_path / "out", "--count", 1, "--seed", 11, "--pitch", 64) == 0
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    saved = load_checkpoint(find_checkpoint(run_folder))
    networks = build_networks_of(saved, instrument)
    condition = torch.cat((instrument.latent(11), torch.tensor([[0.0, 0.0, 1.0, 0.0]])), dim=1)
    with torch.no_grad():
        wave = instrument.transform.inverse(networks(condition, 3, saved["alpha"]))[0].double()
    sound, _ = fit_full_scale((wave * instrument.transform.support()).float().numpy())
    read, _ = soundfile.read(tmp_path / "out" / "pitch064_seed000011.wav", dtype="float32")
    np.testing.assert_allclose(read, sound, rtol=0, atol=1 / 32768)


def build_networks_of(saved, instrument):
    model = parse_experiment(saved["config"], "checkpoint").model
    networks = build_networks(model, instrument.transform.shape, instrument.table.sizes, seed=99, device=CPU)
    networks.ema.load_state_dict(saved["ema"])
    return networks.ema


def test_loud_sound_is_turned_down_and_quiet_sound_left_alone():
    loud, gain = fit_full_scale(np.array([0.5, -2.0], dtype=np.float32))
    assert np.abs(loud).max() <= HEADROOM
    assert loud[0] / loud[1] == pytest.approx(-0.25)
    assert gain == pytest.approx(-6.02, abs=0.01)
    quiet = np.array([0.5, -0.9], dtype=np.float32)
    assert fit_full_scale(quiet) == (quiet, 0)


def test_run_stopped_amid_a_fade_is_heard_as_it_was(experiment_dict, tmp_path, monkeypatch):
    experiment_dict["modelConfig"] |= {"maxIterAtScale": [2, 8, 2, 2], "alphaNJumps": [0, 4, 1, 1]}
    original, done = TrainingStep.run, []

    def run_and_stop(*args):
        done.append(1)
        if len(done) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return original(*args)

    monkeypatch.setattr(TrainingStep, "run", run_and_stop)
    run = trained(experiment_dict, tmp_path)
    assert play(run, "-o", tmp_path / "faded", "--count", 1, "--pitch", 60) == 0
    card = json.loads((tmp_path / "faded" / "pitch060_seed000000.json").read_text())
    assert (card["scale"], card["alpha"], card["step"]) == (1, 0.5, 5)
    newest = find_checkpoint(run)
    torch.save({**load_checkpoint(newest), "alpha": 0.0}, newest)
    assert play(run, "-o", tmp_path / "sharp", "--count", 1, "--pitch", 60) == 0
    name = "pitch060_seed000000.wav"
    assert (tmp_path / "sharp" / name).read_bytes() != (tmp_path / "faded" / name).read_bytes()


def make_empty(folder):
    folder.mkdir()


def make_file(folder):
    folder.write_text("")


def make_damaged(folder):
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "s0_i0000001.pt").write_bytes(b"PK\x03\x04 damaged")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "no such run folder; give the folder that train.py made"),
        (make_file, "no such run folder; give the folder that train.py made"),
        (make_empty, r"holds no checkpoints/s\*_i\*\.pt; is it a run folder of train\.py\?"),
        (
            make_damaged,
            r"/checkpoints/s0_i0000001\.pt: not a readable checkpoint \(\w+\); remove it to use the one before",
        ),
    ],
)
def test_folder_that_is_no_run_is_one_line(tmp_path, capsys, make, message):
    make(tmp_path / "run")
    assert play(tmp_path / "run") == 2
    assert re.fullmatch(rf"generate\.py: {tmp_path / 'run'}:? ?{message}\n", capsys.readouterr().err)


def shorn(state, *path):
    """The checkpoint without one of its entries."""
    *above, last = path
    target = state
    for key in above:
        target = target[key]
    del target[last]
    return state


@pytest.mark.parametrize(
    "break_it",
    [
        lambda state: shorn(state, "ema", "first.weight"),
        lambda state: shorn(state, "config", "modelConfig"),
        lambda state: shorn(state, "config", "modelConfig", "depthScales"),
        lambda state: shorn(state, "attributes", "pitch"),
        lambda state: {**state, "ema": {**state["ema"], "first.weight": torch.zeros(3)}},
        lambda state: {**state, "ema": {**state["ema"], "first.weight": "text"}},
        lambda state: {**state, "ema": {7: torch.zeros(3)}},
        lambda state: {**state, "attributes": {"pitch": [60, "x"]}},
        lambda state: {**state, "affine": {"scale": [1.0, 1.0]}},
        lambda state: {**state, "affine": {"scale": ["a", "b"], "shift": [0.0, 0.0]}},
        lambda state: {**state, "affine": {"scale": [1.0], "shift": [0.0, 0.0, 0.0]}},
        lambda state: {**state, "seed": -(2**70)},
        lambda state: {**state, "scale": 17},
        lambda state: {**state, "config": {**state["config"], "name": 3}},
    ],
)
def test_checkpoint_that_contradicts_itself_is_one_short_line(run_folder, capsys, break_it):
    newest = find_checkpoint(run_folder)
    torch.save(break_it(load_checkpoint(newest)), newest)
    assert play(run_folder, "--count", 1) == 2
    error = capsys.readouterr().err
    assert error.startswith("generate.py: ")
    assert error.count("\n") == 1
    assert len(error) < 600
    assert not (run_folder / "generated").exists()


def test_weights_that_are_not_finite_are_one_line(run_folder, capsys):
    newest = find_checkpoint(run_folder)
    state = load_checkpoint(newest)
    state["ema"]["first.weight"][0] = float("nan")
    torch.save(state, newest)
    assert play(run_folder, "--count", 1) == 2
    assert "the generator's sound is not finite" in capsys.readouterr().err


def test_output_where_a_file_stands_is_one_line(run_folder, tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    assert play(run_folder, "-o", tmp_path / "taken", "--count", 1) == 2
    assert re.fullmatch(
        r"generate\.py: \S+taken: a file stands where a folder is needed; .*\n", capsys.readouterr().err
    )
    assert (tmp_path / "taken").read_text() == "mine"


def test_mode_is_required(capsys):
    assert generate.main([]) == 2
    assert (
        capsys.readouterr().err == "generate.py: the following arguments are required: mode; see generate.py --help\n"
    )


def walk(mode, run_folder, *flags):
    return generate.main([mode, "-d", str(run_folder), "-q", "--device", "cpu", *map(str, flags)])


def sound(path):
    return soundfile.read(path, dtype="int16")[0]


def card_of(path):
    return json.loads(path.with_suffix(".json").read_text())


def test_scale_is_the_random_notes_of_one_seed_and_all_of_them_in_one_file(run_folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert walk("scale", run_folder, "-o", out, "--seed", 3, "--gap", 0.01) == 0
    names = [f"pitch{pitch:03d}_seed000003.wav" for pitch in PITCHES]
    assert wavs(out) == [*names, "scale_seed000003.wav"]
    assert capsys.readouterr().out == (
        f"5 sounds in {out}; scale_seed000003.wav is a whole scale, see scale_seed000003.png there\n"
    )
    assert play(run_folder, "-o", tmp_path / "random", "--count", 1, "--seed", 3, "--pitch", 64) == 0
    for suffix in (".wav", ".json"):
        note = f"pitch064_seed000003{suffix}"
        assert (out / note).read_bytes() == (tmp_path / "random" / note).read_bytes()
    card = card_of(out / "scale_seed000003.wav")
    assert (card["notes"], card["pitches"], card["seed"]) == (names, PITCHES, 3)
    assert (card["gap_s"], card["onsets_s"]) == (0.01, [k * (N_SAMPLES + 160) / 16_000 for k in range(4)])
    assert card["checkpoint_sha256"] == card_of(out / names[0])["checkpoint_sha256"]
    assert (out / "scale_seed000003.png").read_bytes().startswith(b"\x89PNG")
    whole = sound(out / "scale_seed000003.wav")
    assert len(whole) == 4 * N_SAMPLES + 3 * 160
    assert not whole[N_SAMPLES : N_SAMPLES + 160].any()


def test_whole_scale_is_turned_down_by_one_gain(run_folder, tmp_path, monkeypatch):
    levels = iter((0.5, 2.0, 0.0))
    monkeypatch.setattr(Instrument, "play", lambda *_: [np.full(8, next(levels), dtype=np.float32)])
    assert walk("scale", run_folder, "-o", tmp_path, "--pitches", "60,62,64") == 0
    assert sound(tmp_path / "scale_seed000000.wav").tolist() == [8192] * 8 + [32767] * 8 + [0] * 8
    assert card_of(tmp_path / "scale_seed000000.wav")["gain_db"] == pytest.approx(-6.02, abs=0.01)
    assert sound(tmp_path / "pitch060_seed000000.wav").tolist() == [16384] * 8
    assert card_of(tmp_path / "pitch060_seed000000.wav")["gain_db"] == 0


def test_scale_plays_the_pitches_asked_for_in_their_order(run_folder, tmp_path):
    assert walk("scale", run_folder, "-o", tmp_path, "--pitches", "67,62,67", 60) == 0
    whole = sound(tmp_path / "scale_seed000000.wav").reshape(4, N_SAMPLES)
    assert (whole[0] == whole[2]).all()
    assert len(np.unique(whole, axis=0)) == 3
    assert card_of(tmp_path / "scale_seed000000.wav")["pitches"] == [67, 62, 67, 60]
    assert len(wavs(tmp_path)) == 4


@pytest.mark.parametrize("flags", [("--seeds", "2-3,5"), ("--seeds", 2, 3, 5)])
def test_each_seed_has_a_scale_which_does_not_depend_on_the_others(run_folder, tmp_path, flags):
    assert walk("scale", run_folder, "-o", tmp_path / "many", *flags, "--pitch", "60-60") == 0
    assert walk("scale", run_folder, "-o", tmp_path / "one", "--seed", 2, "--count", 2, "--pitch", 60) == 0
    assert len(wavs(tmp_path / "many")) == 6
    assert len(wavs(tmp_path / "one")) == 4
    for name in wavs(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()


def interpolation_of(run_folder, out, *flags):
    assert walk("interpolation", run_folder, "-o", out, *flags) == 0
    return card_of(out / "interpolation.wav")


@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_interpolation_goes_through_the_random_notes_of_its_seeds(run_folder, tmp_path, path):
    card = interpolation_of(
        run_folder, tmp_path / "out", "--seeds", 0, 5, 2, "--pitch", 62, "--steps", 3, "--path", path
    )
    assert (card["path"], card["steps"], len(card["notes"])) == (path, 3, 7)
    assert card["notes"][1] == f"pitch062_seed000000_{path}_pitch062_seed000005_1of3.wav"
    assert sorted(card["notes"]) == [name for name in wavs(tmp_path / "out") if name != "interpolation.wav"]
    for place, seed in ((0, 0), (3, 5), (6, 2)):
        assert play(run_folder, "-o", tmp_path / "random", "--count", 1, "--seed", seed, "--pitch", 62) == 0
        assert card["notes"][place] == f"pitch062_seed{seed:06d}.wav"
        for suffix in (".wav", ".json"):
            name = Path(card["notes"][place]).with_suffix(suffix)
            assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "random" / name).read_bytes()
    notes = np.stack([sound(tmp_path / "out" / name) for name in card["notes"]])
    assert len(np.unique(notes, axis=0)) == 7
    assert len(sound(tmp_path / "out" / "interpolation.wav")) == 7 * N_SAMPLES
    between = card_of(tmp_path / "out" / card["notes"][4])
    assert between["attributes"] == {"pitch": 62}
    ends = ({"seed": 5, "attributes": {"pitch": 62}}, {"seed": 2, "attributes": {"pitch": 62}})
    assert between["between"] == {"path": path, "from": ends[0], "to": ends[1], "step": 1, "steps": 3}
    assert (tmp_path / "out" / "interpolation.png").read_bytes().startswith(b"\x89PNG")


def test_notes_between_do_not_depend_on_what_else_is_on_the_path(run_folder, tmp_path):
    interpolation_of(run_folder, tmp_path / "long", "--seeds", "3,0,1", "--pitch", 60, "--steps", 2)
    interpolation_of(run_folder, tmp_path / "short", "--seeds", "0-1", "--pitch", 60, "--steps", 2)
    name = "pitch060_seed000000_spherical_pitch060_seed000001_1of2.wav"
    assert (tmp_path / "long" / name).read_bytes() == (tmp_path / "short" / name).read_bytes()
    back = interpolation_of(run_folder, tmp_path / "back", "--seeds", "1,0", "--pitch", 60, "--steps", 2)
    assert (tmp_path / "back" / back["notes"][1]).read_bytes() == (tmp_path / "short" / name).read_bytes()


def test_circle_ends_where_it_began(run_folder, tmp_path):
    card = interpolation_of(run_folder, tmp_path, "--path", "circle", "--seeds", 4, 1, "--pitch", 60, "--steps", 10)
    assert len(card["notes"]) == 11
    assert card["notes"][0] == card["notes"][-1] == "pitch060_seed000004.wav"
    assert card["notes"][1] == "pitch060_seed000004_circle_pitch060_seed000001_01of10.wav"
    assert len(wavs(tmp_path)) == 11
    whole = sound(tmp_path / "interpolation.wav").reshape(11, N_SAMPLES)
    assert (whole[0] == whole[-1]).all()


def test_circle_keeps_the_attributes_of_its_start(run_folder):
    places = places_of(run_folder, [0, 1], [60, 67], "circle", 4)
    assert {tuple(place.condition[4:].tolist()) for place in places} == {(1, 0, 0, 0)}
    assert [place.says["attributes"] for place in places] == [{"pitch": 60}] * 5


def test_radius_goes_through_the_norms_asked_for(run_folder, tmp_path):
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    own = float(instrument.latent(6).norm()) / 2
    flags = ("--path", "radius", "--seeds", 6, "--pitch", 60, "--steps", 2, "--radii", own / 2, 3 * own / 2)
    card = interpolation_of(run_folder, tmp_path / "out", *flags)
    assert card["radii"] == [own / 2, 3 * own / 2]
    assert play(run_folder, "-o", tmp_path / "random", "--count", 1, "--seed", 6, "--pitch", 60) == 0
    own_note = sound(tmp_path / "random" / "pitch060_seed000006.wav").astype(int)
    assert np.abs(sound(tmp_path / "out" / card["notes"][1]) - own_note).max() <= 1
    assert np.abs(sound(tmp_path / "out" / card["notes"][0]) - own_note).max() > 1
    assert card_of(tmp_path / "out" / card["notes"][1])["between"]["norm_by_sqrt_dim"] == pytest.approx(own)


def test_pitches_that_differ_are_mixed(run_folder, tmp_path):
    card = interpolation_of(run_folder, tmp_path / "out", "--seeds", "0,0", "--pitch", "60,67", "--steps", 4)
    assert (card["notes"][0], card["notes"][-1]) == ("pitch060_seed000000.wav", "pitch067_seed000000.wav")
    assert play(run_folder, "-o", tmp_path / "random", "--count", 1, "--pitch", 67) == 0
    note = "pitch067_seed000000.wav"
    assert (tmp_path / "out" / note).read_bytes() == (tmp_path / "random" / note).read_bytes()
    assert card_of(tmp_path / "out" / card["notes"][2])["attributes"] == {}
    quarter = next(place for place in places_of(run_folder, [0, 0], [60, 67], "linear", 4) if "1of4" in place.name)
    assert quarter.condition[4:].tolist() == [0.75, 0, 0, 0.25]


def places_of(run_folder, seeds, pitches, path, steps):
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    return places_on_path(anchors_of_seeds(instrument, seeds, pitches), path=path, steps=steps)


def test_without_pitch_all_notes_have_that_of_the_first_seed(run_folder, tmp_path):
    assert play(run_folder, "-o", tmp_path / "random", "--count", 1, "--seed", 8) == 0
    (name,) = wavs(tmp_path / "random")
    card = interpolation_of(run_folder, tmp_path / "out", "--seeds", "8,9,10", "--steps", 1)
    assert card["notes"] == [name, name.replace("8.wav", "9.wav"), name.replace("08.wav", "10.wav")]


def test_saved_notes_are_the_ends(run_folder, tmp_path):
    assert play(run_folder, "-o", tmp_path / "saved", "--count", 2, "--seed", 4, "--pitch", 60, 64) == 0
    start, end = (
        tmp_path / "saved" / f"pitch{pitch}_seed{seed}.json" for pitch, seed in (("060", "000004"), ("064", "000005"))
    )
    card = interpolation_of(run_folder, tmp_path / "out", "--from", start, "--to", end, "--steps", 2)
    assert (card["notes"][0], card["notes"][-1]) == (f"{start.stem}.wav", f"{end.stem}.wav")
    for saved in (start, end):
        for suffix in (".wav", ".json"):
            name = saved.with_suffix(suffix).name
            assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "saved" / name).read_bytes()
    card = interpolation_of(run_folder, tmp_path / "at", "--from", start, "--to", end, "--steps", 2, "--pitch", 67)
    assert [name[:8] for name in card["notes"]] == ["pitch067"] * 3


def test_other_attributes_are_those_of_each_end(experiment_dict, tmp_path):
    experiment_dict["loaderConfig"]["attribute_list"] = ["instrument_family_str", "pitch"]
    experiment_dict["modelConfig"]["attribKeysOrder"] = {"pitch": 1, "instrument_family_str": 0}
    run = trained(experiment_dict, tmp_path)
    card = interpolation_of(run, tmp_path / "out", "--seeds", "0-7", "--pitch", 62, "--steps", 2)
    for name in card["notes"][::2]:
        seed = card_of(tmp_path / "out" / name)["seed"]
        assert play(run, "-o", tmp_path / "random", "--count", 1, "--seed", seed, "--pitch", 62) == 0
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "random" / name).read_bytes()
    families = {anchor["attributes"]["instrument_family_str"] for anchor in card["anchors"]}
    assert families == {"brass", "flute"}
    between = [card_of(tmp_path / "out" / name)["attributes"] for name in card["notes"][1::2]]
    assert {"pitch": 62} in between


def test_unconditional_run_interpolates_but_has_no_scale(experiment_dict, tmp_path, capsys):
    experiment_dict["modelConfig"] |= {"ac_gan": False, "attribKeysOrder": None}
    run = trained(experiment_dict, tmp_path)
    card = interpolation_of(run, tmp_path / "out", "--steps", 2)
    assert card["notes"] == [
        "note_seed000000.wav", "note_seed000000_spherical_note_seed000001_1of2.wav", "note_seed000001.wav"
    ]  # fmt: skip
    capsys.readouterr()
    assert interpolation_of(run, tmp_path / "radius", "--path", "radius", "--steps", 2)["anchors"][0]["seed"] == 0
    assert "sound the same at every norm" in capsys.readouterr().err
    assert walk("scale", run, "-o", tmp_path / "scale") == 2
    assert re.fullmatch(
        r"generate\.py: scale: tiny was not conditioned on pitch, .*; use random\n", capsys.readouterr().err
    )
    assert not (tmp_path / "scale").exists()


@pytest.mark.parametrize(
    ("mode", "flags", "message"),
    [
        ("scale", ("--pitches", "60,61"), r"--pitch 61: not among the 4 pitches .*"),
        ("scale", ("--pitches", "60,,61"), r"argument --pitches/--pitch: .*"),
        ("scale", ("--seeds", "0-3", "--count", 2), r"--seeds: names all seeds; .*"),
        ("scale", ("--seeds", "3-0"), r"argument --seeds: .*"),
        ("scale", ("--seeds", "0-4611686018427387904"), r"argument --seeds: .* at most 10000 seeds.*"),
        ("scale", ("--gap", "nan"), r"argument --gap: .*"),
        ("scale", ("--gap", -1), r"argument --gap: .*"),
        ("scale", ("--gap", "x"), r"argument --gap: .*"),
        ("interpolation", ("--pitch", 61), r"--pitch 61: not among the 4 pitches .*"),
        ("interpolation", ("--pitch", "60,62,64"), r"--pitch: 3 pitches for 2 latents; .*"),
        ("interpolation", ("--seeds", 0), r"--path spherical: goes through two latents or more; .*"),
        ("interpolation", ("--seeds", "0-2", "--path", "circle"), r"--path circle: goes through two latents; .*"),
        ("interpolation", ("--seeds", "0-1", "--path", "radius"), r"--path radius: goes through one latent; .*"),
        ("interpolation", ("--seeds", "1,1", "--path", "circle"), r"circle: the two latents lie on one line .*"),
        ("interpolation", ("--path", "zigzag"), r"argument --path: .*"),
        ("interpolation", ("--steps", 0), r"argument --steps: .*"),
        ("interpolation", ("--radii", 0, 1), r"--radii: is of --path radius, not of spherical; .*"),
        ("interpolation", ("--path", "radius", "--radii", 2, 1), r"--radii 2 1: must be the smaller first; .*"),
        ("interpolation", ("--path", "radius", "--radii", "inf", 1), r"argument --radii: .*"),
        ("interpolation", ("--from", "a.json", "--seeds", 0), r"--from, --to: name latents by their cards; .*"),
        ("interpolation", ("--to", "a.json"), r"--to: where from\? .*"),
        ("interpolation", ("--from", "missing.json", "--to", "a.json"), r"missing\.json: no such file; .*"),
    ],
)
def test_what_cannot_be_walked_is_one_line(run_folder, tmp_path, capsys, mode, flags, message):
    assert walk(mode, run_folder, "-o", tmp_path / "out", *flags) == 2
    assert re.fullmatch(rf"generate\.py: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"checkpoint_sha256": "0" * 64}, r"made by another checkpoint \(s3_i0000002\.pt of tiny\), not by .*"),
        ({"seed": None}, "not the card of one seed's note; .*"),
        ({"seed": -1}, "not the card of one seed's note; .*"),
        ({"seed": 2**70}, "not the card of one seed's note; .*"),
        ({"attributes": [60]}, "not the card of one seed's note; .*"),
        ({"attributes": {}}, "its attributes are not those of tiny; .*"),
        ({"attributes": {"pitch": 61}}, "its attributes are not those of tiny; .*"),
        ({"attributes": {"pitch": [60]}}, "its attributes are not those of tiny; .*"),
    ],
)
def test_card_of_another_note_is_one_line(run_folder, tmp_path, capsys, change, message):
    assert play(run_folder, "-o", tmp_path / "saved", "--count", 1, "--pitch", 60) == 0
    saved, changed = tmp_path / "saved" / "pitch060_seed000000.json", tmp_path / "changed.json"
    changed.write_text(json.dumps({**json.loads(saved.read_text()), **change}))
    capsys.readouterr()
    assert walk("interpolation", run_folder, "-o", tmp_path / "out", "--from", saved, "--to", changed) == 2
    assert re.fullmatch(rf"generate\.py: {re.escape(str(changed))}: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", ["scale", "interpolation"])
def test_sound_that_is_not_finite_leaves_nothing(run_folder, tmp_path, capsys, mode):
    newest = find_checkpoint(run_folder)
    state = load_checkpoint(newest)
    state["ema"]["first.weight"][0] = float("nan")
    torch.save(state, newest)
    assert walk(mode, run_folder, "-o", tmp_path / "out") == 2
    assert "the generator's sound is not finite" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_long_path_is_pictured_in_part(run_folder, tmp_path):
    card = interpolation_of(run_folder, tmp_path, "--steps", MOST_IN_PICTURE + 8)
    assert len(card["notes"]) == MOST_IN_PICTURE + 9
    assert len(card["pictured"]) == MOST_IN_PICTURE
    assert (card["pictured"][0], card["pictured"][-1]) == (card["notes"][0], card["notes"][-1])
