"""`generate.py scale` from its command line."""

import numpy as np
import pytest

from generation.instrument import Instrument
from tests.playing import N_SAMPLES, PITCHES, assert_same_note, card_of, files_of, play, run_mode, sound, wavs


@pytest.mark.usefixtures("with_figures")
def test_scale_is_the_random_notes_of_one_seed_and_all_of_them_in_one_file(run_folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run_mode("scale", run_folder, "-o", out, "--seed", 3, "--gap", 0.01) == 0
    names = [f"pitch{pitch:03d}_seed000003.wav" for pitch in PITCHES]
    assert wavs(out) == [*names, "scale_seed000003.wav"]
    assert capsys.readouterr().out == (
        f"5 sounds in {out}; scale_seed000003.wav is a whole scale, see scale_seed000003.png there\n"
    )
    assert play(run_folder, "-o", tmp_path / "random", "--count", 1, "--seed", 3, "--pitch", 64) == 0
    assert_same_note(out / "pitch064_seed000003.wav", tmp_path / "random" / "pitch064_seed000003.wav")
    card = card_of(out / "scale_seed000003.wav")
    assert (files_of(out / "scale_seed000003.wav"), card["pitches"], card["seed"]) == (names, PITCHES, 3)
    assert card["gap_s"] == 0.01
    assert [note["onset_s"] for note in card["notes"]] == [k * (N_SAMPLES + 160) / 16_000 for k in range(4)]
    assert card["checkpoint_sha256"] == card_of(out / names[0])["checkpoint_sha256"]
    assert (out / "scale_seed000003.png").read_bytes().startswith(b"\x89PNG")
    whole = sound(out / "scale_seed000003.wav")
    assert len(whole) == 4 * N_SAMPLES + 3 * 160
    assert not whole[N_SAMPLES : N_SAMPLES + 160].any()


def test_whole_scale_is_turned_down_by_one_gain(run_folder, tmp_path, monkeypatch):
    levels = iter((0.5, 2.0, 0.0))
    monkeypatch.setattr(Instrument, "sound", lambda *_: [np.full(N_SAMPLES, next(levels), dtype=np.float32)])
    assert run_mode("scale", run_folder, "-o", tmp_path, "--pitches", "60,62,64") == 0
    whole = sound(tmp_path / "scale_seed000000.wav").reshape(3, N_SAMPLES)
    assert (whole == [[8192], [32767], [0]]).all()
    assert card_of(tmp_path / "scale_seed000000.wav")["gain_db"] == pytest.approx(-6.02, abs=0.01)
    for pitch, level in ((60, 8192), (62, 32767), (64, 0)):
        assert (sound(tmp_path / f"pitch{pitch:03d}_seed000000.wav") == level).all()
        assert card_of(tmp_path / f"pitch{pitch:03d}_seed000000.wav")["gain_db"] == pytest.approx(-6.02, abs=0.01)


def test_scale_plays_the_pitches_asked_for_in_their_order(run_folder, tmp_path):
    assert run_mode("scale", run_folder, "-o", tmp_path, "--pitches", "67,62,67", 60) == 0
    whole = sound(tmp_path / "scale_seed000000.wav").reshape(4, N_SAMPLES)
    assert (whole[0] == whole[2]).all()
    assert len(np.unique(whole, axis=0)) == 3
    assert card_of(tmp_path / "scale_seed000000.wav")["pitches"] == [67, 62, 67, 60]
    assert len(wavs(tmp_path)) == 4


@pytest.mark.parametrize("flags", [("--seeds", "2-3,5"), ("--seeds", 2, 3, 5)])
def test_each_seed_has_a_scale_which_does_not_depend_on_the_others(run_folder, tmp_path, flags):
    assert run_mode("scale", run_folder, "-o", tmp_path / "many", *flags, "--pitch", "60-60") == 0
    assert run_mode("scale", run_folder, "-o", tmp_path / "one", "--seed", 2, "--count", 2, "--pitch", 60) == 0
    assert len(wavs(tmp_path / "many")) == 6
    assert len(wavs(tmp_path / "one")) == 4
    for name in wavs(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()
