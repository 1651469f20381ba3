import json
import shutil

import numpy as np
import pytest

from data.audio_io import write_wav
from data.combine_notes import main
from data.note_pitch import hertz
from data.note_selection import find_notes
from tests.conftest import PITCHES, VELOCITIES, metadata_of
from utils.config import LoaderConfig

PER_INSTRUMENT = len(PITCHES) * len(VELOCITIES)


@pytest.fixture
def others(tiny_nsynth, tmp_path):
    """A second folder with the same instruments, one of them transposed under another name, and a card."""
    folder = shutil.copytree(tiny_nsynth, tmp_path / "others")
    (folder / "card.json").write_text('{"licence": "MIT"}')
    return folder


def examples(folder):
    return json.loads((folder / "examples.json").read_text())


def test_all_notes_are_there_under_names_of_their_own(tiny_nsynth, others, tmp_path, capsys):
    out = tmp_path / "all"
    assert main([str(tiny_nsynth), str(others / "audio"), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{4 * PER_INSTRUMENT} notes in {out}; data_path {out / 'audio'}")
    assert "gave new numbers to 2 instruments, such as brass_acoustic_000, now brass_acoustic_001" in printed.err
    notes = examples(out)
    assert list(notes) == sorted(path.stem for path in (out / "audio").iterdir())
    assert [note["note"] for note in notes.values()] == list(range(4 * PER_INSTRUMENT))
    instruments = {(note["instrument"], note["instrument_str"]) for note in notes.values()}
    names = ("brass_acoustic_000", "brass_acoustic_001", "flute_acoustic_001", "flute_acoustic_002")
    assert instruments == set(enumerate(names))
    before = examples(tiny_nsynth)["brass_acoustic_000-060-075"]
    after = notes["brass_acoustic_001-060-075"]
    assert {key for key in before if before[key] != after[key]} == {"note", "note_str", "instrument", "instrument_str"}
    source = (tiny_nsynth / "audio" / "brass_acoustic_000-060-075.wav").read_bytes()
    for name in ("brass_acoustic_000-060-075", "brass_acoustic_001-060-075"):
        assert (out / "audio" / f"{name}.wav").read_bytes() == source
    assert len(find_notes(LoaderConfig.model_validate({"data_path": out}), seed=0)) == 4 * PER_INSTRUMENT


def test_card_says_where_notes_came_from(tiny_nsynth, others, tmp_path):
    assert main([str(tiny_nsynth), str(others), "--out", str(tmp_path / "all"), "-q"]) == 0
    first, second = json.loads((tmp_path / "all" / "card.json").read_text())["sources"]
    assert first == {
        "folder": tiny_nsynth.name,
        "notes": 2 * PER_INSTRUMENT,
        "out_of_tune": [],
        "renamed_instruments": {},
        "card": None,
    }
    assert second["card"] == {"licence": "MIT"}
    assert second["renamed_instruments"]["flute_acoustic_001"] == "flute_acoustic_002"


def test_folder_may_be_the_current_one(tiny_nsynth, tmp_path, monkeypatch):
    monkeypatch.chdir(tiny_nsynth / "audio")
    assert main([".", "--out", str(tmp_path / "all"), "-q"]) == 0
    assert len(examples(tmp_path / "all")) == 2 * PER_INSTRUMENT
    assert json.loads((tmp_path / "all" / "card.json").read_text())["sources"][0]["folder"] == "audio"


def test_notes_out_of_tune_are_left_out_and_named(tmp_path, capsys):
    folder = tmp_path / "notes"
    (folder / "audio").mkdir(parents=True)
    time = np.arange(16_000) / 16_000
    noise = np.random.default_rng(0).normal(size=16_000) / 10
    waves = {
        60: np.sin(2 * np.pi * hertz(60) * time) / 2,
        62: np.sin(2 * np.pi * hertz(62.4) * time) / 2,
        64: np.sin(2 * np.pi * hertz(64.6) * time) / 2,
        65: np.sin(2 * np.pi * hertz(77) * time) / 2,
        67: noise,
        69: np.sin(2 * np.pi * hertz(69) * time)[:4000] / 2,
    }
    notes = [metadata_of(number, "flute_acoustic_000", pitch, 100) for number, pitch in enumerate(waves)]
    for note, wave in zip(notes, waves.values(), strict=True):
        write_wav(folder / "audio" / f"{note['note_str']}.wav", wave, 16_000)
    (folder / "examples.json").write_text(json.dumps({note["note_str"]: note for note in notes}))
    out = tmp_path / "out"
    assert main([str(folder), "--out", str(out), "--in-tune"]) == 0
    assert [note["pitch"] for note in examples(out).values()] == [60, 62]
    assert "left out, since out of tune: 4 notes, such as flute_acoustic_000-064-100" in capsys.readouterr().err
    dropped = json.loads((out / "card.json").read_text())["sources"][0]["out_of_tune"]
    assert dropped == [f"flute_acoustic_000-{pitch:03d}-100" for pitch in (64, 65, 67, 69)]


def with_attributes(folder, change):
    notes = {name: change(note) for name, note in examples(folder).items()}
    (folder / "examples.json").write_text(json.dumps(notes))
    return folder


def without_pitch(note):
    return {key: value for key, value in note.items() if key != "pitch"}


@pytest.mark.parametrize(
    ("folders", "flags", "message"),
    [
        (lambda a, b: [a, a], (), "given twice"),
        (lambda a, b: [a, with_attributes(b, without_pitch)], (), "has no pitch"),
        (
            lambda a, b: [a, with_attributes(b, lambda note: note | {"instrument_str": "trumpet"})],
            (),
            "instrument_str unlike brass_acoustic_006",
        ),
        (
            lambda a, b: [a, with_attributes(b, lambda note: note | {"instrument_str": "../../x_acoustic_000"})],
            (),
            "instrument_str unlike brass_acoustic_006",
        ),
        (lambda a, b: [a, b / "nowhere"], (), "no such folder"),
        (lambda a, b: [a], ("--in-tune",), "no note is left"),
    ],
)
def test_what_cannot_be_combined_is_one_line_and_leaves_nothing(
    tiny_nsynth, others, tmp_path, capsys, folders, flags, message
):
    out = tmp_path / "out"
    given = [str(folder) for folder in folders(tiny_nsynth, others)]
    assert main([*given, "--out", str(out), "-q", *flags]) == 2
    error = capsys.readouterr().err
    assert message in error.splitlines()[-1]
    assert error.splitlines()[-1].startswith("combine_notes: ")
    assert not out.exists()


def test_same_note_twice_in_one_folder_is_refused(others, tmp_path, capsys):
    notes = examples(others)
    note = notes["brass_acoustic_000-060-075"]
    notes["extra"] = note | {"note_str": "extra"}
    (others / "examples.json").write_text(json.dumps(notes))
    shutil.copy(others / "audio" / "brass_acoustic_000-060-075.wav", others / "audio" / "extra.wav")
    assert main([str(others), "--out", str(tmp_path / "out"), "-q"]) == 2
    assert "the same instrument, pitch and velocity as" in capsys.readouterr().err


def test_folder_that_holds_something_stays(tiny_nsynth, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    assert main([str(tiny_nsynth), "--out", str(tmp_path / "out")]) == 2
    assert "holds something already" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
