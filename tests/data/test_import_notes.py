import csv
import hashlib
import json
import shutil

import numpy as np
import pytest
import soundfile

from data.audio_io import read_audio
from data.combine_notes import main as combine
from data.import_notes import main
from data.note_pitch import hertz
from data.note_selection import find_notes
from data.nsynth import FAMILIES
from tests.data.sound_cases import RATE, encoded
from tests.places import SHARED
from utils.config import LoaderConfig

PATTERN = "{instrument}_{note}_{length}_{dynamic}_{technique}"
TIME = np.arange(round(0.7 * RATE)) / RATE


def tone(pitch, level=0.2):
    wave = sum(level / k * np.sin(2 * np.pi * k * hertz(pitch) * TIME + k) for k in (1, 2, 3))
    return np.concatenate([np.zeros(RATE // 10), wave, np.zeros(RATE // 10)])


SOUNDS = {
    "french horn/french-horn_As3_1_forte_normal.wav": 58,
    "french horn/french-horn_C4_long_piano_normal.flac": 60,
    "trombone/trombone_C4_1_forte_normal.aiff": 48,
    "trombone/trombone_D4_1_forte_normal.ogg": 62,
    "cello/cello_Bb2_1_cresc-decresc_arco-normal.wav": 46,
    "cello/cello_Bb2_15_cresc-decresc_arco-normal.wav": 46.1,
}


@pytest.fixture
def orchestra(tmp_path):
    folder = tmp_path / "orchestra"
    for name, pitch in SOUNDS.items():
        write(folder / name, tone(pitch))
    return folder


def write(path, wave, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate)


@pytest.fixture
def run(tmp_path, capsys):
    """Run the program; its exit code, what it printed, and what it made."""

    def import_(folder, *flags, out="notes", workers=1):
        code = main([str(folder), "--output", str(tmp_path / out), "--workers", str(workers), "-q", *map(str, flags)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return import_


def examples(folder):
    return json.loads((folder / "examples.json").read_text())


def card(folder):
    return json.loads((folder / "card.json").read_text())


def report(folder):
    with (folder / "report.csv").open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def content(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files_of(folder)}


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_names_become_notes_like_those_of_nsynth(orchestra, run, tmp_path):
    code, out, err = run(orchestra, "--pattern", PATTERN)
    folder = tmp_path / "notes"
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith(f"6 notes in {folder}; data_path {folder / 'audio'}, att_dict_path ")
    notes = examples(folder)
    assert list(notes) == [
        *("brass_acoustic_000-058-096", "brass_acoustic_000-060-049"),
        *("brass_acoustic_001-060-096", "brass_acoustic_001-062-096"),
        *("string_acoustic_000-046-100", "string_acoustic_000-046-100_2"),
    ]
    assert notes["brass_acoustic_000-058-096"] == {
        "note": 0,
        "note_str": "brass_acoustic_000-058-096",
        "instrument": 0,
        "instrument_str": "brass_acoustic_000",
        "instrument_name": "french horn",
        "instrument_family": FAMILIES.index("brass"),
        "instrument_family_str": "brass",
        "instrument_source": 0,
        "instrument_source_str": "acoustic",
        "pitch": 58,
        "velocity": 96,
        "sample_rate": RATE,
        "qualities": [0] * 10,
        "qualities_str": [],
        "length": "1",
        "dynamic": "forte",
        "technique": "normal",
    }
    assert [note["instrument"] for note in notes.values()] == [0, 0, 1, 1, 2, 2]
    assert sorted(path.name for path in (folder / "audio").iterdir()) == [f"{name}.wav" for name in notes]
    info = soundfile.info(folder / "audio" / "brass_acoustic_000-058-096.wav")
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
    assert info.frames == pytest.approx(round(0.71 * RATE), abs=20)
    assert len(find_notes(LoaderConfig.model_validate({"data_path": folder}), seed=0)) == 6


@pytest.mark.usefixtures("with_figures")
def test_card_and_report_say_what_became_of_each_file(orchestra, run, tmp_path):
    (orchestra / "cello" / "broken.wav").write_bytes(b"RIFF, but no more")
    (orchestra / "cello" / "cello_C3_1_forte_broken.wav").write_bytes(encoded()[:100])
    (orchestra / "cello" / "cello_D3_1_forte_silent.wav").write_bytes(encoded(np.zeros(RATE, np.int16)))
    (orchestra / "cello" / "cello_E3_1_forte_normal.m4a").touch()
    copy = orchestra / "trombone" / "trombone_E4_1_forte_copy.ogg"
    shutil.copy(orchestra / "trombone" / "trombone_D4_1_forte_normal.ogg", copy)
    code, out, err = run(orchestra, "--pattern", PATTERN)
    assert code == 0
    assert "files that cannot be read, left out: 1: cello/cello_C3_1_forte_broken.wav" in err
    rows = report(tmp_path / "notes")
    assert len(rows) == len(SOUNDS) + 5
    reasons = {name.rpartition("/")[2]: row["reason"] for name, row in rows.items() if row["taken"] == "no"}
    assert reasons.pop("cello_C3_1_forte_broken.wav").startswith("truncated, its header promises")
    assert reasons == {
        "broken.wav": "its name does not fit the pattern",
        "cello_D3_1_forte_silent.wav": "silent",
        "cello_E3_1_forte_normal.m4a": "its format cannot be read; convert it to WAV or FLAC",
        copy.name: "the same samples as trombone/trombone_D4_1_forte_normal.ogg",
    }
    horn = rows["french horn/french-horn_As3_1_forte_normal.wav"]
    assert (horn["note"], horn["label_pitch"], horn["pitch"]) == ("brass_acoustic_000-058-096", "58", "58")
    assert float(horn["heard_pitch"]) == pytest.approx(58, abs=0.1)
    assert "1 octave below its label" in rows["trombone/trombone_C4_1_forte_normal.aiff"]["warnings"]
    told = card(tmp_path / "notes")
    assert told["notes"]["kept_by_family"] == {"brass": 4, "string": 2}
    assert sum(told["notes"]["dropped"].values()) == 5
    assert told["notes"]["warnings"] == {"sounds 1 octave below its label": 1}
    assert told["notes"]["velocity_unknown"] == 2
    assert told["instruments"]["brass_acoustic_001"] == "trombone"
    assert str(tmp_path) not in json.dumps(told)
    for line in ("dropped: 1 silent", "dropped: 1 not readable", "dropped: 1 copies of another note", "A#3 to D4"):
        assert line in out
    assert (tmp_path / "notes" / "report.png").read_bytes().startswith(b"\x89PNG")


def test_any_number_of_workers_makes_the_same_bytes(orchestra, run, tmp_path):
    for workers in (1, 2):
        assert run(orchestra, "--pattern", PATTERN, out=f"by{workers}", workers=workers)[0] == 0
    assert content(tmp_path / "by1") == content(tmp_path / "by2")


@pytest.mark.parametrize(("flag", "pitches"), [("--fix-octaves", [48, 62]), ("--in-tune", [62])])
def test_wrong_octaves_are_mended_or_left_out(orchestra, run, tmp_path, flag, pitches):
    assert run(orchestra, "--pattern", PATTERN, "--only-instruments", "Trombone", flag)[0] == 0
    assert [note["pitch"] for note in examples(tmp_path / "notes").values()] == pitches
    row = report(tmp_path / "notes")["trombone/trombone_C4_1_forte_normal.aiff"]
    assert row["reason"] == ("" if flag == "--fix-octaves" else "another pitch")


def test_instruments_are_divided_and_keep_their_numbers(orchestra, run, tmp_path):
    assert run(orchestra, "--pattern", PATTERN, "--except-instruments", "french horn", out="train")[0] == 0
    assert run(orchestra, "--pattern", PATTERN, "--only-instruments", "french-horn", out="reference")[0] == 0
    assert set(card(tmp_path / "train")["instruments"]) == {"brass_acoustic_001", "string_acoustic_000"}
    assert set(card(tmp_path / "reference")["instruments"]) == {"brass_acoustic_000"}
    reasons = {row["reason"] for row in report(tmp_path / "train").values() if row["taken"] == "no"}
    assert reasons == {"another instrument was asked for"}
    assert combine([str(tmp_path / "train"), str(tmp_path / "reference"), "--output", str(tmp_path / "all"), "-q"]) == 0
    assert list(examples(tmp_path / "all")) == sorted(
        {**examples(tmp_path / "train"), **examples(tmp_path / "reference")}
    )


def test_folders_of_drums_need_no_pitch(run, tmp_path):
    for number, name in enumerate(("kick/1.wav", "kick/2.wav", "snare/1.wav")):
        write(tmp_path / "drums" / name, np.random.default_rng(number).normal(0, 0.1, 4_000))
    assert run(tmp_path / "drums", "--folders", "family")[0] == 0
    notes = examples(tmp_path / "notes")
    assert list(notes) == ["kick_acoustic_000-none-100", "kick_acoustic_000-none-100_2", "snare_acoustic_000-none-100"]
    assert [note["instrument_family"] for note in notes.values()] == [11, 11, 12]
    assert not any("pitch" in note for note in notes.values())
    keys = {"data_path": tmp_path / "notes", "attribute_list": ("instrument_family_str",)}
    assert len(find_notes(LoaderConfig.model_validate(keys), seed=0)) == 3


def test_table_gives_labels_and_attributes_of_the_users_own(run, tmp_path):
    for name in ("a.wav", "in/b.wav", "c.wav"):
        write(tmp_path / "sounds" / name, tone(60 + ord(name[-5]) - ord("a")))
    table = tmp_path / "labels.csv"
    table.write_text("file,instrument,note,bow,room,mood\na.wav,kazoo,60,3,hall,-1\nin/b.wav,oboe,Db4,4,,0.25\n")
    families = tmp_path / "families.json"
    families.write_text('{"Kazoo": "toys"}')
    assert run(tmp_path / "sounds", "--csv", table, "--families", families, "--source", "synthetic")[0] == 0
    reed, toy = examples(tmp_path / "notes").values()
    assert (reed["pitch"], reed["bow"], reed["instrument_source_str"]) == (61, 4, "synthetic")
    assert "room" not in reed
    assert (reed["mood"], toy["mood"]) == (0.25, -1)
    assert isinstance(toy["mood"], float)  # as all values of an attribute that has decimals
    assert (toy["pitch"], toy["bow"], toy["room"], toy["instrument_family_str"]) == (60, 3, "hall", "toys")
    assert report(tmp_path / "notes")["c.wav"]["reason"] == "is not in the table"


def test_other_name_of_middle_c(orchestra, run, tmp_path):
    assert run(orchestra, "--pattern", PATTERN, "--middle-c", "C3", "--only-instruments", "french horn")[0] == 0
    assert [note["pitch"] for note in examples(tmp_path / "notes").values()] == [70, 72]


def test_unlabelled_notes_are_measured_and_divided(run, tmp_path):
    write(tmp_path / "sounds" / "take.wav", np.concatenate([tone(60), tone(64), tone(67)]), RATE)
    flags = ("--unknown-family", "voices", "--split", "--measure", "pitch", "loudness", "brightness")
    assert run(tmp_path / "sounds", *flags)[0] == 0
    notes = examples(tmp_path / "notes")
    assert [note["pitch"] for note in notes.values()] == [60, 64, 67]
    for note in notes.values():
        assert note["measured_pitch"] == pytest.approx(note["pitch"], abs=0.1)
        assert hertz(note["pitch"]) < note["brightness"] < 3 * hertz(note["pitch"])
        assert {"pitch_confidence", "loudness"} <= note.keys()


def test_level_is_matched_only_if_asked(orchestra, run, tmp_path):
    write(orchestra / "oboe" / "oboe_A4_1_forte_normal.wav", tone(69, 0.01))
    only = ("--pattern", PATTERN, "--only-instruments", "oboe")
    assert run(orchestra, *only, out="asis")[0] == 0
    assert run(orchestra, *only, "--match-level", "-20", "--measure", "loudness", out="level")[0] == 0
    (before,), (after,) = ((tmp_path / out / "audio").iterdir() for out in ("asis", "level"))
    np.testing.assert_allclose(read_audio(before, RATE), tone(69, 0.01)[1440:-1600].astype(np.float32), atol=2e-4)
    (note,) = examples(tmp_path / "level").values()
    assert note["loudness"] == pytest.approx(-20, abs=0.1)
    assert np.abs(read_audio(after, RATE)).max() > 5 * np.abs(read_audio(before, RATE)).max()


def test_note_beyond_full_scale_is_turned_down_and_said(orchestra, run, tmp_path):
    flags = ("--pattern", PATTERN, "--only-instruments", "cello", "--match-level", "0")
    assert run(orchestra, *flags)[0] == 0
    assert card(tmp_path / "notes")["notes"]["warnings"] == {"turned down to stay below full scale": 2}
    for path in (tmp_path / "notes" / "audio").iterdir():
        assert np.abs(read_audio(path, RATE)).max() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "nothing says what the sounds are"),
        (("--pattern", "{instrument}"), "family unknown of"),
        (("--pattern", "oboe"), "has no field"),
        (("--pattern", "{instrument_str}_{note}"), "'instrument_str' is a key that the import writes itself"),
        (("--pattern", "{brightness}_{note}", "--measure", "brightness"), "'brightness' is a key that the import"),
        (("--pattern", "{note}_{pitch}_*"), "'note' and 'pitch' are the same"),
        (("--pattern", "{instrument}_*", "--folders", "instrument"), "'instrument' is said twice"),
        (("--pattern", "{instrument}-{note}"), "no note was taken: 6 its name does not fit the pattern"),
        (("--folders", "a", "b", "instrument"), "no note was taken: 6 lies in too few folders"),
        (("--pattern", PATTERN, "--only-instruments", "celo"), "instrument 'celo': none of the files; did you mean"),
        (("--pattern", PATTERN, "--unknown-family", "two words"), "must be a word"),
        (("--pattern", PATTERN, "--families", "nowhere.json"), "nowhere.json: no such file"),
        (("--csv", "nowhere.csv"), "nowhere.csv: cannot be read as CSV"),
        (("--pattern", PATTERN, "--seconds", "0"), "must be from"),
        (("--pattern", PATTERN, "--measure", "brightnes"), "did you mean brightness?"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(orchestra, run, tmp_path, flags, said):
    code, out, err = run(orchestra, *flags)
    assert (code, out) == (2, "")
    assert err.startswith("import_notes: ")
    assert said in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["orchestra"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,instrument\na.wav,oboe\n", "needs one column 'file'"),
        ("file,file\na,b\n", "no column twice"),
        ("file,instrument\nz.wav,oboe\n", "line 2: 'z.wav' is no file of the folder"),
        ("file,instrument\na.wav\n", "line 2: has not 2 values"),
        ("file,instrument\na.wav,oboe,x\n", "line 2: has not 2 values"),
        ("file,instrument\na.wav,oboe\na.wav,oboe\n", "line 3: 'a.wav' comes a second time"),
    ],
)
def test_faults_of_a_table_are_named_by_line(run, tmp_path, text, said):
    write(tmp_path / "sounds" / "a.wav", tone(60))
    (tmp_path / "labels.csv").write_text(text)
    code, _, err = run(tmp_path / "sounds", "--csv", tmp_path / "labels.csv")
    assert code == 2
    assert said in err


def test_output_of_others_stays_and_ours_is_replaced_if_asked(orchestra, run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    assert "holds something that this program did not make" in run(orchestra, "--pattern", PATTERN, out="mine")[2]
    assert run(orchestra, "--pattern", PATTERN)[0] == 0
    assert "give --overwrite to replace it" in run(orchestra, "--pattern", PATTERN)[2]
    only = ("--only-instruments", "cello", "--overwrite")
    assert run(orchestra, "--pattern", PATTERN, *only)[0] == 0
    assert len(examples(tmp_path / "notes")) == len(files_of(tmp_path / "notes" / "audio")) == 2
    (tmp_path / "notes" / "audio" / "mine.wav").touch()
    assert run(orchestra, "--pattern", PATTERN, *only)[0] == 2
    assert (tmp_path / "notes" / "audio" / "mine.wav").exists()


def test_output_does_not_lie_in_what_is_imported(orchestra, run):
    code, _, err = run(orchestra, "--pattern", PATTERN, out="orchestra/notes")
    assert code == 2
    assert "lies in the folder that is imported" in err


@pytest.mark.skipif(not (SHARED / "philharmonia").is_dir(), reason="the real notes are not here")
def test_real_banjos(run, tmp_path):
    folder = tmp_path / "real"
    (folder / "banjo").mkdir(parents=True)
    for path in sorted((SHARED / "philharmonia" / "banjo").glob("*s3_*forte*")):
        (folder / "banjo" / path.name).symlink_to(path)
    assert run(folder, "--pattern", PATTERN, "--fix-octaves")[0] == 0
    pitches = [note["pitch"] for note in examples(tmp_path / "notes").values()]
    assert pitches == [49, 51, 54, 56, 58]  # some have weak fundamentals
