"""Folders as people have them: names of all kinds, what other programs left there, links, other sounds' formats."""

import csv
import json
import logging
import unicodedata

import numpy as np
import pytest
import soundfile

from data.import_notes import main
from data.importing.labels import Labelling, labelled_files
from tests.places import SHARED


def write(path, *, number=0, rate=44_100, channels=1, **format_):
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.random.default_rng(number).normal(0, 0.1, (4_000, channels))
    named = path.with_suffix(path.suffix.lower())
    soundfile.write(named, wave, rate, **({"format": "AIFF"} if named.suffix == ".aif" else {}), **format_)
    named.rename(path)
    return path


def families(folder, **labelling):
    files = labelled_files(folder, Labelling(**{"folders": ("family",)} | labelling))
    return {file.relative: file.fault or file.family for file in files}


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Kick Drüm 🥁", "kick_drüm"),
        (unicodedata.normalize("NFD", "Kick Drüm"), "kick_drüm"),
        ("Hi-Hat (closed)", "hi_hat_closed"),
        ("808s", "808s"),
        ("R&B snare!", "r_b_snare"),
        ("_toms_", "toms"),
    ],
)
def test_any_name_of_a_folder_becomes_a_word(tmp_path, name, family):
    write(tmp_path / name / "a.wav")
    assert set(families(tmp_path).values()) == {family}


def test_name_without_letters_is_a_fault_that_is_said(tmp_path):
    write(tmp_path / "🥁" / "a.wav")
    write(tmp_path / "kick" / "a.wav")
    found = families(tmp_path)
    assert found["kick/a.wav"] == "kick"
    assert "must be a word" in found["🥁/a.wav"]


def test_folders_whose_names_become_one_are_said(tmp_path, caplog):
    write(tmp_path / "Hi-Hat" / "a.wav")
    write(tmp_path / "hi hat" / "a.wav", number=1)
    with caplog.at_level(logging.INFO):
        assert set(families(tmp_path).values()) == {"hi_hat"}
    assert "one family, hi_hat: 'Hi-Hat', 'hi hat'" in caplog.text


def test_what_systems_leave_there_is_no_sound(tmp_path):
    write(tmp_path / "kick" / "a.wav")
    for other in ("__MACOSX/kick/a.wav", "kick/._a.wav", ".Trash/b.wav", "kick/Thumbs.db", "kick/.DS_Store"):
        path = tmp_path / other
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0\5\x16\7")
    assert families(tmp_path) == {"kick/a.wav": "kick"}


def test_links_to_folders_are_named_and_links_to_files_are_files(tmp_path, caplog):
    write(tmp_path / "elsewhere" / "b.wav")
    sounds = tmp_path / "sounds"
    write(sounds / "kick" / "a.wav")
    (sounds / "snare").symlink_to(tmp_path / "elsewhere")
    (sounds / "kick" / "round").symlink_to(sounds)
    (sounds / "kick" / "c.wav").symlink_to(tmp_path / "elsewhere" / "b.wav")
    assert set(families(sounds)) == {"kick/a.wav", "kick/c.wav"}
    assert "links to folders, which are not followed: kick/round, snare" in caplog.text


def test_sounds_of_every_format_are_imported_and_faults_are_in_the_report(tmp_path, capsys):
    sounds = tmp_path / "sounds"
    write(sounds / "kick" / "a b.WAV", number=1)
    write(sounds / "kick" / "a-b.Aif", number=2)
    write(sounds / "kick" / "s,1.wav", number=3, rate=96_000, channels=2, subtype="PCM_24")
    write(sounds / "kick" / "deep" / "er" / "f.wav", number=4, rate=48_000, subtype="FLOAT")
    write(sounds / "kick" / "m.mp3", number=5)
    (sounds / "kick" / "zero.wav").touch()
    (sounds / "kick" / "dangling.wav").symlink_to("nowhere")
    write(sounds / "top.wav")
    flags = ("--folders", "family", "--output", str(tmp_path / "notes"), "--workers", "1", "-q")
    assert main([str(sounds), *flags]) == 0
    assert len(json.loads((tmp_path / "notes" / "examples.json").read_text())) == 5
    with (tmp_path / "notes" / "report.csv").open(newline="") as file:
        reasons = {row["file"]: row["reason"] for row in csv.DictReader(file) if row["taken"] == "no"}
    assert reasons == {
        "kick/zero.wav": "empty file; copy it again",
        "kick/dangling.wav": "no such file; check the path",
        "top.wav": "lies in too few folders",
    }
    assert "left out: 2: kick/dangling.wav, kick/zero.wav" in capsys.readouterr().err


@pytest.mark.skipif(not (SHARED / "cases").is_dir(), reason="the shared cases are not here")
def test_odd_headers_are_read_or_named(tmp_path):
    sounds = tmp_path / "sounds" / "kick"
    sounds.mkdir(parents=True)
    for path in (SHARED / "cases").iterdir():
        if path.suffix in (".wav", ".flac"):
            (sounds / path.name).symlink_to(path)
    flags = ("--folders", "family", "--output", str(tmp_path / "notes"), "--workers", "1", "-q")
    assert main([str(sounds.parent), *flags]) == 0
    with (tmp_path / "notes" / "report.csv").open(newline="") as file:
        reasons = {row["file"]: row["reason"] for row in csv.DictReader(file) if row["taken"] == "no"}
    assert set(reasons) == {"kick/sr1.wav", "kick/x63hdr.flac"}


TABLES = {
    "byte order mark": "\ufefffile,family\na.wav,kick\n",
    "semicolons": "file;family\na.wav;kick\n",
    "tabs": "file\tfamily\na.wav\tkick\n",
    "spaces": " file , family \n a.wav , kick \n",
    "quoted": 'family,file\n"kick","a.wav"\n',
    "path of Windows": "file,family\n.\\in\\b.wav,kick\n",
    "accents apart": f"file,family\n{unicodedata.normalize('NFD', 'é.wav')},kick\n",
    "comma in a name": 'file,family\n"c,d.wav",kick\n',
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_tables_as_programs_write_them(tmp_path, table):
    for number, name in enumerate(("a.wav", "in/b.wav", "é.wav", "c,d.wav")):
        write(tmp_path / "sounds" / name, number=number)
    (tmp_path / "labels.csv").write_text(table, encoding="utf-8")
    found = families(tmp_path / "sounds", folders=(), table=tmp_path / "labels.csv")
    assert sorted(found.values()) == ["is not in the table"] * 3 + ["kick"]


@pytest.mark.parametrize(
    "pattern", [".*", "(a+)+$", "[{family}", "{family}(", "{family}{note}{take}", "{Family}", "{}"]
)
def test_patterns_are_no_regular_expressions(tmp_path, capsys, pattern):
    write(tmp_path / "sounds" / f"{'a' * 60}!.wav")
    flags = ("--pattern", pattern, "--output", str(tmp_path / "notes"), "-q", "--workers", "1")
    assert main([str(tmp_path / "sounds"), *flags]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "notes").exists()
