"""`generate.py random` from its command line: files, names, selection, and runs that are not what they should be."""

import hashlib
import json
import os
import re
import signal

import numpy as np
import pytest
import soundfile
import torch

import generate
from commands.generate.flags import DEFAULT_COUNT
from generation.instrument import Instrument
from generation.latent_controls import LatentControls
from generation.note_files import MOST_IN_PICTURE
from generation.synthesis import HEADROOM, edge_window, fit_full_scale
from models.checkpoint import find_checkpoint, list_checkpoints, load_checkpoint
from models.networks import build_networks
from tests.playing import (
    CPU,
    N_SAMPLES,
    PITCHES,
    assert_same_note,
    card_of,
    change_newest,
    play,
    random_note,
    trained,
    unconditional,
    wavs,
    with_families,
)
from training.training_step import TrainingStep
from utils.config_file import parse_experiment

pytestmark = pytest.mark.usefixtures("_no_previews")


@pytest.mark.usefixtures("with_figures")
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
    assert sorted(note["file"] for note in picture["notes"]) == wavs(out)
    assert (out / "rainbowgrams.png").read_bytes().startswith(b"\x89PNG")
    assert {path.suffix for path in out.iterdir()} == {".wav", ".json", ".png"}


def test_notes_go_into_the_run_folder_by_default(run_folder):
    assert play(run_folder) == 0
    written = wavs(run_folder / "generated" / "random")
    assert len(written) == DEFAULT_COUNT
    assert {int(name[5:8]) for name in written} <= set(PITCHES)
    assert len({name[5:8] for name in written}) > 1


def test_same_seed_and_pitch_give_the_same_note_whatever_else_is_asked_for(run_folder, tmp_path):
    for name, flags in {
        "many": ("--count", 8, "--seed", 3, "--pitch", "60-60"),
        "one": ("--count", 1, "--seed", 6, "--pitch", 60),
        "turns": ("--count", 4, "--seed", 5, "--pitch", 67, 60),
    }.items():
        assert play(run_folder, "-o", tmp_path / name, *flags) == 0
    note = "pitch060_seed000006.wav"
    for name in ("many", "turns"):
        assert_same_note(tmp_path / name / note, tmp_path / "one" / note)
    assert len({(tmp_path / "many" / name).read_bytes() for name in wavs(tmp_path / "many")}) == 8


def test_pitch_drawn_by_the_seed_is_the_same_note_as_that_pitch_asked_for(run_folder, tmp_path):
    drawn = random_note(run_folder, tmp_path / "drawn", "--seed", 4)
    asked = random_note(run_folder, tmp_path / "asked", "--seed", 4, "--pitch", int(drawn.name[5:8]))
    assert drawn.read_bytes() == asked.read_bytes()


def test_checkpoint_is_chosen_by_scale_and_iteration(run_folder, tmp_path):
    assert [(scale, iteration) for scale, iteration, _ in list_checkpoints(run_folder)] == [(s, 2) for s in range(4)]
    notes = [random_note(run_folder, tmp_path / str(s), "--pitch", 60, "-s", s) for s in range(4)]
    for scale, note in enumerate(notes):
        assert (card_of(note)["checkpoint"], card_of(note)["scale"]) == (f"s{scale}_i0000002.pt", scale)
        assert soundfile.info(note).frames == N_SAMPLES
    both = random_note(run_folder, tmp_path / "both", "--pitch", 60, "-s", 1, "-i", 2)
    assert both.read_bytes() == notes[1].read_bytes() != notes[2].read_bytes()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("-s", 9), r"no checkpoint of scale 9; there are scale 0 iteration 2, scale 1 iteration 2, .*"),
        (("-i", 1), r"no checkpoint of iteration 1; there are .*"),
        (("--pitch", 60, 61), r"pitch 61: not among the 4 pitches that tiny learned \(60 to 67\); choose from them"),
        (("--pitch", "60-64"), r"pitch 61: not among the 4 pitches .*"),
        (("--pitch", "abc"), r"argument --pitches: .*"),
        (("--pitch", "64-60"), r"argument --pitches: .*"),
        (("--pitch", "128"), r"argument --pitches: .*"),
        (("--count", 0), r"argument -n/--count: .*"),
        (("--seed", -1), r"argument --seed: .*"),
        (("--seeds", "0-3", "--count", 2), r"--seeds already lists every seed; .*"),
        (("--truncation", 0), r"argument --truncation: .*"),
        (("--keep-norm",), r"--keep-norm goes with --truncation; .*"),
        (("--latent-scale", 0), r"argument --latent-scale: .*"),
        (("--bits", 12), r"argument --bits: .*"),
        (("--rate", 10), r"argument --rate: .*"),
        (("--device", "tpu9"), r"device tpu9: not available here .*"),
    ],
)
def test_what_cannot_be_played_is_one_line(run_folder, tmp_path, capsys, flags, message):
    assert play(run_folder, "-o", tmp_path / "out", *flags) == 2
    assert re.fullmatch(rf"generate\.py: ({re.escape(str(run_folder))}: )?{message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_more_pitches_than_notes_is_said(run_folder, tmp_path, capsys):
    assert play(run_folder, "-o", tmp_path / "out", "--count", 2, "--pitch", *PITCHES) == 0
    assert wavs(tmp_path / "out") == ["pitch060_seed000000.wav", "pitch062_seed000001.wav"]
    assert "2 notes for 4 values of pitch: those from 64 on are left out" in capsys.readouterr().err


def test_default_count_has_room_for_every_pitch_asked_for(run_folder, tmp_path):
    assert play(run_folder, "-o", tmp_path / "out", "--pitch", *(PITCHES * 5)) == 0
    assert len(wavs(tmp_path / "out")) == 20


def test_picture_shows_a_limited_number_of_notes(run_folder, tmp_path):
    assert play(run_folder, "-o", tmp_path / "out", "--count", MOST_IN_PICTURE + 2, "--pitch", 60) == 0
    assert len(wavs(tmp_path / "out")) == MOST_IN_PICTURE + 2
    assert len(json.loads((tmp_path / "out" / "rainbowgrams.json").read_text())["notes"]) == MOST_IN_PICTURE


def test_unconditional_run_has_names_without_pitch(experiment_dict, tmp_path, capsys):
    run = trained(unconditional(experiment_dict), tmp_path)
    assert play(run, "-o", tmp_path / "out", "--count", 2) == 0
    assert wavs(tmp_path / "out") == ["note_seed000000.wav", "note_seed000001.wav"]
    assert json.loads((tmp_path / "out" / "note_seed000000.json").read_text())["attributes"] == {}
    capsys.readouterr()
    assert play(run, "--pitch", 60) == 2
    assert capsys.readouterr().err == "generate.py: pitch: tiny was not conditioned on pitch; leave the pitch out\n"


def test_other_attributes_are_drawn_by_the_seed(experiment_dict, tmp_path):
    run = trained(with_families(experiment_dict), tmp_path)
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
    before = random_note(run_folder, tmp_path / "before", "--pitch", 60).read_bytes()

    def replay_with(network):
        def change(state):
            return {**state, network: {key: value + torch.randn_like(value) for key, value in state[network].items()}}

        change_newest(run_folder, change)
        return random_note(run_folder, tmp_path / network, "--pitch", 60).read_bytes()

    assert replay_with("generator") == before
    assert replay_with("ema") != before


def test_wave_is_the_inverse_of_what_the_averaged_generator_makes(run_folder, tmp_path):
    note = random_note(run_folder, tmp_path / "out", "--seed", 11, "--pitch", 64)
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    saved = load_checkpoint(find_checkpoint(run_folder))
    model = parse_experiment(saved["config"], "checkpoint").model
    networks = build_networks(model, instrument.transform.shape, instrument.table.sizes, seed=99, device=CPU)
    networks.ema.load_state_dict(saved["ema"])
    condition = torch.cat((instrument.latent(11), torch.tensor([[0.0, 0.0, 1.0, 0.0]])), dim=1)
    with torch.no_grad():
        wave = instrument.transform.inverse(networks.ema(condition, 3, saved["alpha"]))[0].double()
    window = instrument.transform.support().numpy() * edge_window(
        instrument.transform.n_samples, instrument.transform.sample_rate
    )
    sound, _ = fit_full_scale((wave.numpy() * window).astype(np.float32))
    read, _ = soundfile.read(note, dtype="float32")
    np.testing.assert_allclose(read, sound, rtol=0, atol=1 / 32768)


@pytest.mark.parametrize("n_samples", [1, 2, 5, 100, 320, 16_000])
def test_notes_begin_and_end_at_silence(n_samples):
    window = edge_window(n_samples, 16_000)
    assert len(window) == n_samples
    np.testing.assert_array_equal(window, window[::-1])
    if n_samples > 1:
        assert window[0] == window[-1] == 0
    if n_samples > 320:
        assert (window[160:-160] == 1).all()
        assert 0 < (np.diff(window[:161])).min() < np.diff(window[:161]).max() < 0.02


def test_loud_sound_is_turned_down_and_quiet_sound_left_alone():
    loud, gain = fit_full_scale(np.array([0.5, -2.0], dtype=np.float32))
    assert np.abs(loud).max() <= HEADROOM
    assert loud[0] / loud[1] == pytest.approx(-0.25)
    assert gain == pytest.approx(-6.02, abs=0.01)
    quiet = np.array([0.5, -0.9], dtype=np.float32)
    assert fit_full_scale(quiet) == (quiet, 0)


def test_run_stopped_amid_a_fade_is_heard_as_it_was(experiment_dict, tmp_path, monkeypatch):
    experiment_dict["modelConfig"] |= {"maxIterAtScale": [2, 8, 2, 2], "alphaNJumps": [0, 4, 1, 1]}
    original, done = TrainingStep.launch, []

    def run_and_stop(*args):
        done.append(1)
        if len(done) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return original(*args)

    monkeypatch.setattr(TrainingStep, "launch", run_and_stop)
    run = trained(experiment_dict, tmp_path)
    faded = random_note(run, tmp_path / "faded", "--pitch", 60)
    assert [card_of(faded)[name] for name in ("scale", "alpha", "step")] == [1, 0.5, 5]
    change_newest(run, lambda state: {**state, "alpha": 0.0})
    assert random_note(run, tmp_path / "sharp", "--pitch", 60).read_bytes() != faded.read_bytes()


def test_attributes_are_taken_in_turn_beside_the_pitches(experiment_dict, tmp_path):
    run = trained(with_families(experiment_dict), tmp_path)
    flags = ("--attributes", "instrument_family=flute,brass", "--pitch", "60,62,64", "--count", 4)
    assert play(run, "-o", tmp_path / "out", *flags) == 0
    drawn = {card["seed"]: card["attributes"] for card in map(card_of, (tmp_path / "out").glob("*.wav"))}
    assert [drawn[seed]["instrument_family_str"] for seed in range(4)] == ["flute", "brass", "flute", "brass"]
    assert [drawn[seed]["pitch"] for seed in range(4)] == [60, 62, 64, 60]


def test_attributes_that_the_run_does_not_know_are_one_line(experiment_dict, run_folder, tmp_path, capsys):
    run = trained(with_families(experiment_dict), tmp_path / "other")
    for folder, asked, message in [
        (run, ["instrument_family=organ"], r".*organ: not among the values that tiny learned; .* brass, flute"),
        (run, ["velocity=50"], r".*velocity: tiny was not conditioned on it; choose from instrument_family_str"),
        (run, ["pitch=60"], r"attribute pitch: give it as pitch, .*"),
        (run, ["instrument_family=brass", "instrument_family_str=flute"], r".*given twice; .*"),
        (run, ["instrument_family"], r"argument --attributes: .* must be NAME=VALUE, .*"),
        (run_folder, ["velocity=50"], r".*velocity: tiny was not conditioned on it; leave it out"),
    ]:
        capsys.readouterr()
        assert play(folder, "-o", tmp_path / "out", "--attributes", *asked) == 2
        assert re.fullmatch(rf"generate\.py: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_loud_notes_are_turned_down_together(run_folder, tmp_path, monkeypatch, capsys):
    """One gain for all of them; cards say it, and make each note again, alone, bit for bit."""
    levels = (0.3, 1.5, 0.6, 3.0)

    def at_its_level(place, _):
        return np.linspace(-1, 1, N_SAMPLES, dtype=np.float32) * np.float32(levels[place.spec.seed])

    monkeypatch.setattr("generation.places.Place.wave", at_its_level)
    assert generate.main(["random", "-d", str(run_folder), "--device", "cpu", "-o", str(tmp_path), "--count", "4"]) == 0
    assert "2 of the notes would be beyond full scale: all are turned down by 9.543 dB" in capsys.readouterr().err
    peaks = [np.abs(soundfile.read(tmp_path / name)[0]).max() for name in wavs(tmp_path)]
    loudness = dict(zip([card_of(tmp_path / name)["seed"] for name in wavs(tmp_path)], peaks, strict=True))
    assert [loudness[seed] / loudness[3] for seed in range(4)] == pytest.approx([0.1, 0.5, 0.2, 1], abs=1e-4)
    gains = {card_of(tmp_path / name)["gain_db"] for name in wavs(tmp_path)}
    assert gains == {card_of(tmp_path / "rainbowgrams.json")["gain_db"]}
    assert gains.pop() == pytest.approx(-9.543, abs=1e-3)
    for name in wavs(tmp_path):
        card = (tmp_path / name).with_suffix(".json")
        assert play(run_folder, "-o", tmp_path / "again", "--from-card", card) == 0
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes()
        assert (tmp_path / "again" / card.name).read_bytes() == card.read_bytes()


@pytest.mark.parametrize(("bound", "keep", "factor"), [(0.5, False, 2.0), (0.7, True, None), (None, False, 0.25)])
def test_controls_of_latents_are_in_the_card(run_folder, tmp_path, bound, keep, factor):
    flags = ["--truncation", bound] * (bound is not None) + ["--keep-norm"] * keep
    flags += ["--latent-scale", factor] * (factor is not None)
    note = random_note(run_folder, tmp_path / "made", "--seed", 3, "--pitch", 60, *flags)
    expected = {"truncation": bound, "keep_norm": keep or None, "latent_scale": factor}
    assert {key: card_of(note).get(key) for key in expected} == expected
    assert play(run_folder, "-o", tmp_path / "again", "--from-card", note.with_suffix(".json")) == 0
    assert (tmp_path / "again" / note.name).read_bytes() == note.read_bytes()
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    plain, latent = instrument.latent(3), instrument.latent(3, LatentControls(bound, keep, factor))
    if keep:
        assert float(latent.norm()) == pytest.approx(float(plain.norm()), rel=1e-6)
    if bound is None:
        assert torch.equal(latent, plain * factor)
    sounds = instrument.play([3], instrument.labels(3, {"pitch": 60}), LatentControls(bound, keep, factor))
    alone = instrument.note(seed=3, pitch=60, truncation=bound, keep_norm=keep, latent_scale=factor)
    np.testing.assert_array_equal(alone, fit_full_scale(sounds[0])[0])
    np.testing.assert_allclose(soundfile.read(note)[0], alone, rtol=0, atol=0.51 / 32768)


def test_scale_that_cannot_be_heard_is_said(experiment_dict, tmp_path, capsys):
    run = trained(unconditional(experiment_dict), tmp_path)
    capsys.readouterr()
    random_note(run, tmp_path / "scaled", "--latent-scale", 0.5)
    assert "without attributes, a network with pixelNorm sounds the same at every scale" in capsys.readouterr().err
    random_note(run, tmp_path / "bounded", "--truncation", 0.5)
    assert "without attributes" not in capsys.readouterr().err


def test_truncation_bounds_the_latent_and_is_in_the_card(run_folder, tmp_path):
    bounds = {"narrow": ("--truncation", 0.5), "wide": ("--truncation", 99), "free": ()}
    notes = {
        name: random_note(run_folder, tmp_path / name, "--seed", 3, "--pitch", 60, *flags)
        for name, flags in bounds.items()
    }
    assert card_of(notes["narrow"])["truncation"] == 0.5
    assert "truncation" not in card_of(notes["free"])
    read = {name: soundfile.read(note)[0] for name, note in notes.items()}
    assert np.abs(read["wide"] - read["free"]).max() <= 1 / 32768
    assert np.abs(read["narrow"] - read["free"]).max() > 1 / 32768
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    assert instrument.latent(3, LatentControls(0.5)).abs().max() < 0.5


@pytest.mark.parametrize(("bits", "subtype", "step"), [("24", "PCM_24", 2**-23), ("float", "FLOAT", 0)])
def test_bits_of_the_files(run_folder, tmp_path, bits, subtype, step):
    path = random_note(run_folder, tmp_path / "out", "--pitch", 60, "--bits", bits)
    assert soundfile.info(path).subtype == subtype
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    wave, _ = fit_full_scale(instrument.play([0], instrument.labels(0, {"pitch": 60}))[0])
    np.testing.assert_allclose(soundfile.read(path, dtype="float64")[0], wave.astype(float), rtol=0, atol=step / 2)
    assert card_of(path)["bits"] == bits


def test_rate_of_the_files(run_folder, tmp_path):
    path = random_note(run_folder, tmp_path / "out", "--pitch", 60, "--rate", 44_100)
    assert soundfile.info(path).samplerate == card_of(path)["sample_rate"] == 44_100
    assert soundfile.info(path).frames == pytest.approx(N_SAMPLES * 44_100 / 16_000, abs=1)


def make_damaged(folder):
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "s0_i0000001.pt").write_bytes(b"PK\x03\x04 damaged")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "no such run folder; give the folder that train.py made"),
        (lambda folder: folder.write_text(""), "no such run folder; give the folder that train.py made"),
        (lambda folder: folder.mkdir(), r"holds no checkpoints/s\*_i\*\.pt; is it a run folder of train\.py\?"),
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
    change_newest(run_folder, break_it)
    assert play(run_folder, "--count", 1) == 2
    error = capsys.readouterr().err
    assert error.startswith("generate.py: ")
    assert error.count("\n") == 1
    assert len(error) < 600
    assert not (run_folder / "generated").exists()


def test_output_where_a_file_stands_is_one_line(run_folder, tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    assert play(run_folder, "-o", tmp_path / "taken", "--count", 1) == 2
    assert "taken: a file stands where a folder is needed; " in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "mine"


def test_mode_is_required(capsys):
    assert generate.main([]) == 2
    required = "generate.py: the following arguments are required: mode; see generate.py --help\n"
    assert capsys.readouterr().err == required
