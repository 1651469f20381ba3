"""`generate.py pack` from its command line."""

import json

import numpy as np
import pytest
import soundfile

import generate
from data.note_pitch import sounding_pitch
from generation.instrument import load_instrument
from tests.generation.sampler.test_files import RATE, held, read_sfz
from tests.places import ROOT
from tests.playing import PITCHES, run_mode, sound, trained, unconditional

FILES = ["card.json", "licence.txt", "report.md", "tiny.sf2", "tiny.sfz"]


def pack(run_folder, folder, *flags):
    return run_mode("pack", run_folder, "-o", folder, *flags)


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def card_in(folder):
    return json.loads((folder / "card.json").read_text())


def error_of(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_pack_has_a_sample_of_one_latent_at_every_pitch_that_was_learned(run_folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert pack(run_folder, out, "--seed", 3) == 0
    samples = [f"samples/pitch{pitch:03d}.wav" for pitch in PITCHES]
    assert files_in(out) == sorted([*FILES, *samples])
    card = card_in(out)
    assert sorted(card["files"]) == files_in(out)
    assert [note["file"] for note in card["notes"]] == samples
    assert {note["seed"] for note in card["notes"]} == {3}
    assert card["checkpoint_sha256"]
    assert capsys.readouterr().out.startswith(f"4 samples in {out} (")
    instrument, report = load_instrument(run_folder, device="cpu"), (out / "report.md").read_text()
    one_shots = [note for note in card["notes"] if note["loop"] is None]
    for note in one_shots:  # the note of this seed and pitch, from its attack on
        (wave,) = instrument.play([3], instrument.labels(3, note["attributes"]))
        cut, turned_down = sound(out / note["file"]), 32768 * wave * 10 ** (card["gain_db"] / 20)
        assert np.abs(cut - turned_down[len(wave) - len(cut) :]).max() <= 0.51
    assert one_shots
    for verdict in {note["verdict"] for note in card["notes"]}:
        assert report.count(verdict) == sum(note["verdict"] == verdict for note in card["notes"])


def test_the_two_instruments_cover_the_same_keys_once(run_folder, tmp_path):
    assert pack(run_folder, tmp_path / "out", "--pitches", "60,67") == 0
    regions = read_sfz(tmp_path / "out" / "tiny.sfz")
    keys = [key for each in regions for key in range(int(each["lokey"]), int(each["hikey"]) + 1)]
    assert keys == list(range(60, 68))
    for region, note in zip(regions, card_in(tmp_path / "out")["notes"], strict=True):
        assert [int(region["lokey"]), int(region["hikey"])] == note["keys"]
        n_samples = soundfile.info(tmp_path / "out" / region["sample"]).frames
        assert int(region.get("loop_end", 0)) < n_samples


def test_the_same_pack_is_made_bit_for_bit_and_replaces_the_earlier_one(run_folder, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, flags in ((first, ()), (second, ("--pitches", "60")), (second, ())):
        assert pack(run_folder, folder, *flags) == 0
    assert files_in(first) == files_in(second)
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files_in(first))


def test_pack_replaces_no_file_of_others(run_folder, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    assert pack(run_folder, out) == 0
    (out / "samples" / "mine.wav").write_bytes(b"mine")
    capsys.readouterr()
    monkeypatch.setattr("generation.places.Place.wave", None)  # nothing may be computed
    assert pack(run_folder, out) == 2
    assert "out: holds samples/mine.wav, which no earlier generate.py pack wrote; choose" in error_of(capsys)
    assert (out / "samples" / "mine.wav").read_bytes() == b"mine"


def test_the_card_of_the_generator_comes_with_the_sound(run_folder, tmp_path):
    assert pack(run_folder, tmp_path / "without") == 0
    assert "no licence is stated" in (tmp_path / "without" / "licence.txt").read_text()
    (run_folder / "README.md").write_text("# My flute\n\nCC BY 4.0, by Ada.\n")
    assert pack(run_folder, tmp_path / "with") == 0
    assert (tmp_path / "with" / "licence.txt").read_text().endswith("# My flute\n\nCC BY 4.0, by Ada.\n")


@pytest.fixture
def with_velocities(experiment_dict, tmp_path, _no_previews):
    experiment_dict["loaderConfig"]["attribute_list"] = ["pitch", "velocity"]
    experiment_dict["modelConfig"]["attribKeysOrder"] = {"pitch": 0, "velocity": 1}
    return trained(experiment_dict, tmp_path)


def test_layers_of_velocity_cover_every_stroke_once(with_velocities, tmp_path, capsys):
    out = tmp_path / "out"
    assert pack(with_velocities, out, "--velocities", 2, "--pitches", "60,62") == 0
    regions = read_sfz(out / "tiny.sfz")
    strokes = {(each["lokey"], each["lovel"], each["hivel"]) for each in regions}
    assert strokes == {(key, *layer) for key in ("60", "62") for layer in (("0", "75"), ("76", "127"))}
    assert [note["attributes"]["velocity"] for note in card_in(out)["notes"]] == [50, 100, 50, 100]
    assert pack(with_velocities, tmp_path / "one", "--attributes", "velocity=75", "--pitches", 60) == 0
    assert [note["velocities"] for note in card_in(tmp_path / "one")["notes"]] == [[0, 127]]
    capsys.readouterr()
    assert pack(with_velocities, tmp_path / "no", "--velocities", 4) == 2
    assert "4 velocity layers: tiny learned 3 velocities; ask for at most 3" in error_of(capsys)
    assert pack(with_velocities, tmp_path / "no", "--velocities", 2, "--attributes", "velocity=75") == 2
    assert "leave the attribute velocity out" in error_of(capsys)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--velocities", 2), "velocity layers: tiny was not conditioned on velocity; leave them out"),
        (("--pitches", 61), "pitch 61: not among the 4 pitches that tiny learned"),
        (("--velocities", 0), "argument --velocities: 0: must be 1 or more"),
    ],
)
def test_what_cannot_be_packed_is_one_line(run_folder, tmp_path, capsys, flags, message):
    assert pack(run_folder, tmp_path / "out", *flags) == 2
    assert message in error_of(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_no_previews")
def test_a_run_without_pitches_has_no_keys(experiment_dict, tmp_path, capsys):
    run_folder = trained(unconditional(experiment_dict), tmp_path)
    capsys.readouterr()
    assert pack(run_folder, tmp_path / "out") == 2
    assert "pack: tiny was not conditioned on pitch, so it has no keys; use random" in error_of(capsys)


def test_the_shipped_generator_becomes_an_instrument_in_tune(tmp_path):
    player = pytest.importorskip("tinysoundfont")
    run_folder, pitches = ROOT / "pretrained" / "mag-if", (60, 69, 75)
    flags = ["--pitches", *map(str, pitches), "--attributes", "instrument_family=brass", "-q"]
    assert generate.main(["pack", "-d", str(run_folder), "-o", str(tmp_path / "out"), *flags]) == 0
    notes = card_in(tmp_path / "out")["notes"]
    assert [note["verdict"] for note in notes] == ["looped"] * 3
    font = tmp_path / "out" / f"{load_instrument(run_folder, device='cpu').run_name}.sf2"
    for pitch in pitches:
        wave, _ = held(player, font, pitch)
        assert 100 * abs(sounding_pitch(wave, pitch, RATE).offset) < 10
        levels = [np.square(part).mean() for part in np.split(wave[RATE:], 6)]
        assert 10 * np.log10(max(levels) / min(levels)) < 0.5
