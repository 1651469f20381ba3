"""`generate.py pack` from its command line."""

import json

import numpy as np
import pytest
import soundfile

import generate
from data.note_pitch import sounding_pitch
from generation import pack_instrument
from generation.instrument import load_instrument
from tests.generation.midi.midi_files import off, on, written
from tests.generation.sampler.test_files import RATE, held, read_sfz
from tests.places import ROOT
from tests.playing import PITCHES, run_mode, sound, trained, unconditional, with_drums
from utils.errors import UserError

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


@pytest.fixture
def drum_run(experiment_dict, tmp_path, _no_previews):
    return trained(with_drums(experiment_dict, tmp_path), tmp_path)


KICK, HAT = {"instrument_family_str": "kick"}, {"instrument_family_str": "hat"}


def test_a_run_of_drums_becomes_a_kit_by_the_names_of_its_sounds(drum_run, tmp_path, capsys):
    out = tmp_path / "out"
    capsys.readouterr()
    assert pack(drum_run, out, "--seed", 3) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split() for line in said[:3]] == [
        ["drum", "sound"],
        ["35", "acoustic", "bass", "drum", "kick"],
        ["36", "bass", "drum", "1", "kick"],
    ]
    assert said[-2] == "drums of General MIDI without a sound: 42; the report names them, and a drum map gives them one"
    assert said[-1].startswith(f"5 samples in {out} (5 one-shot: drum); tiny.sfz and tiny.sf2 play them")
    keys = {35: KICK, 36: KICK, 42: HAT, 44: HAT, 46: HAT}
    assert files_in(out) == sorted([*FILES, *(f"samples/drum{key:03d}.wav" for key in keys)])
    notes = card_in(out)["notes"]
    assert {note["keys"][0]: note["attributes"] for note in notes} == keys
    assert [note["choke_group"] for note in notes] == [None, None, 1, 1, 1]
    regions = read_sfz(out / "tiny.sfz")
    assert [int(region["lokey"]) for region in regions] == list(keys)
    assert [region.get("off_by") for region in regions] == [None, None, "1", "1", "1"]
    instrument = load_instrument(drum_run, device="cpu")
    for note, region in zip(notes, regions, strict=True):  # the note of this seed, from its attack to its end
        (wave,) = instrument.play([3], instrument.labels(3, note["attributes"]))
        cut, turned_down = sound(out / region["sample"]), 32768 * wave * 10 ** (card_in(out)["gain_db"] / 20)
        assert np.abs(cut - turned_down[len(wave) - len(cut) :]).max() <= 0.51
    report = (out / "report.md").read_text()
    assert "|drum046|46openhi-hat|0-127|hat|42,44,46|one-shot:drum|" in report.replace(" ", "")
    assert "Drums of General MIDI without a sound: 37 side stick, 38 acoustic snare, 39 hand clap" in report


def test_a_kit_sounds_as_the_same_beat_does_from_midi(drum_run, tmp_path):
    player = pytest.importorskip("tinysoundfont")
    assert pack(drum_run, tmp_path / "out", "--seed", 3) == 0
    (tmp_path / "beat.mid").write_bytes(written([on(36, velocity=127, channel=9), off(36, 100, channel=9)]))
    flags = ("--drums", "--seed", 3, "--bits", "float", "--velocity-curve", "flat", "--adsr", 0.003, 0, 1, 0)
    assert run_mode("from_midi", drum_run, "-m", tmp_path / "beat.mid", "-o", tmp_path, *flags) == 0
    beat, _ = soundfile.read(tmp_path / "beat.wav")
    pressed, _ = held(player, tmp_path / "out" / "tiny.sf2", 36, velocity=127, seconds=1, bank=128)
    n_samples = len(sound(tmp_path / "out" / "samples" / "drum036.wav"))
    one, other = (wave[100 : n_samples - 16] for wave in (beat, pressed))  # players differ in how they fade in
    assert one @ other / np.sqrt((one @ one) * (other @ other)) > 0.999


@pytest.mark.usefixtures("_no_previews")
def test_a_map_makes_the_kit_of_any_run_without_pitch(experiment_dict, tmp_path, capsys):
    run_folder, drum_map = trained(unconditional(experiment_dict), tmp_path), tmp_path / "map.json"
    capsys.readouterr()
    assert pack(run_folder, tmp_path / "out") == 2
    assert error_of(capsys) == (
        "generate.py: tiny was not conditioned on pitch, so its keys are those of drums, but it learned nothing with "
        "the name of one; give a drum map"
    )
    drum_map.write_text('{"100": {}, "38": {}}')
    assert pack(run_folder, tmp_path / "out", "--drum-map", drum_map) == 0
    assert [line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()[1:3]] == [
        "acoustic snare  the run's sound",
        "the run's sound",
    ]
    assert [note["drum"] for note in card_in(tmp_path / "out")["notes"]] == ["acoustic snare", ""]
    drum_map.write_text('{"5": {}}')
    assert pack(run_folder, tmp_path / "out", "--drum-map", drum_map) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["drum  sound", "5     the run's sound"]


@pytest.mark.usefixtures("_no_previews")
def test_a_kit_has_layers_of_velocity_and_leaves_out_what_its_map_does(experiment_dict, tmp_path, capsys):
    experiment_dict = with_drums(experiment_dict, tmp_path)
    experiment_dict["loaderConfig"]["attribute_list"] += ["velocity"]
    run_folder, drum_map = trained(experiment_dict, tmp_path), tmp_path / "map.json"
    drum_map.write_text('{"35": null, "42": null, "44": null, "38": {"family": "hat"}}')
    capsys.readouterr()
    assert pack(run_folder, tmp_path / "out", "--drum-map", drum_map, "--velocities", 2) == 0
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()[:4]] == ["sound", "kick", "hat", "hat"]
    notes = card_in(tmp_path / "out")["notes"]
    assert [(note["keys"][0], note["velocities"], note["attributes"]["velocity"]) for note in notes] == [
        (key, *layer) for key in (36, 38, 46) for layer in (([0, 75], 50), ([76, 127], 100))
    ]
    regions = read_sfz(tmp_path / "out" / "tiny.sfz")
    assert [(each["lovel"], each["hivel"]) for each in regions[:2]] == [("0", "75"), ("76", "127")]
    drum_map.write_text('{"36": {"family": "kick", "velocity": 50}}')
    assert pack(run_folder, tmp_path / "no", "--drum-map", drum_map, "--velocities", 2) == 2
    assert "attribute velocity: the map of drums has it too (key 36); leave one of them out" in error_of(capsys)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--pitches", 60), "pitches: tiny has no pitches, and its keys are those of drums; leave them out"),
        (("--attributes", "instrument_family=kick"), "attribute instrument_family_str: the map of drums has it too"),
        (("--velocities", 2), "velocity layers: tiny was not conditioned on velocity; leave them out"),
        (("--drum-map", "nothing.json"), "nothing.json: "),
    ],
)
def test_what_a_kit_cannot_have_is_one_line(drum_run, tmp_path, capsys, flags, message):
    capsys.readouterr()
    assert pack(drum_run, tmp_path / "out", *flags) == 2
    assert message in error_of(capsys)
    assert not (tmp_path / "out").exists()


def test_a_run_of_pitches_takes_no_map(run_folder, tmp_path, capsys):
    (tmp_path / "map.json").write_text("{}")
    assert pack(run_folder, tmp_path / "out", "--drum-map", tmp_path / "map.json") == 2
    assert "--drum-map: tiny plays drums at the pitches of their keys; leave the map out" in error_of(capsys)
    instrument = load_instrument(run_folder, device="cpu")
    with pytest.raises(UserError, match="drum map: tiny was conditioned on pitch, which its keys are; leave it out"):
        pack_instrument(instrument, tmp_path / "out", drum_map={})


def test_python_makes_the_same_kit(drum_run, tmp_path):
    instrument = load_instrument(drum_run, device="cpu")
    assert pack(drum_run, tmp_path / "one", "--seed", 2) == 0
    pack_instrument(instrument, tmp_path / "other", seed=2)
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes() for name in FILES)
    made = pack_instrument(instrument, tmp_path / "other", drum_map={36: HAT})
    assert made.kit.splitlines()[1].split()[-1] == "hat"
    for wrong, said in (
        ({128: HAT}, "drum map: 128 is no MIDI key"),
        ({36: {"kind": "hat"}}, "did not learn kind 'hat'"),
    ):
        with pytest.raises(UserError, match=said):
            pack_instrument(instrument, tmp_path / "other", drum_map=wrong)


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
