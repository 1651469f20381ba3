import hashlib
import importlib.util
import json
import re
import struct
import sys
import wave
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from data import render_notes, sound_font
from data.general_midi import PROGRAMS
from data.note_pitch import hertz, sounding_pitch
from data.nsynth import FAMILIES, SOURCES
from data.render_notes import main
from tests.data.conftest import set_free_bytes

KEYS = {
    *("note", "note_str", "instrument", "instrument_str", "instrument_family", "instrument_family_str", "pitch"),
    *("instrument_source", "instrument_source_str", "velocity", "sample_rate", "qualities", "qualities_str"),
}
TIME = np.arange(64_000) / 16_000


def tone(pitch, harmonics=(1, 2, 3), level=0.1):
    return sum(level / k * np.sin(2 * np.pi * k * hertz(pitch) * TIME) for k in harmonics).astype(np.float32)


class FakePlayer:
    """Every note sounds right, but for what `sounds` says of a key."""

    sounds: ClassVar = {}
    played: ClassVar = []

    def __init__(self, path):
        pass

    def name(self, program):
        return f"program {program}"

    def play(self, program, key, velocity):
        self.played.append((program, key, velocity))
        sound = self.sounds.get(key, tone(key))
        if isinstance(sound, BaseException):
            raise sound
        return sound


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(render_notes, "SoundFontPlayer", FakePlayer)
    monkeypatch.setattr(FakePlayer, "sounds", {})
    monkeypatch.setattr(FakePlayer, "played", [])
    return FakePlayer


@pytest.fixture(scope="session")
def font():
    folder = Path(importlib.util.find_spec("pretty_midi").submodule_search_locations[0])
    return next(folder.glob("*.sf2"))


@pytest.fixture
def render(tmp_path, font, capsys):
    """Run the program on a corner of the table; returns its exit code, stdout and stderr."""

    def run(*options, out="notes", soundfont=font, pitches="60-61", workers="1"):
        places = ["--out", str(tmp_path / out), "--soundfont", str(soundfont)]
        code = main([*places, "--pitches", pitches, "--workers", workers, "-q", *options])
        return code, *capsys.readouterr()

    return run


LITTLE = ("--families", "vocal", "--velocities", "100")


def content(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def samples(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_notes_have_the_layout_names_and_metadata_of_nsynth(render, tmp_path):
    code, out, err = render("--families", "vocal", "keyboard", "--sources", "acoustic", "--velocities", "25", "100")
    folder = tmp_path / "notes"
    assert (code, err) == (0, "")
    assert out == f"24 notes in {folder}; data_path {folder}/audio, att_dict_path {folder}/examples.json\n"
    examples = json.loads((folder / "examples.json").read_text())
    assert sorted(path.stem for path in (folder / "audio").iterdir()) == list(examples)
    assert len({note["note"] for note in examples.values()}) == 24
    for name, note in examples.items():
        family, source, number, pitch, velocity = re.fullmatch(
            r"([a-z_]+)_([a-z]+)_(\d{3})-(\d{3})-(\d{3})", name
        ).groups()
        assert note.keys() == KEYS
        assert (note["note_str"], note["instrument_str"]) == (name, f"{family}_{source}_{number}")
        assert (note["pitch"], note["velocity"], note["sample_rate"]) == (int(pitch), int(velocity), 16_000)
        assert note["instrument_family"] == FAMILIES.index(note["instrument_family_str"]) == FAMILIES.index(family)
        assert note["instrument_source"] == SOURCES.index(note["instrument_source_str"]) == SOURCES.index(source)
        assert (note["qualities"], note["qualities_str"]) == ([0] * 10, [])
        assert samples(folder / "audio" / f"{name}.wav").shape == (64_000,)


def test_card_tells_the_font_the_settings_and_the_counts(render, tmp_path, font):
    render(*LITTLE)
    card = json.loads((tmp_path / "notes" / "card.json").read_text())
    assert card["sound_font"]["sha256"] == hashlib.sha256(font.read_bytes()).hexdigest()
    assert card["sound_font"]["info"]["name"] == "TimGM6mb"
    assert card["sound_font"]["licence"].startswith("GPL-2")
    assert (card["settings"]["pitches"], card["settings"]["velocities"]) == ([60, 61], [100])
    assert card["notes"]["kept"] == 10
    assert card["notes"]["kept_by_family"] == {"vocal": 10}
    assert card["instruments"]["vocal_acoustic_052"] == "Choir Aahs"
    assert card["versions"].keys() == {"tinysoundfont", "soxr", "numpy"}
    assert "unknown" in card["qualities"]


def test_pitches_may_have_gaps(render, tmp_path):
    assert render(*LITTLE, pitches="60,62")[0] == 0
    folder = tmp_path / "notes"
    assert {note["pitch"] for note in json.loads((folder / "examples.json").read_text()).values()} == {60, 62}
    assert json.loads((folder / "card.json").read_text())["settings"]["pitches"] == [[60, 60], [62, 62]]


def test_note_is_held_three_seconds_then_released(render, tmp_path):
    render("--families", "organ", "--sources", "acoustic", "--velocities", "100")
    sound = samples(tmp_path / "notes" / "audio" / "organ_acoustic_020-060-100.wav").astype(float)
    rms = [np.sqrt(np.mean(part**2)) for part in sound.reshape(8, 8_000)]
    assert min(rms[1:6]) > 0.5 * max(rms)
    assert rms[7] < 0.05 * max(rms)


def test_organ_with_a_low_stop_is_played_at_the_key_that_sounds_at_the_label(render, tmp_path):
    render("--families", "organ", "--sources", "electronic", "--velocities", "100")
    card = json.loads((tmp_path / "notes" / "card.json").read_text())
    assert card["notes"]["played_octaves_off"]["organ_electronic_018"] == 2
    sound = samples(tmp_path / "notes" / "audio" / "organ_electronic_018-060-100.wav")[8_000:40_000]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    partials = np.flatnonzero(spectrum > 0.1 * spectrum.max()) * 16_000 / len(sound)
    assert partials.min() == pytest.approx(hertz(60), rel=0.03)


def test_note_does_not_depend_on_what_was_played_before(font):
    fresh, used = sound_font.SoundFontPlayer(font), sound_font.SoundFontPlayer(font)
    for program in (14, 52, 88, 95):  # bells and pads ring on long after the key is up
        used.play(program, 60, 127)
        np.testing.assert_array_equal(used.play(13, 72, 20), fresh.play(13, 72, 20))


def test_same_bytes_for_any_number_of_workers(render, tmp_path):
    for workers in ("1", "2"):
        code, *_ = render(
            "--families", "vocal", "organ", "--velocities", "60", "127", out=f"by{workers}", workers=workers
        )
        assert code == 0
    assert content(tmp_path / "by1") == content(tmp_path / "by2")
    assert len(content(tmp_path / "by1")) > 40


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (np.zeros(64_000, np.float32), "silent"),
        (tone(60, level=5e-4), "silent"),
        (tone(60.7), "another pitch"),
        (tone(48), "another pitch"),
        (tone(72), "another pitch"),
        (np.random.default_rng(0).normal(0, 0.1, 64_000).astype(np.float32), "no clear pitch"),
    ],
)
def test_wrong_note_is_dropped_and_counted(render, fake, tmp_path, sound, reason):
    fake.sounds = {60: sound}
    code, out, _ = render(*LITTLE)
    card = json.loads((tmp_path / "notes" / "card.json").read_text())
    assert (code, out.split()[0]) == (0, "5")
    assert card["notes"]["dropped"] == {reason: 5}
    assert card["notes"]["dropped_by_instrument"]["vocal_acoustic_052"] == {reason: 1}
    assert len(list((tmp_path / "notes" / "audio").glob("*-061-*.wav"))) == 5
    assert not list((tmp_path / "notes" / "audio").glob("*-060-*.wav"))
    assert {key for _, key, _ in fake.played} == {60, 61}  # no other octave is tried but for organs and harmonics


def test_note_beyond_full_scale_is_turned_down_not_clipped(render, fake, tmp_path):
    fake.sounds = {60: tone(60, level=1.5)}
    render(*LITTLE)
    card = json.loads((tmp_path / "notes" / "card.json").read_text())
    loud = samples(tmp_path / "notes" / "audio" / "vocal_acoustic_052-060-100.wav")
    assert np.abs(loud.astype(int)).max() == 32_767
    np.testing.assert_allclose(loud / 32_767, fake.sounds[60] / np.abs(fake.sounds[60]).max(), atol=1 / 32_767)
    expected = round(20 * np.log10(np.abs(fake.sounds[60]).max() * 32_768 / 32_767), 2)
    assert card["notes"]["turned_down_db"]["vocal_acoustic_052-060-100"] == pytest.approx(expected, abs=0.011)
    assert len(card["notes"]["turned_down_db"]) == 5


def test_program_that_the_font_lacks_is_counted(render, fake, tmp_path, monkeypatch):
    monkeypatch.setattr(fake, "name", lambda self, program: None if program == 52 else "other")
    render(*LITTLE)
    card = json.loads((tmp_path / "notes" / "card.json").read_text())
    assert card["notes"]["dropped"] == {"not in the font": 2}
    assert 52 not in {program for program, *_ in fake.played}


def test_all_notes_dropped_is_an_error_that_leaves_nothing(render, fake, tmp_path):
    fake.sounds = dict.fromkeys((60, 61), np.zeros(64_000, np.float32))
    code, out, err = render(*LITTLE)
    assert (code, out) == (2, "")
    assert "all 10 notes dropped (10 silent)" in err
    assert list(tmp_path.iterdir()) == []


# Pitches


@pytest.mark.parametrize("label", [9, 21, 33, 60, 84, 100, 106])
@pytest.mark.parametrize("mistuned", [0.0, 0.3, -0.7, 12.0, -12.0, 7.0])
def test_sounding_pitch_of_harmonic_tones(label, mistuned):
    harmonics = [k for k in (1, 2, 3, 4) if k * hertz(label + mistuned) < 8_000]
    heard = sounding_pitch(tone(label + mistuned, harmonics)[:48_000], label, 16_000)
    assert heard.offset == pytest.approx(mistuned, abs=0.1)
    assert heard.periodicity == pytest.approx(1, abs=0.1)


def test_missing_fundamental_does_not_raise_the_pitch():
    assert sounding_pitch(tone(40, (2, 3, 5)), 40, 16_000).offset == pytest.approx(0, abs=0.05)


def test_decay_does_not_matter_to_the_pitch():
    assert sounding_pitch(tone(69) * np.exp(-20 * TIME), 69, 16_000).offset == pytest.approx(0, abs=0.05)


def test_wave_shorter_than_a_frame_is_refused():
    with pytest.raises(ValueError, match=r"wave must have shape \(samples >= 8192,\), got \(100,\)"):
        sounding_pitch(np.zeros(100), 60, 16_000)


# The table


def test_table_gives_every_program_once_and_every_family_some():
    numbers = [program.number for program in PROGRAMS]
    assert numbers == sorted(set(numbers))
    assert {program.family for program in PROGRAMS} == set(FAMILIES)
    assert {program.source for program in PROGRAMS} == set(SOURCES)
    assert not {47, 55, 86, 97, 101, 112, 113, *range(115, 128)} & set(numbers)


# What is already there


def test_complete_result_is_left_as_it_is(render, fake, tmp_path):
    render(*LITTLE)
    before, fake.played[:] = content(tmp_path), []
    code, out, _ = render(*LITTLE)
    assert (code, out.split()[0]) == (0, "10")
    assert (content(tmp_path), fake.played) == (before, [])


@pytest.mark.parametrize("change", [("--velocities", "99"), ("--pitches", "60-62"), ("--families", "reed")])
def test_result_of_other_settings_is_not_touched(render, fake, tmp_path, change):
    render(*LITTLE)
    before = content(tmp_path)
    code, _, err = render(*LITTLE, *change)
    assert code == 2
    assert "other settings or another font; choose another --output, or give --overwrite" in err
    assert content(tmp_path) == before


def test_incomplete_result_is_refused_then_replaced_on_demand(render, fake, tmp_path):
    render(*LITTLE)
    before = content(tmp_path)
    (tmp_path / "notes" / "audio" / "vocal_acoustic_052-060-100.wav").unlink()
    code, _, err = render(*LITTLE)
    assert (code, "is no longer complete" in err) == (2, True)
    assert render(*LITTLE, "--overwrite")[0] == 0
    assert content(tmp_path) == before


def test_overwrite_replaces_other_settings_and_leaves_nothing_of_them(render, fake, tmp_path):
    render(*LITTLE)
    assert render(*LITTLE, "--velocities", "99", "--overwrite")[0] == 0
    assert {path.name[-7:-4] for path in (tmp_path / "notes" / "audio").iterdir()} == {"099"}
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


@pytest.mark.parametrize("stranger", ["thesis.txt", "thesis.wav"])
def test_strangers_among_the_notes_are_never_removed(render, fake, tmp_path, stranger):
    render(*LITTLE)
    (tmp_path / "notes" / "audio" / stranger).write_text("mine")
    code, _, err = render(*LITTLE, "--overwrite")
    assert (code, "holds something that this program did not make" in err) == (2, True)
    assert (tmp_path / "notes" / "audio" / stranger).read_text() == "mine"


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
@pytest.mark.parametrize("stranger", ["thesis.txt", "card.json"])
@pytest.mark.parametrize("text", ['{"made_by": "me", "notes": {"kept": 1}}', "[]", "{}"])
def test_folder_of_somebody_else_is_never_touched(render, fake, tmp_path, options, stranger, text):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / stranger).write_text(text)
    code, _, err = render(*LITTLE, *options)
    assert (code, "did not make; choose another --output" in err) == (2, True)
    assert (tmp_path / "notes" / stranger).read_text() == text


def test_stranger_among_our_notes_stops_an_overwrite(render, fake, tmp_path):
    render(*LITTLE)
    (tmp_path / "notes" / "thesis.txt").write_text("mine")
    assert render(*LITTLE, "--overwrite")[0] == 2
    assert (tmp_path / "notes" / "thesis.txt").exists()


def test_empty_folder_is_used(render, fake, tmp_path):
    (tmp_path / "notes").mkdir()
    assert render(*LITTLE)[0] == 0


def test_interrupted_run_leaves_nothing(render, fake, tmp_path):
    fake.sounds = {61: KeyboardInterrupt()}
    code, out, _ = render(*LITTLE)
    assert (code, out) == (130, "")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_overwrite_leaves_the_former_notes(render, fake, tmp_path):
    render(*LITTLE)
    before = content(tmp_path)
    fake.sounds = {62: KeyboardInterrupt()}
    assert render(*LITTLE, "--overwrite", pitches="60-62")[0] == 130
    assert content(tmp_path) == before


def test_what_a_killed_run_left_is_cleared_away(render, fake, tmp_path):
    left = tmp_path / ".notes.partial" / "audio"
    left.mkdir(parents=True)
    (left / "stale-000-000.wav").write_text("half")
    assert render(*LITTLE)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
    assert not (tmp_path / "notes" / "audio" / "stale-000-000.wav").exists()


# Users' mistakes: one line, exit code 2, nothing written


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pitches", "61-60"), "61-60: must be MIDI pitches from 0 to 127, the lowest first"),
        (("--pitches", "8-60"), "--pitches: must be from 9 to 119"),
        (("--pitches", "60,120"), "--pitches: must be from 9 to 119"),
        (("--velocities", "0"), "'0' is not a whole number from 1 to 127"),
        (("--velocities", "128"), "'128' is not a whole number from 1 to 127"),
        (("--workers", "0"), "'0' is not a whole number from 1 to 1024"),
        (("--families", "drums"), "invalid choice: 'drums'"),
        (("--families", "vocal", "--sources", "electronic"), "General MIDI has no such instrument"),
        (("--soundfont", "nowhere.sf2"), "nowhere.sf2: cannot be read (No such file or directory)"),
    ],
)
def test_mistake_is_told_in_one_line(render, tmp_path, options, message):
    code, out, err = render(*options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("render_notes: ")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def riff(info=b"", size=None, form=b"sfbk"):
    body = form + b"LIST" + struct.pack("<I", 4 + len(info)) + b"INFO" + info
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a sound font"),
        (b"x" * 100, "not a sound font"),
        (riff(form=b"WAVE"), "not a sound font"),
        (riff(size=1_000), "truncated, 24 of 1008 bytes"),
        (riff(), "damaged, the synthesiser cannot read it"),
    ],
)
def test_file_that_is_no_whole_sound_font_is_refused(render, tmp_path, data, message):
    (tmp_path / "font.sf2").write_bytes(data)
    code, _, err = render(soundfont=tmp_path / "font.sf2")
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
    assert not (tmp_path / "notes").exists()


def test_font_tells_its_licence(tmp_path):
    texts = {b"INAM": "Flügel\0".encode("latin-1"), b"IZZZ": b"?", b"ICOP": b"Copyright me, MIT\0"}
    chunks = (key + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2) for key, text in texts.items())
    (tmp_path / "font.sf2").write_bytes(riff(b"ifil\4\0\0\0\2\0\1\0" + b"".join(chunks)))
    described = sound_font.describe_sound_font(tmp_path / "font.sf2")
    assert described["licence"] == "Copyright me, MIT"
    assert described["info"] == {"version": "2.01", "copyright": "Copyright me, MIT", "name": "Flügel"}


def test_system_font_comes_before_the_packaged_one(tmp_path, font, monkeypatch):
    monkeypatch.setattr(sound_font, "_SYSTEM_FOLDERS", (str(tmp_path),))
    assert sound_font.find_sound_font() == font
    (tmp_path / "sf3").mkdir()
    (tmp_path / "sf3" / "FluidR3Mono_GM.sf3").touch()
    assert sound_font.find_sound_font() == tmp_path / "sf3" / "FluidR3Mono_GM.sf3"


def test_no_font_anywhere_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sound_font, "_SYSTEM_FOLDERS", ())
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["--out", str(tmp_path / "notes")]) == 2
    assert "no General MIDI sound font found; install one" in capsys.readouterr().err


def test_missing_synthesiser_is_told_with_its_remedy(render, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    code, _, err = render()
    assert (code, err.count("\n")) == (2, 1)
    assert "pip install --no-deps -r requirements-soundfont.txt" in err


def test_full_disk_is_told_before_the_work(render, fake, tmp_path, monkeypatch):
    set_free_bytes(monkeypatch, 1_000_000)
    code, _, err = render(*LITTLE)
    assert (code, "needs 1 MB but the disk has 1 MB free" in err, fake.played) == (2, True, [])
    assert list(tmp_path.iterdir()) == []


def test_disk_that_fills_up_during_the_work_leaves_nothing(render, fake, tmp_path, monkeypatch):
    def full(file, frames):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wave.Wave_write, "writeframes", full)
    code, _, err = render(*LITTLE)
    assert (code, "no space left on the disk" in err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made_is_told(render, fake, tmp_path):
    (tmp_path / "file").write_text("a file")
    code, _, err = render(*LITTLE, out="file/notes")
    assert (code, "a file stands where a folder is needed" in err) == (2, True)


def test_stranger_among_our_notes_is_found_when_their_list_is_lost(render, fake, tmp_path):
    render(*LITTLE)
    (tmp_path / "notes" / "examples.json").unlink()
    assert render(*LITTLE, "--overwrite")[0] == 0
    (tmp_path / "notes" / "examples.json").unlink()
    (tmp_path / "notes" / "audio" / "song.wav").write_text("mine")
    assert render(*LITTLE, "--overwrite")[0] == 2
    assert (tmp_path / "notes" / "audio" / "song.wav").read_text() == "mine"
