import logging
import os
from pathlib import Path

import pytest

from data.nsynth import QUALITIES
from tests.data.conftest import FIRST, NAMES, warnings
from utils.errors import DataError


@pytest.mark.parametrize("load_metadata", [True, False])
def test_all_notes_are_found_in_the_order_of_their_names(notes, load_metadata, caplog):
    found = notes.find(load_metadata=load_metadata)
    assert [note.name for note in found] == sorted(NAMES)
    assert all(note.path == notes.root / "audio" / f"{note.name}.wav" for note in found)
    assert not warnings(caplog)


def test_every_way_to_name_the_folder_finds_the_same_notes(notes):
    everything = notes.find()
    assert notes.find(data_path=notes.root / "audio") == everything
    assert notes.find(data_path=notes.root / "audio", att_dict_path=notes.root / "examples.json") == everything


def test_attributes_are_those_of_the_metadata(notes):
    note = notes.find()[0]
    expected = {key: value for key, value in notes.metadata[note.name].items() if key in note.attributes}
    assert {key: note.attributes[key] for key in expected} == expected
    assert set(note.attributes) == {*expected, *QUALITIES}
    assert note.attributes["tempo-synced"] == 1
    assert note.attributes["bright"] == 0
    assert notes.find()[1].attributes["bright"] == 1


def test_attributes_of_file_names_agree_with_the_metadata(notes):
    by_metadata, by_name = notes.find(), notes.find(load_metadata=False)
    for full, short in zip(by_metadata, by_name, strict=True):
        assert set(full.attributes) - set(short.attributes) == {"instrument", *QUALITIES}
        assert {key: full.attributes[key] for key in short.attributes} == dict(short.attributes)


@pytest.mark.parametrize(
    "name", ["loop", "brass_acoustic_000-200-100", "brass_acoustic_0-060-100", "brass_plastic_000-060-100"]
)
def test_files_of_other_names_carry_no_labels(notes, name):
    notes.add(f"audio/{name}.wav")
    note = next(note for note in notes.find(load_metadata=False) if note.name == name)
    assert note.attributes == {}


def test_family_unknown_to_nsynth_has_a_name_but_no_number(notes):
    notes.add("audio/big_bell_acoustic_000-060-100.wav")
    note = notes.find(load_metadata=False, instrument_labels=("big_bell",))[0]
    assert note.attributes["instrument_family_str"] == "big_bell"
    assert "instrument_family" not in note.attributes


def test_flac_counts_and_other_files_do_not(notes):
    for name in ("loop.FLAC", "notes.txt", "._brass_acoustic_000-060-100.wav"):
        notes.add(f"audio/{name}")
    assert set(notes.names(load_metadata=False)) == {"loop", *NAMES}


@pytest.mark.parametrize("suffix", ["aif", "AIFF", "aifc", "Mp3", "ogg", "oga", "opus", "caf", "w64", "rf64", "au"])
def test_sounds_of_other_formats_count(notes, suffix):
    notes.add(f"audio/loop.{suffix}")
    assert set(notes.names(load_metadata=False)) == {"loop", *NAMES}


def test_sounds_that_cannot_be_read_are_warned_of(notes, caplog):
    for name in ("a.m4a", "b.WMA"):
        notes.add(f"audio/{name}")
    assert notes.names() == sorted(NAMES)
    what = "sounds in formats that cannot be read, left out: 2: a.m4a, b.WMA; convert them to WAV or FLAC"
    assert warnings(caplog) == [f"{notes.root}: {what}"]


def test_names_that_are_not_utf8_are_escaped(notes, caplog):
    path = os.fsencode(notes.root) + b"/audio/caf\xe9.wav"
    Path(os.fsdecode(path)).write_bytes(b"")
    with caplog.at_level(logging.INFO):
        found = {note.name: note.path for note in notes.find(load_metadata=False)}
    assert os.fsencode(found[r"caf\udce9"]) == path
    caplog.text.encode("utf-8")


def test_files_with_cards_are_not_said_to_have_no_labels(notes, caplog):
    for name in ("audio/pitch060.wav", "audio/pitch060.json", "audio/loop.wav"):
        notes.add(name)
    with caplog.at_level(logging.INFO):
        notes.find(load_metadata=False)
    assert "-<pitch>-<velocity>: 1: loop" in caplog.text


def test_metadata_without_audio_is_said_and_left_out(notes, caplog):
    for name in NAMES[1:]:
        (notes.root / "audio" / f"{name}.wav").unlink()
    with caplog.at_level(logging.INFO):
        assert notes.names() == NAMES[:1]
    assert "notes without audio: 13 of 14: brass_acoustic_000-061-100, " in caplog.text
    assert "and 3 more" in caplog.text


def test_audio_without_metadata_is_warned_of_and_left_out(notes, caplog):
    notes.add("audio/loop.wav")
    assert notes.names() == sorted(NAMES)
    assert warnings(caplog) == [f"{notes.root / 'examples.json'}: lacks 1 audio file, left out: loop"]


def remove_audio(notes):
    for path in (notes.root / "audio").iterdir():
        path.unlink()


MISFITS = {
    "no folder": ({"data_path": Path("/nowhere/at/all")}, lambda notes: None, "no such folder"),
    "no audio": ({}, remove_audio, r"no audio files \(\.wav \.flac \.aif"),
    "no metadata": ({}, lambda notes: (notes.root / "examples.json").unlink(), r"no examples\.json here or in"),
    "wrong path": ({"att_dict_path": Path("/nowhere.json")}, lambda notes: None, "no such file"),
    "name too long": ({"data_path": Path("x" * 5_000)}, lambda notes: None, "File name too long; choose another"),
    "pipe as metadata": ({"att_dict_path": Path("/dev/zero")}, lambda notes: None, "it is a device, not a file"),
    "two files": ({}, lambda notes: notes.add(f"audio/{NAMES[0]}.flac"), "the same note as"),
    "two folders": ({}, lambda notes: notes.add(f"{NAMES[0]}.wav"), "the same note as"),
    "other metadata": ({}, lambda notes: notes.write({"x": {}}), "describes none of the 14 audio files"),
}


@pytest.mark.parametrize(("keys", "spoil", "fault"), MISFITS.values(), ids=MISFITS)
def test_missing_and_doubled_files_are_refused(notes, keys, spoil, fault):
    spoil(notes)
    with pytest.raises(DataError, match=fault) as caught:
        notes.find(**keys)
    assert ";" in str(caught.value)  # what to do


def test_pipe_as_metadata_is_never_waited_for(notes):
    os.mkfifo(notes.root / "pipe.json")
    with pytest.raises(DataError, match="it is a pipe, not a file"):
        notes.find(att_dict_path=notes.root / "pipe.json")
    (notes.root / "examples.json").unlink()
    os.mkfifo(notes.root / "examples.json")
    with pytest.raises(DataError, match=r"no examples\.json here"):
        notes.find()


def test_metadata_that_are_not_utf8_or_of_absurd_size_are_refused(notes):
    metadata = notes.root / "examples.json"
    metadata.write_bytes(b'{"caf\xe9": {}}')
    with pytest.raises(DataError, match="byte 5 is not UTF-8"):
        notes.find()
    os.truncate(metadata, 5 * 10**9)  # no disk is used
    with pytest.raises(DataError, match="larger than 2,000 MB"):
        notes.find()


def test_file_in_place_of_the_folder_is_refused(notes):
    with pytest.raises(DataError, match="is a file, not a folder; set data_path"):
        notes.find(data_path=notes.root / "examples.json")


def test_unreadable_folder_is_refused(notes, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="no permission to read"):
        notes.find()


SPOILED = {
    "cut off": ('{"brass', "line 1 column"),
    "list": ([], "expected one JSON object per note, got a list"),
    "doubled": ('{"a": {}, "a": {}}', "key 'a' is given twice"),
    "note": ({FIRST: 3}, f"note '{FIRST}': expected a JSON object, got an integer"),
    "pitch as text": ({FIRST: {"pitch": "60"}}, f"note '{FIRST}': pitch must be an integer, got a string"),
    "pitch as truth": ({FIRST: {"pitch": True}}, "pitch must be an integer, got true or false"),
    "velocity as fraction": ({FIRST: {"velocity": 60.0}}, "velocity must be an integer, got a fraction"),
    "pitch out of range": ({FIRST: {"pitch": 128}}, "pitch 128 is outside 0 to 127"),
    "negative velocity": ({FIRST: {"velocity": -1}}, "velocity -1 is outside 0 to 127"),
    "half a character": (f'{{"{FIRST}": {{"instrument_str": "\\ud800"}}}}', "has halves of characters, '\\ud800'"),
    "NaN": (f'{{"{FIRST}": {{"pitch": NaN}}}}', "not usable as JSON (NaN is no number of JSON)"),
    "beyond numbers": (f'{{"{FIRST}": {{"x": 1e999}}}}', "not usable as JSON (1e999 is beyond the largest number)"),
    "deep nesting": ("[" * 100_000, "nested too deeply"),
    "nine qualities": ({FIRST: {"qualities": [0] * 9}}, "qualities must be 10 numbers, each 0 or 1"),
    "other quality": ({FIRST: {"qualities": [2] + [0] * 9}}, "qualities must be 10 numbers, each 0 or 1"),
    "true quality": ({FIRST: {"qualities": [True] * 10}}, "qualities must be 10 numbers, each 0 or 1"),
    "qualities by name": ({FIRST: {"qualities": "bright"}}, "qualities must be 10 numbers, each 0 or 1"),
}


@pytest.mark.parametrize(("content", "fault"), SPOILED.values(), ids=SPOILED)
def test_malformed_metadata_is_refused_by_file_and_note(notes, content, fault):
    notes.write(content)
    with pytest.raises(DataError) as caught:
        notes.find()
    assert str(caught.value).startswith(str(notes.root / "examples.json"))
    assert fault in str(caught.value)
