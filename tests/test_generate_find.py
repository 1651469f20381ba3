"""`generate.py find`, from its command line: the note nearest to a sound, its card, and what other modes make of it."""

import json
import re

import numpy as np
import pytest
import soundfile

from data.audio_io import read_audio
from generation import load_instrument
from generation.finding.heard_sound import heard_note
from generation.finding.search import SearchSettings, find_note
from tests.generation.finding.sounds import tone, written
from tests.playing import (
    card_of,
    files_of,
    play,
    random_note,
    run_mode,
    sound,
    trained,
    unconditional,
    wavs,
    with_families,
)

QUICK = ("--starts", 2, "--steps", 3)


@pytest.fixture
def ping(tmp_path):
    return written(tmp_path / "mine" / "ping.wav", tone(330, before=0.2))


@pytest.fixture
def pong(tmp_path):
    return written(tmp_path / "mine" / "pong.wav", tone(392, level=0.05), rate=22_050)


def find(run_folder, out, *flags):
    return run_mode("find", run_folder, "-o", out, *QUICK, *flags)


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def test_each_sound_is_found_and_told_in_a_table(run_folder, tmp_path, ping, pong, tiny_nsynth, capsys):
    out = tmp_path / "out"
    assert find(run_folder, out, "--sound", ping, pong, "--pitch", "64,67", "--notes", tiny_nsynth) == 0
    assert wavs(out) == ["ping.wav", "pong.wav"]
    table = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in table[2:4]] == wavs(out)
    instrument = load_instrument(run_folder, device="cpu")
    for name, path, pitch, line in (("ping", ping, 64, table[2]), ("pong", pong, 67, table[3])):
        samples = read_audio(path, instrument.sample_rate)
        found = find_note(instrument, samples, name, {"pitch": pitch}, SearchSettings(starts=2, steps=3))
        card = card_of(out / f"{name}.wav")
        assert card["attributes"] == {"pitch": pitch}
        assert card["latent"] == found.latent.tolist()
        assert card["label_offsets"] == {"numbers": list(found.label_offsets.numbers), "pitch": pitch}
        assert card["found"]["distance"] == found.distance
        gain = 10 ** (card["gain_db"] / 20)
        np.testing.assert_allclose(sound(out / f"{name}.wav") / 32768, gain * found.wave, atol=1 / 32768)
        nearest = card["found"]["nearest"]
        assert nearest["among"] == 6
        assert f"-{pitch:03d}-" in nearest["note"]
        told = [f"{found.distance:.3f}", f"{card['found']['floor']:.3f}", f"{nearest['distance']:.3f}"]
        assert [cell.strip() for cell in line.split("|")[4:7]] == told
        heard, target = heard_note(instrument, samples, name), soundfile.read(out / "targets" / f"{name}.wav")[0]
        assert np.corrcoef(heard, target)[0, 1] > 0.999
        assert np.std(target) == pytest.approx(gain * np.std(found.wave), rel=0.05)


def test_found_before_is_kept_and_what_else_is_asked_is_searched_again(run_folder, tmp_path, ping, pong):
    both, one = tmp_path / "both", tmp_path / "one"
    assert find(run_folder, one, "--sound", pong, "--pitch", 67) == 0
    assert find(run_folder, both, "--sound", ping, "--pitch", 64) == 0
    before = {path: path.stat().st_mtime_ns for path in both.rglob("*.*")}
    assert run_mode("find", run_folder, "-o", both, *QUICK, "--sound", ping, pong, "--pitch", "64,67") == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (both / "pong.wav").read_bytes() == (one / "pong.wav").read_bytes()
    assert find(run_folder, both, "--sound", ping, "--pitch", 64, "--seed", 1) == 0
    assert card_of(both / "ping.wav")["found"]["asked"]["seed"] == 1
    (both / "targets" / "ping.wav").unlink()
    after = (both / "ping.wav").stat().st_mtime_ns
    assert find(run_folder, both, "--sound", ping, "--pitch", 64, "--seed", 1) == 0
    assert (both / "targets" / "ping.wav").exists()
    assert (both / "ping.wav").stat().st_mtime_ns > after


def test_card_of_a_found_note_is_heard_by_every_mode(run_folder, tmp_path, ping, pong):
    out = tmp_path / "out"
    assert find(run_folder, out, "--sound", ping, pong, "--pitch", "64,67", "--bits", 24) == 0
    cards = [out / "ping.json", out / "pong.json"]

    again = tmp_path / "again"
    assert play(run_folder, "--from-card", cards[0], "-o", again) == 0
    assert (again / "ping.wav").read_bytes() == (out / "ping.wav").read_bytes()

    scale = tmp_path / "scale"
    assert run_mode("scale", run_folder, "--from", cards[0], "--pitches", "60.5,64", "-o", scale) == 0
    whole = scale / "scale_ping.wav"
    names = files_of(whole)
    assert all(re.fullmatch(r"pitch06(0\.5|4)_latent[0-9a-f]{8}\.wav", name) for name in names)
    for told in ("latent", "label_offsets"):
        assert [card_of(scale / name)[told] for name in names] == [card_of(cards[0])[told]] * 2
    levels = [soundfile.read(path)[0] for path in (scale / names[1], out / "ping.wav")]
    gains = [10 ** (card_of(path)["gain_db"] / 20) for path in (whole, out / "ping.wav")]
    np.testing.assert_allclose(levels[0] / gains[0], levels[1] / gains[1], atol=2 / 32768 / gains[0])
    assert run_mode("scale", run_folder, "--from-card", scale / "scale_ping.json", "-o", tmp_path / "scale2") == 0
    assert (tmp_path / "scale2" / "scale_ping.wav").read_bytes() == whole.read_bytes()

    path = tmp_path / "path"
    flags = ("--from", cards[0], "--to", cards[1], "--steps", 2, "-o", path)
    assert run_mode("interpolation", run_folder, *flags) == 0
    walk = card_of(path / "interpolation.wav")
    assert walk["notes"][0]["latent"] == card_of(cards[0])["latent"]
    assert walk["notes"][2]["latent"] == card_of(cards[1])["latent"]
    assert walk["notes"][1]["between"]["from"]["latent"] == card_of(cards[0])["latent"]
    assert play(run_folder, "--from-card", f"{path / 'interpolation.json'}#1", "-o", tmp_path / "middle") == 0
    (middle,) = (tmp_path / "middle").glob("*.wav")
    assert middle.read_bytes() == (path / walk["notes"][1]["file"]).read_bytes()


def test_piece_is_played_by_a_found_note_and_by_its_card_again(run_folder, tmp_path, ping, monkeypatch):
    out = tmp_path / "out"
    assert find(run_folder, out, "--sound", ping, "--pitch", 64) == 0
    heard = []
    monkeypatch.setattr("generation.playing.one_note.OneNote.waves", recorded(heard), raising=True)
    assert run_mode("from_midi", run_folder, "--from", out / "ping.json", "-o", tmp_path / "piece") == 0
    assert set(heard) <= {60, 62, 64, 67}
    card = card_of(tmp_path / "piece" / "fur_elise.wav")
    assert card["settings"]["note"]["latent"] == card_of(out / "ping.wav")["latent"]
    assert card["voices"][0]["seeds"] == []
    again = tmp_path / "again"
    assert run_mode("from_midi", run_folder, "--from-card", tmp_path / "piece" / "fur_elise.json", "-o", again) == 0
    assert (again / "fur_elise.wav").read_bytes() == (tmp_path / "piece" / "fur_elise.wav").read_bytes()
    assert run_mode("from_midi", run_folder, "-o", tmp_path / "seeds") == 0
    assert (tmp_path / "seeds" / "fur_elise.wav").read_bytes() != (again / "fur_elise.wav").read_bytes()


def recorded(heard):
    from generation.playing.one_note import OneNote

    plain = OneNote.waves

    def waves(self, sounds):
        heard.extend(pitch for _, pitch in sounds)
        return plain(self, sounds)

    return waves


def test_piece_by_a_seeds_card_is_the_piece_of_that_seed(run_folder, tmp_path):
    note = random_note(run_folder, tmp_path / "note", "--seed", 5)
    assert run_mode("from_midi", run_folder, "--from", note.with_suffix(".json"), "-o", tmp_path / "card") == 0
    assert run_mode("from_midi", run_folder, "--seed", 5, "-o", tmp_path / "seed") == 0
    assert (tmp_path / "card" / "fur_elise.wav").read_bytes() == (tmp_path / "seed" / "fur_elise.wav").read_bytes()


@pytest.mark.usefixtures("_no_previews")
def test_piece_by_a_card_of_a_run_without_pitch(experiment_dict, tmp_path):
    run = trained(unconditional(experiment_dict), tmp_path)
    note = random_note(run, tmp_path / "note", "--seed", 5)
    based = ("--base-pitch", 60)
    card = ("--from", note.with_suffix(".json"))
    assert run_mode("from_midi", run, *based, *card, "-o", tmp_path / "card") == 0
    assert run_mode("from_midi", run, *based, "--seed", 5, "-o", tmp_path / "seed") == 0
    assert (tmp_path / "card" / "fur_elise.wav").read_bytes() == (tmp_path / "seed" / "fur_elise.wav").read_bytes()


@pytest.mark.usefixtures("_no_previews")
def test_attributes_are_fixed_or_tried(experiment_dict, tmp_path, ping):
    run = trained(with_families(experiment_dict), tmp_path)
    flags = ("--sound", ping, "--pitch", 64, "-o", tmp_path / "out")
    assert run_mode("find", run, *QUICK, *flags, "--attributes", "instrument_family=flute") == 0
    assert card_of(tmp_path / "out" / "ping.wav")["attributes"] == {"instrument_family_str": "flute", "pitch": 64}
    scale = ("--from", tmp_path / "out" / "ping.json", "--pitch", 60, "-o", tmp_path / "scale")
    assert run_mode("scale", run, *scale) == 0
    assert card_of(tmp_path / "scale" / "scale_ping.wav")["notes"][0]["attributes"]["instrument_family_str"] == "flute"


def test_without_training_notes_the_table_says_so(run_folder, tmp_path, ping, capsys):
    assert find(run_folder, tmp_path / "out", "--sound", ping, "--pitch", 64) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[2].count(" - |") == 2
    assert re.match(r"no training notes to compare with \(.*\); name a folder of them", said.err)
    assert card_of(tmp_path / "out" / "ping.wav")["found"]["nearest"] is None


def test_what_cannot_be_found_is_one_line(run_folder, tmp_path, ping, capsys):
    silent = written(tmp_path / "silent.wav", np.zeros(1_000))
    twin = written(tmp_path / "other" / "Ping.wav", tone(330))
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "ping.wav").write_bytes(ping.read_bytes())
    card = tmp_path / "card.json"
    card.write_text("{}")
    for flags, message in [
        (("--sound", tmp_path / "none.wav"), r".*none\.wav: no such file; check the path"),
        (("--sound", silent), r".*silent\.wav: silent; give another sound"),
        (("--sound", card), r".*card\.json: not readable as audio .*"),
        (("--sound", ping, twin), r".*Ping\.wav: would have the same name as .*ping\.wav, Ping; .*"),
        (("--sound", ping, "--pitch", 61), r"pitch 61: not among the 4 pitches that tiny learned .*"),
        (("--sound", ping, "--pitch", "60,62"), r"--pitches: 2 values for 1 note; give one, or one for each"),
        (("--sound", ping, "--attributes", "velocity=3"), r"attribute velocity: tiny was not conditioned on it; .*"),
        (("--sound", ping, "-o", strange), r".*ping\.wav: is there and is not a generated note .*"),
        (("--sound", ping, "-o", ping.parent), r".*ping\.wav: is read as input .*"),
        (("--sound", ping, "--notes", tmp_path / "nowhere"), r".*nowhere: no such folder; .*"),
    ]:
        assert find(run_folder, tmp_path / "out", *flags) == 2
        assert re.fullmatch(rf"generate\.py: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
    assert [path.name for path in strange.iterdir()] == ["ping.wav"]


def test_from_goes_with_no_other_timbre_and_own_cards_only(run_folder, tmp_path, ping, capsys):
    out = tmp_path / "out"
    assert find(run_folder, out, "--sound", ping, "--pitch", 64) == 0
    card = out / "ping.json"
    changed = tmp_path / "changed.json"
    capsys.readouterr()
    for mode, flags, change, message in [
        ("scale", ("--from", card, "--seed", 1), {}, r"--seed cannot be combined with --from, .*"),
        ("scale", ("--from", card, "--truncation", 1), {}, r"--truncation cannot be combined with --from, .*"),
        ("from_midi", ("--from", card, "--voices", "each"), {}, r"--voices cannot be combined with --from, .*"),
        ("from_midi", ("--from", card, "--seeds", "0,1"), {}, r"--seeds cannot be combined with --from, .*"),
        ("scale", ("--from", changed), {"checkpoint_sha256": "0"}, r".*made by another checkpoint .*"),
        ("from_midi", ("--from", changed), {"checkpoint_sha256": "0"}, r".*made by another checkpoint .*"),
        ("scale", ("--from", changed), {"latent": [0.0]}, r"a latent of 1 numbers: tiny has 4; .*"),
        ("random", ("--from-card", changed), {"latent": [0.0]}, r"a latent of 1 numbers: tiny has 4; .*"),
        ("random", ("--from-card", changed), {"latent": []}, r".*not a note that generate\.py wrote \(latent: .*"),
        ("random", ("--from-card", changed), {"seed": 1}, r".*not a note that generate\.py wrote \(.*either a seed .*"),
        ("scale", ("--from", changed), {"latent": None, "seed": 1}, r".*only a note with a latent .* label offsets.*"),
        ("scale", ("--from", changed), {"label_offsets": {"numbers": [0.0]}}, r"1 label offset: not those of the 4 .*"),
        ("random", ("--from-card", changed), {"truncation": 1.0}, r".*only a note of a seed has a truncation .*"),
    ]:
        changed.write_text(json.dumps({**json.loads(card.read_text()), **change}))
        assert run_mode(mode, run_folder, *flags, "-o", tmp_path / "none") == 2
        assert re.fullmatch(rf"generate\.py: {message}\n", capsys.readouterr().err), (mode, flags)
    assert not (tmp_path / "none").exists()


def test_ctrl_c_keeps_what_is_found(run_folder, tmp_path, ping, pong, monkeypatch):
    plain, calls = find_note, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr("generation.finding.found_files.find_note", interrupted)
    out = tmp_path / "out"
    assert find(run_folder, out, "--sound", ping, pong, "--pitch", "64,67") == 130
    assert sorted(map(str, contents(out))) == ["ping.json", "ping.wav", "targets/ping.wav"]
    assert find(run_folder, out, "--sound", ping, pong, "--pitch", "64,67") == 0
    assert len(calls) == 3
    assert wavs(out) == ["ping.wav", "pong.wav"]
