"""`generate.py` between the keys, from its command line: fractions, names, tunings, and cards that make them again."""

import json
import re

import numpy as np
import pytest
import soundfile

from data.note_pitch import hertz
from generation.instrument import Instrument
from generation.synthesis import fit_full_scale
from generation.tuning.resampling import at_ratio
from tests.generation.midi.midi_files import control, off, on, written
from tests.generation.midi.test_controllers import bend
from tests.playing import CPU, card_of, files_of, play, run_mode, trained, unconditional, wavs

pytestmark = pytest.mark.usefixtures("_no_previews")

QUARTERS = "24 equal steps\n24\n" + "".join(f"{50 * k}.0\n" for k in range(1, 25))


@pytest.fixture
def quarters(tmp_path):
    path = tmp_path / "quarters.scl"
    path.write_text(QUARTERS)
    return path


def assert_same_files(folder, other, names):
    for name in names:
        assert (folder / name).read_bytes() == (other / name).read_bytes()


def test_a_fraction_is_the_nearest_learned_note_resampled(run_folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert play(run_folder, "-o", out, "--pitches", "60.5,C4,E4-25", "--count", 3, "--bits", "float") == 0
    assert wavs(out) == ["pitch060.5_seed000000.wav", "pitch060_seed000001.wav", "pitch063.75_seed000002.wav"]
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    for name, seed, pitch, learned in ((wavs(out)[0], 0, 60.5, 60), (wavs(out)[2], 2, 63.75, 64)):
        card, ratio = card_of(out / name), 2 ** ((pitch - learned) / 12)
        assert card["attributes"] == {"pitch": learned}
        assert card["resampled"] == {"pitch": pitch, "learned_pitch": learned, "ratio": pytest.approx(ratio)}
        wave = at_ratio(instrument.play([seed], instrument.labels(seed, {"pitch": learned}))[0], ratio, 16_000)
        np.testing.assert_allclose(
            soundfile.read(out / name)[0] / 10 ** (card["gain_db"] / 20), wave, rtol=0, atol=1e-6
        )
        np.testing.assert_array_equal(instrument.note(seed=seed, pitch=pitch), fit_full_scale(wave)[0])
    assert "resampled" not in card_of(out / wavs(out)[1])
    plain = tmp_path / "plain"
    assert play(run_folder, "-o", plain, "--pitch", 60, "--seed", 1, "--count", 1, "--bits", "float") == 0
    gains = [10 ** (card_of(folder / wavs(plain)[0])["gain_db"] / 20) for folder in (plain, out)]
    levels = [soundfile.read(folder / wavs(plain)[0])[0] for folder in (plain, out)]
    np.testing.assert_allclose(levels[0] / gains[0], levels[1] / gains[1], rtol=0, atol=1e-6)
    assert play(run_folder, "-o", tmp_path / "again", "--from-card", out / "pitch060.5_seed000000.json") == 0
    assert_same_files(out, tmp_path / "again", ["pitch060.5_seed000000.wav", "pitch060.5_seed000000.json"])
    capsys.readouterr()
    path = ("interpolation", run_folder, "--from", out / "pitch060.5_seed000000.json", "--path", "radius")
    assert run_mode(*path, "-o", tmp_path / "path") == 2
    assert "lies between the keys; choose a pitch that the run learned" in capsys.readouterr().err


def test_a_scale_of_a_tuning(run_folder, tmp_path, quarters):
    out = tmp_path / "out"
    assert run_mode("scale", run_folder, "-o", out, "--tuning", quarters) == 0
    card = card_of(out / "scale_seed000000.wav")
    near = [59.5, 60, 60.5, 61.5, 62, 62.5, 63.5, 64, 64.5, 66.5, 67, 67.5]
    assert card["pitches"] == near
    assert (card["tuning"]["description"], card["tuning"]["root"]) == ("24 equal steps", 60)
    assert files_of(out / "scale_seed000000.wav")[:2] == ["pitch059.5_seed000000.wav", "pitch060_seed000000.wav"]
    again = tmp_path / "again"
    assert run_mode("scale", run_folder, "-o", again, "--from-card", out / "scale_seed000000.json") == 0
    assert_same_files(out, again, [path.name for path in out.iterdir()])
    keys = ("--tuning", quarters, "--tuning-root", "D4", "--tuning-frequency", hertz(60), "--pitches", "62-63")
    assert run_mode("scale", run_folder, "-o", tmp_path / "two", *keys) == 0
    assert wavs(tmp_path / "two") == [
        "pitch060.5_seed000000.wav", "pitch060_seed000000.wav", "scale_seed000000.wav"
    ]  # fmt: skip
    assert play(run_folder, "-o", tmp_path / "random", "--count", 1, *keys, "--pitch", "63") == 0


@pytest.mark.parametrize(
    ("mode", "flags", "message"),
    [
        ("random", ("--pitch", "61.2"), r"pitch 61\.2: more than half a semitone from the 4 pitches .*"),
        ("scale", ("--pitch", "67.51"), r"pitch 67\.51: more than half a semitone from the 4 pitches .*"),
        ("random", ("--tuning", "quarters.scl"), r"--tuning needs --pitches, the keys to play"),
        ("random", ("--tuning-root", 60), r"--tuning-root goes with --tuning FILE; give one, or leave it out"),
        ("scale", ("--tuning", "none.scl"), r"none\.scl: no such file; check the path"),
        ("scale", ("--tuning", "broken.scl"), r"broken\.scl, line 2: '.*' must be the number of notes, .*"),
        ("scale", ("--tuning", "quarters.scl", "--pitch", "60.5"), r"pitch 60\.5: with a tuning, pitches are keys; .*"),
        ("scale", ("--tuning", "quarters.scl", "--tuning-root", "60.5"), r"argument --tuning-root: .*"),
        ("from_midi", ("--tuning-frequency", 440), r"--tuning-frequency goes with --tuning FILE; .*"),
        ("from_midi", ("--base-pitch", 60), r"base_pitch: tiny was conditioned on pitch; leave it out"),
        ("interpolation", ("--pitch", "60.5"), r"argument --pitches: .*"),
    ],
)
def test_what_cannot_be_played_is_one_line(run_folder, tmp_path, quarters, monkeypatch, capsys, mode, flags, message):
    monkeypatch.chdir(quarters.parent)
    (tmp_path / "broken.scl").write_text("a\nb\n")
    assert run_mode(mode, run_folder, "-o", tmp_path / "out", *flags) == 2
    assert re.fullmatch(rf"generate\.py: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("with_figures")
def test_a_piece_with_bends_and_levels_in_a_tuning(run_folder, tmp_path, quarters):
    track = [control(7, 80), on(60), bend(4096, 240), control(11, 30, 240), off(60, 240), on(61), off(61, 480)]
    (tmp_path / "piece.mid").write_bytes(written(track))
    flags = ("-m", tmp_path / "piece.mid", "--tuning", quarters)
    assert run_mode("from_midi", run_folder, "-o", tmp_path / "a", *flags) == 0
    card = card_of(tmp_path / "a" / "piece.wav")
    assert (card["piece"]["controllers"], card["settings"]["tuning"]["cents"][0]) == (True, 50)
    assert card["pitches"][1] | {"ratio": 0} == {
        "pitch": 61, "name": "C#4", "notes": 1, "played": 60.5, "asked": 60.5, "learned": 60, "ratio": 0
    }  # fmt: skip
    quarters.unlink()
    assert run_mode("from_midi", run_folder, "-o", tmp_path / "b", "--from-card", tmp_path / "a" / "piece.json") == 0
    assert_same_files(tmp_path / "a", tmp_path / "b", ["piece.wav", "piece.json", "piece.png"])
    del card["piece"]["controllers"]  # as a card made before there were any
    (tmp_path / "old.json").write_text(json.dumps(card))
    assert run_mode("from_midi", run_folder, "-o", tmp_path / "c", "--from-card", tmp_path / "old.json") == 0
    assert "pitch bends not applied: 1" in card_of(tmp_path / "c" / "piece.wav")["remarks"]
    assert (tmp_path / "c" / "piece.wav").read_bytes() != (tmp_path / "a" / "piece.wav").read_bytes()


def test_a_run_without_pitch_plays_from_a_base_pitch(experiment_dict, tmp_path):
    run = trained(unconditional(experiment_dict), tmp_path)
    (tmp_path / "piece.mid").write_bytes(written([on(60), off(60, 480), on(67), off(67, 480)]))
    flags = ("-m", tmp_path / "piece.mid", "-o", tmp_path / "a", "--base-pitch", "C4")
    assert run_mode("from_midi", run, *flags) == 0
    card = card_of(tmp_path / "a" / "piece.wav")
    assert [(use["played"], use.get("learned")) for use in card["pitches"]] == [(60, None), (67, 60)]
    assert run_mode("from_midi", run, "--from-card", tmp_path / "a" / "piece.json", "-o", tmp_path / "b") == 0
    assert_same_files(tmp_path / "a", tmp_path / "b", ["piece.wav", "piece.json"])
