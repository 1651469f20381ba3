"""`generate.py from_midi` from its command line."""

import json
import re

import mido
import numpy as np
import pytest
import soundfile

from commands.generate.from_midi import safe_name
from generation.instrument import Instrument
from generation.playing.settings import PieceSource
from models.checkpoint import find_checkpoint
from tests.generation.midi.midi_files import off, on, written
from tests.playing import CPU, card_of, run_mode, trained, unconditional, with_drums, with_families


def midi(path, notes, *, channels=(0,), programs=()):
    """Notes of (beats, pitch, velocity) one after the other, at 120 beats per minute, on a track for each channel."""
    tracks = [[mido.Message("program_change", channel=c, program=p)] for c, p in zip(channels, programs, strict=False)]
    tracks = tracks or [[] for _ in channels]
    for track, channel in zip(tracks, channels, strict=True):
        for beats, pitch, velocity in notes:
            track += [on(pitch, velocity=velocity, channel=channel), off(pitch, round(beats * 480), channel=channel)]
    path.write_bytes(written(*tracks))
    return path


@pytest.fixture
def melody(tmp_path):
    return midi(tmp_path / "my melody (1).mid", [(1, 60, 100), (0.5, 62, 64), (2, 76, 127), (1, 61, 90)])


def from_midi(run_folder, *flags):
    return run_mode("from_midi", run_folder, *flags)


def test_a_midi_file_becomes_a_wav_a_card_and_a_picture(run_folder, melody, capsys):
    assert from_midi(run_folder, "-m", melody) == 0
    folder = run_folder / "generated" / "from_midi"
    assert {path.name for path in folder.iterdir()} == {f"my_melody_1.{suffix}" for suffix in ("wav", "json", "png")}
    wav = folder / "my_melody_1.wav"
    info = soundfile.info(wav)
    assert (info.samplerate, info.subtype, info.frames) == (16_000, "PCM_16", round(1.75 * 16_000) + 800)
    card = card_of(wav)
    assert card["checkpoint"] == find_checkpoint(run_folder).name
    assert (card["played"], card["distinct_sounds"]) == (3, 3)
    out, err = capsys.readouterr()
    assert out.splitlines()[:3] == [
        "pitch     notes  played",
        "61 C#4        1  dropped",
        "76 E5         1  1 octave down, as 64 E4",
    ]
    assert re.fullmatch(
        r"3 notes, 1\.8 s, -[\d.]+ LUFS, -[\d.]+ dBTP \(set by .*\), played by .*run", out.splitlines()[3]
    )
    assert "1 moved by octaves, 1 left out" in err


def test_without_a_file_it_plays_fur_elise(run_folder, tmp_path):
    assert from_midi(run_folder, "-o", tmp_path / "out") == 0
    assert card_of(tmp_path / "out" / "fur_elise.wav")["piece"]["path"] is None
    assert soundfile.info(tmp_path / "out" / "fur_elise.wav").duration > 20


def test_the_sound_is_that_of_the_network(run_folder, tmp_path):
    one = midi(tmp_path / "one.mid", [(0.005, 64, 127)])  # it ends before its loop begins
    assert from_midi(run_folder, "-m", one, "-o", tmp_path, "--bits", "float", "--adsr", 0, 0, 1, 0, "--seed", 3) == 0
    read, _ = soundfile.read(tmp_path / "one.wav", dtype="float32")
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    wave = instrument.sound(instrument.conditions(instrument.latent(3), instrument.labels(3, {"pitch": 64})))[0]
    start = int(np.argmin([abs(wave[k] / read[0] - wave[k + 9] / read[9]) for k in range(200)]))
    sounding = wave[start : start + len(read)]
    np.testing.assert_allclose(read / np.abs(read).max(), sounding / np.abs(sounding).max(), atol=1e-5)


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--latent", "linear", "--seeds", "0", "1", "--bits", "float", "--rate", "22050"),
        ("--latent", "bar", "--truncation", "0.5", "--sustain", "retrigger", "--bits", "24"),
        ("--voices", "each", "ch2=7", "--velocity-curve", "linear", "--out-of-range", "drop", "--loudness", "-30"),
    ],
)
def test_a_card_gives_the_same_bytes_again(run_folder, tmp_path, flags):
    piece = midi(tmp_path / "piece.mid", [(2, 60, 100), (3, 64, 64), (2, 67, 127)], channels=(0, 1))
    assert from_midi(run_folder, "-m", piece, "-o", tmp_path / "a", *flags) == 0
    assert from_midi(run_folder, "--from-card", tmp_path / "a" / "piece.json", "-o", tmp_path / "b") == 0
    for suffix in ("wav", "json"):  # the picture: see test_between_keys.py
        name = f"piece.{suffix}"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    piece.rename(tmp_path / "moved.mid")
    again = ("--from-card", tmp_path / "a" / "piece.json", "-m", tmp_path / "moved.mid", "-o", tmp_path / "c")
    assert from_midi(run_folder, *again) == 0
    assert (tmp_path / "a" / "piece.wav").read_bytes() == (tmp_path / "c" / "moved.wav").read_bytes()


def test_settings_change_the_sound(run_folder, tmp_path):
    piece = midi(tmp_path / "piece.mid", [(4, 60, 100), (3, 64, 64)], channels=(0, 1))
    choices = [
        (), ("--seed", 1), ("--latent", "bar"), ("--voices", "each"), ("--sustain", "none"), ("--sustain", "retrigger"),
        ("--velocity-curve", "flat"), ("--adsr", 0.1, 0, 1, 0.1), ("--truncation", 0.3), ("--loudness", -40),
    ]  # fmt: skip
    sounds = set()
    for flags in choices:
        assert from_midi(run_folder, "-m", piece, "-o", tmp_path / "out", *flags) == 0
        sounds.add((tmp_path / "out" / "piece.wav").read_bytes())
    assert len(sounds) == len(choices)


@pytest.mark.usefixtures("_no_previews")
def test_families_go_by_program(experiment_dict, tmp_path):
    run = trained(with_families(experiment_dict), tmp_path)
    piece = midi(tmp_path / "piece.mid", [(1, 60, 100)], channels=(0, 1, 2), programs=(56, 73, 24))
    assert from_midi(run, "-m", piece, "-o", tmp_path / "out", "--voices", "each") == 0
    card = card_of(tmp_path / "out" / "piece.wav")
    assert [voice["programs"] for voice in card["voices"]] == [[56], [73], [24]]
    assert from_midi(run, "-m", piece, "-o", tmp_path / "out", "--attributes", "instrument_family=brass") == 0
    assert card_of(tmp_path / "out" / "piece.wav")["voices"][0]["attributes"] == {"instrument_family_str": "brass"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("-m", "missing.mid"), r"missing\.mid: no such file; check the path"),
        (("--from-card", "missing.json", "--seed", 1), r"--seed cannot be combined with --from-card, .*"),
        (("--from-card", "missing.json", "--lenient"), r"--lenient cannot be combined with --from-card, .*"),
        (("--from-card", "missing.json"), r"missing\.json: no such file; check the path"),
        (("--seed", 1, "--seeds", 2), r"--seeds already lists every seed; leave --seed out"),
        (("--seeds", "0-3"), r"from_midi: hold takes one seed; .*"),
        (("--latent", "linear"), r"from_midi: linear goes from seed to seed; .*"),
        (("--voices", "ch9=1"), r"'ch9' is no voice of the piece, which has track1\.ch1, track2\.ch2"),
        (("--attributes", "colour=red"), r"attribute colour: tiny was not conditioned on it; leave it out"),
        (("--attributes", "a=b,c"), r"--attributes a: a piece takes one value of each attribute; .*"),
        (("--adsr", 0, 0, 1.5, 0), r"from_midi: adsr\.2: .*"),
        (("--adsr", 0, 0, "nan", 0), r"from_midi: adsr\.2: .*"),
        (("--rate", 2000), r"from_midi: rate: .*"),
        (("--loudness", 3), r"argument --loudness: 3: must be from -70 to 0; .*"),
        (("--out-of-range", "error"), r"notes that are not among the 4 pitches .*"),
    ],
)
def test_what_cannot_be_played_is_one_line(run_folder, tmp_path, capsys, flags, message):
    assert from_midi(run_folder, "-o", tmp_path / "out", *flags) == 2
    assert re.fullmatch(rf"generate\.py: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_cards_of_other_pieces_checkpoints_and_modes_are_refused(run_folder, melody, tmp_path, capsys):
    assert from_midi(run_folder, "-m", melody, "-o", tmp_path) == 0
    path = tmp_path / "my_melody_1.json"
    card = json.loads(path.read_text())

    def refused(changed, *flags):
        (tmp_path / "changed.json").write_text(json.dumps(changed))
        capsys.readouterr()
        assert from_midi(run_folder, "--from-card", tmp_path / "changed.json", "-o", tmp_path / "out", *flags) == 2
        assert not (tmp_path / "out").exists()
        return capsys.readouterr().err

    assert "not the piece that" in refused(card, "-m", midi(tmp_path / "other.mid", [(1, 60, 100)]))
    assert "made by another checkpoint" in refused({**card, "checkpoint_sha256": "0" * 64})
    assert "changed.json: " in refused({name: card[name] for name in card if name != "piece"})
    assert "changed.json: tempo: Extra inputs" in refused({**card, "settings": {"tempo": 3}})
    assert "changed.json: path: " in refused({**card, "piece": {**card["piece"], "path": 3}})


def test_broken_files_are_one_line_or_what_can_be_read(run_folder, melody, tmp_path, capsys):
    broken = tmp_path / "broken.mid"
    broken.write_bytes(melody.read_bytes()[:-12])
    assert from_midi(run_folder, "-m", broken, "-o", tmp_path / "out") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert from_midi(run_folder, "-m", broken, "-o", tmp_path / "out", "--lenient") == 0
    card = card_of(tmp_path / "out" / "broken.wav")
    assert card["remarks"]
    assert card["piece"]["lenient"] is True
    assert from_midi(run_folder, "--from-card", tmp_path / "out" / "broken.json", "-o", tmp_path / "again") == 0
    assert (tmp_path / "out" / "broken.wav").read_bytes() == (tmp_path / "again" / "broken.wav").read_bytes()


@pytest.mark.usefixtures("_no_previews")
def test_a_run_without_pitch_plays_no_piece(experiment_dict, tmp_path, capsys):
    run = trained(unconditional(experiment_dict), tmp_path)
    capsys.readouterr()
    assert from_midi(run) == 2
    assert capsys.readouterr().err == (
        "generate.py: tiny was not conditioned on pitch: of a piece it plays drums, if they are asked for, and other "
        "notes only with a base pitch\n"
    )


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (None, "fur_elise"),
        ("a/b c.mid", "b_c"),
        ("...mid", "piece"),
        (".mid", "mid"),
        ("Für Elise.mid", "Für_Elise"),
        (f"{'x' * 200}.mid", "x" * 100),
        ("a:b?.mid", "a_b"),
    ],
)
def test_names_are_safe(path, name):
    assert safe_name(PieceSource(path=path, sha256="0")) == name


def test_drums_are_played_if_asked(run_folder, tmp_path, capsys):
    """As shared/cases/drum.mid: four notes on channel 10."""
    drums = midi(tmp_path / "drum.mid", [(1, pitch, 100) for pitch in (60, 62, 64, 67)], channels=(9,))
    assert from_midi(run_folder, "-m", drums, "-o", tmp_path / "out") == 2
    assert "no note to play (notes of drums (channel 10) skipped: 4)" in capsys.readouterr().err
    assert from_midi(run_folder, "-m", drums, "-o", tmp_path / "out", "--drums", "--voices", "each") == 0
    card = card_of(tmp_path / "out" / "drum.wav")
    assert (card["played"], card["piece"]["drums"], card["voices"][0]["programs"]) == (4, True, [])
    again = ("--from-card", tmp_path / "out" / "drum.json", "-o", tmp_path / "again")
    assert from_midi(run_folder, *again) == 0
    assert (tmp_path / "again" / "drum.wav").read_bytes() == (tmp_path / "out" / "drum.wav").read_bytes()


@pytest.mark.usefixtures("_no_previews")
def test_a_run_of_drums_plays_drums_by_their_names(experiment_dict, tmp_path, capsys):
    """Without pitch: by usual names, or by a map, and the card makes the same bytes again."""
    experiment_dict["loaderConfig"]["attribute_list"] = ["instrument_family_str"]
    experiment_dict["modelConfig"]["attribKeysOrder"] = None
    run = trained(experiment_dict, tmp_path)
    drums = midi(tmp_path / "drum.mid", [(1, pitch, 100) for pitch in (36, 38, 36, 54)], channels=(9, 0))
    capsys.readouterr()
    assert from_midi(run, "-m", drums, "-o", tmp_path / "out", "--drums") == 2
    assert capsys.readouterr().err == (
        "generate.py: --drums: tiny learned nothing with the name of a drum; give a --drum-map FILE\n"
    )
    beat = midi(tmp_path / "beat.mid", [(1, 36, 100)], channels=(9,))
    (tmp_path / "none.json").write_text('{"36": null}')
    for base in ((), ("--base-pitch", 60)):  # what the map leaves out is no note of a pitch
        assert from_midi(run, "-m", beat, "-o", tmp_path / "no", "--drum-map", tmp_path / "none.json", *base) == 2
        assert "drums that have no sound, left out: 36 bass drum 1 (1 note)" in capsys.readouterr().err
    (tmp_path / "map.json").write_text('{"36": "brass", "38": {"family": "flute"}}')
    assert from_midi(run, "-m", drums, "-o", tmp_path / "out", "--drum-map", tmp_path / "map.json") == 0
    out, err = capsys.readouterr()
    assert "36 bass drum 1" in out
    assert "left out: 54 tambourine (1 note); give them one in a drum map" in err
    assert err.count("\n") == 2  # and one line on the other channel
    card = card_of(tmp_path / "out" / "drum.wav")
    assert (card["played"], card["distinct_sounds"], card["piece"]["drums"]) == (3, 2, True)
    assert from_midi(run, "--from-card", tmp_path / "out" / "drum.json", "-o", tmp_path / "again") == 0
    assert (tmp_path / "again" / "drum.wav").read_bytes() == (tmp_path / "out" / "drum.wav").read_bytes()
    assert run_mode("random", run, "--count", 1, "-o", tmp_path / "one") == 0
    one = next((tmp_path / "one").glob("*.json"))
    assert from_midi(run, "-m", drums, "--drum-map", tmp_path / "map.json", "--from", one) == 2
    assert "plays all with one note, and --drums each drum by its name" in capsys.readouterr().err


@pytest.mark.usefixtures("_no_previews")
def test_hats_choke_and_pieces_of_cards_that_do_not_say_so_stay_as_they_were(experiment_dict, tmp_path):
    run = trained(with_drums(experiment_dict, tmp_path), tmp_path)
    hats = tmp_path / "hats.mid"
    hats.write_bytes(written([on(46, channel=9), on(42, 5, channel=9), off(46, 100, channel=9), off(42, channel=9)]))
    assert from_midi(run, "-m", hats, "-o", tmp_path / "out", "--drums") == 0
    card = tmp_path / "out" / "hats.json"
    assert from_midi(run, "--from-card", card, "-o", tmp_path / "again") == 0
    content = json.loads(card.read_text())
    assert content["settings"].pop("choke") is True
    (tmp_path / "before.json").write_text(json.dumps(content))
    assert from_midi(run, "--from-card", tmp_path / "before.json", "-o", tmp_path / "before") == 0
    chokes, again, before = ((tmp_path / name / "hats.wav").read_bytes() for name in ("out", "again", "before"))
    assert (chokes == again, chokes == before) == (True, False)


def test_a_run_of_pitches_takes_no_map(run_folder, melody, tmp_path, capsys):
    (tmp_path / "map.json").write_text("{}")
    assert from_midi(run_folder, "-m", melody, "--drum-map", tmp_path / "map.json") == 2
    assert "plays drums at the pitches of their keys; leave the map out" in capsys.readouterr().err
