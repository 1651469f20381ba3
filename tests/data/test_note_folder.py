"""Notes of a folder, with and without labels, and an even choice of them."""

import json
import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.audio_io import write_wav
from data.note_folder import family_of, notes_of_folder, spread_over_families
from data.note_records import NoteRecord
from utils.errors import DataError


def notes(**families):
    return [
        NoteRecord(f"{family}_{number:03d}", Path("x"), {"instrument_family_str": family})
        for family, size in families.items()
        for number in range(size)
    ]


def shares(chosen):
    return dict(Counter(family_of(record) for record in chosen))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (3, {"bass": 1, "brass": 1, "flute": 1}),
        (2, {"bass": 1, "brass": 1}),
        (12, {"bass": 4, "brass": 4, "flute": 4}),
        (20, {"bass": 9, "brass": 7, "flute": 4}),  # what flute lacks goes to the others
        (24, {"bass": 13, "brass": 7, "flute": 4}),
        (1_000, {"bass": 50, "brass": 7, "flute": 4}),
    ],
)
def test_families_are_taken_as_evenly_as_they_allow(count, expected):
    chosen = spread_over_families(notes(flute=4, bass=50, brass=7), count)
    assert shares(chosen) == expected
    assert [record.name for record in chosen] == sorted({record.name for record in chosen})


def test_notes_of_a_family_are_spaced_evenly_and_the_order_given_does_not_matter():
    folder = notes(bass=50)
    chosen = spread_over_families(folder, 5)
    assert [record.name for record in chosen] == [f"bass_{number:03d}" for number in (0, 10, 20, 30, 40)]
    assert spread_over_families(random.Random(0).sample(folder, 50), 5) == chosen


def test_labels_come_from_metadata_beside_or_above_the_notes(tiny_nsynth):
    for folder in (tiny_nsynth, tiny_nsynth / "audio"):
        found = notes_of_folder(folder)
        assert len(found) == 24
        assert "qualities_str" not in found[0].attributes
        assert found[0].attributes["instrument_family"] == 1
        assert found[0].attributes["bright"] == 0  # file names do not tell qualities


def test_metadata_is_believed_before_names(tiny_nsynth, tmp_path):
    shutil.copytree(tiny_nsynth, tmp_path / "notes")
    metadata = json.loads((tmp_path / "notes" / "examples.json").read_text())
    for note in metadata.values():
        note["pitch"] = 30
    (tmp_path / "notes" / "examples.json").write_text(json.dumps(metadata))
    assert {record.attributes["pitch"] for record in notes_of_folder(tmp_path / "notes")} == {30}


def test_without_metadata_names_tell_what_they_can(tmp_path):
    for name in ("organ_electronic_001-064-127", "my note"):
        write_wav(tmp_path / "audio" / f"{name}.wav", np.ones(10) / 2, 16_000)
    plain, organ = notes_of_folder(tmp_path)
    assert (family_of(plain), dict(plain.attributes)) == ("unknown", {})
    assert (family_of(organ), organ.attributes["pitch"]) == ("organ", 64)
    assert family_of(replace(plain, attributes={"instrument_family": 4})) == "keyboard"


def test_folder_that_is_none_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for name, fault in {"missing": "no such folder", "file": "is a file", "empty": r"no audio files \(\.wav"}.items():
        with pytest.raises(DataError, match=f"{name}: {fault}"):
            notes_of_folder(tmp_path / name)


def test_files_of_more_than_one_note_are_left_out_and_said(tmp_path, caplog):
    cards = {"scale": {"notes": []}, "piece": {"piece": {}}, "older": {"score": {}}, "note": {"seed": 1}}
    for name, card in cards.items():
        write_wav(tmp_path / f"{name}.wav", np.ones(10) / 2, 16_000)
        (tmp_path / f"{name}.json").write_text(json.dumps(card))
    with caplog.at_level("INFO"):
        assert [record.name for record in notes_of_folder(tmp_path)] == ["note"]
    assert "files left out, since their cards say that they hold more than one note: 3" in caplog.text
    (tmp_path / "note.wav").unlink()
    with pytest.raises(DataError, match="holds no file of a single note"):
        notes_of_folder(tmp_path)
