import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from data.combine_notes import NoteSource
from data.combine_notes import main as combine
from data.note_selection import find_notes
from data.split_notes import main
from data.split_notes import split as divided
from utils.config import LoaderConfig

ALL = (("brass", 0), ("brass", 1), ("flute", 1), ("flute", 2))


@pytest.fixture(scope="module")
def notes(tiny_nsynth, tmp_path_factory):
    """Two instruments of the brass family, and two flutes."""
    folder = tmp_path_factory.mktemp("split")
    again = shutil.copytree(tiny_nsynth, folder / "again")
    assert combine([str(tiny_nsynth), str(again), "--output", str(folder / "notes"), "-q"]) == 0
    return folder / "notes"


def split(notes, folder, *flags):
    return main([str(notes), "--training", str(folder / "a"), "--reference", str(folder / "b"), "-q", *flags])


def examples(folder):
    return json.loads((folder / "examples.json").read_text())


def without_pitch(notes, folder):
    """The `notes` as ones of no pitch."""
    copy = shutil.copytree(notes, folder / "unpitched")
    described = {name: note | {"pitch": None} for name, note in examples(notes).items()}
    (copy / "examples.json").write_text(json.dumps(described))
    return copy


def instruments(folder):
    return {note["instrument_str"] for note in examples(folder).values()}


def test_every_note_is_on_one_side_and_every_family_on_both(notes, tmp_path, capsys):
    assert split(notes, tmp_path) == 0
    a, b = tmp_path / "a", tmp_path / "b"
    assert instruments(a) == {"brass_acoustic_000", "flute_acoustic_001"}
    assert instruments(b) == {"brass_acoustic_001", "flute_acoustic_002"}
    assert {*examples(a), *examples(b)} == {*examples(notes)}
    assert len(examples(a)) + len(examples(b)) == len(examples(notes))
    for side in (a, b):
        for name in examples(side):
            assert (side / "audio" / f"{name}.wav").read_bytes() == (notes / "audio" / f"{name}.wav").read_bytes()
        assert len(find_notes(LoaderConfig.model_validate({"data_path": side}), seed=0)) == len(examples(side))
        assert json.loads((side / "card.json").read_text())["made_by"] == "data.split_notes"
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{len(examples(a))} notes in {a};")
    assert second.startswith(f"{len(examples(b))} notes in {b};")


def test_instruments_to_compare_with_may_be_named(notes, tmp_path):
    assert split(notes, tmp_path, "--reference-instruments", "flute_acoustic_001", "flute_acoustic_002") == 0
    assert instruments(tmp_path / "a") == {"brass_acoustic_000", "brass_acoustic_001"}
    assert instruments(tmp_path / "b") == {"flute_acoustic_001", "flute_acoustic_002"}


def test_family_of_one_instrument_is_learned_from_and_named(notes, tmp_path, capsys):
    metadata = {name: note for name, note in examples(notes).items() if note["instrument_str"] != "flute_acoustic_002"}
    folder = shutil.copytree(notes, tmp_path / "notes")
    (folder / "examples.json").write_text(json.dumps(metadata))
    assert split(folder, tmp_path) == 0
    assert "flute has one instrument, flute_acoustic_001" in capsys.readouterr().err
    assert instruments(tmp_path / "b") == {"brass_acoustic_001"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--reference-instruments", "flute_acoustic_003"], "has no instrument flute_acoustic_003; did you mean"),
        (
            ["--reference-instruments", *(f"{name}_acoustic_00{n}" for name, n in ALL)],
            "4 instruments cannot be divided so that both sides have one",
        ),
    ],
    ids=["unknown", "all"],
)
def test_division_that_cannot_be_is_one_line_and_writes_nothing(notes, tmp_path, capsys, flags, message):
    assert split(notes, tmp_path, *flags) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_folders_are_checked_before_anything_is_read(notes, tmp_path, capsys):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("mine")
    assert split(notes, tmp_path) == 2
    assert f"{tmp_path / 'b'}: holds something already; choose another --reference" in capsys.readouterr().err
    same = ["--training", str(tmp_path / "c"), "--reference", str(tmp_path / "c")]
    assert main([str(notes), *same]) == 2
    assert "choose two folders" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_families_of_two_words_are_told_apart():
    names = ["steel_drum_acoustic_000", "steel_guitar_acoustic_000", "steel_acoustic_000", "steel_synthetic_000"]
    records = [SimpleNamespace(attributes={"instrument_str": name}) for name in names]
    training, reference = divided(NoteSource(Path("notes"), {}, records, [], {}))
    assert [record.attributes["instrument_str"] for record in reference.taken] == ["steel_synthetic_000"]
    assert len(training.taken) == 3


def test_notes_without_pitch_are_divided(notes, tmp_path):
    assert split(without_pitch(notes, tmp_path), tmp_path) == 0
    assert instruments(tmp_path / "a") == {"brass_acoustic_000", "flute_acoustic_001"}
    parts = [examples(tmp_path / side) for side in "ab"]
    assert sum(map(len, parts)) == len(examples(notes))
    assert all("-none-" in name for part in parts for name in part)
