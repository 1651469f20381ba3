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
from utils.errors import DataError

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


def drums(folder, families, *, names=None, pitch=None, own=None):
    """A folder of drums, two of each of `families`, whose numbers begin at 11; without pitch."""
    (folder / "audio").mkdir(parents=True)
    notes = {}
    for number, family in enumerate(families):
        for take in (1, 2):
            name = names(family, take) if names else f"{family}_acoustic_000-none-100" + "_2" * (take == 2)
            write_wav(folder / "audio" / f"{name}.wav", np.random.default_rng(take).normal(0, 0.1, 400), 16_000)
            notes[name] = {
                "note_str": name,
                "instrument_str": f"{family}_acoustic_000",
                "instrument_family": 11 + number,
                "instrument_family_str": family,
                "velocity": 100,
                "take": take,
                **({} if pitch is None else {"pitch": pitch}),
                **(own or {}),
            }
    (folder / "examples.json").write_text(json.dumps(notes))
    return folder


def test_drums_need_no_pitch(tiny_nsynth, tmp_path):
    kit, out = drums(tmp_path / "kit", ["kick", "snare"]), tmp_path / "all"
    assert main([str(kit), str(tiny_nsynth), "--out", str(out), "-q", "--in-tune"]) == 0
    assert len(examples(out)) == 4  # no label is contradicted; notes of a pitch are too short here to hear it
    assert main([str(kit), str(tiny_nsynth), "--out", str(tmp_path / "both"), "-q"]) == 0
    notes = examples(tmp_path / "both")
    assert len(notes) == 4 + 2 * PER_INSTRUMENT
    names = ["kick_acoustic_000-none-100", "kick_acoustic_000-none-100_2"]
    assert [name for name in notes if name.startswith("kick")] == names
    assert [notes[name]["instrument_family"] for name in names] == [11, 11]
    keys = {"data_path": tmp_path / "both", "filter": {"instrument_family_str": ("brass",)}, "pitch_range": (60, 62)}
    assert {record.attributes["pitch"] for record in find_notes(LoaderConfig.model_validate(keys), seed=0)} == {60, 62}


def test_families_of_ones_own_keep_one_number_each(tmp_path, capsys):
    """An import numbers other families than NSynth's from 11 on, so that two imports give one number twice."""
    folders = [drums(tmp_path / "a", ["kick", "snare"]), drums(tmp_path / "b", ["clap", "kick"])]
    assert main([*map(str, folders), "--out", str(tmp_path / "all")]) == 0
    notes = examples(tmp_path / "all").values()
    assert {(note["instrument_family_str"], note["instrument_family"]) for note in notes} == {
        ("clap", 11),
        ("kick", 12),
        ("snare", 13),
    }
    assert {note["instrument_str"] for note in notes if note["instrument_family_str"] == "kick"} == {
        "kick_acoustic_000",
        "kick_acoustic_001",
    }
    assert "gave new numbers to families: clap 11, kick 12, snare 13" in capsys.readouterr().err


def test_drums_of_any_name_are_numbered(tmp_path):
    kit = drums(tmp_path / "kit", ["kick"], names=lambda family, take: f"my {family} {take}")
    assert main([str(kit), "--out", str(tmp_path / "all"), "-q"]) == 0
    notes = examples(tmp_path / "all")
    assert {name: note["take"] for name, note in notes.items()} == {
        "kick_acoustic_000-none-100": 1,
        "kick_acoustic_000-none-100_2": 2,
    }


def test_a_pitch_with_a_fraction_is_unknown_unless_it_is_asked_for(tmp_path, caplog):
    kit = drums(tmp_path / "kit", ["kick"], pitch=36.4)
    keys = {"data_path": kit, "attribute_list": ("instrument_family_str",), "filter": {"take": (1,)}}
    (record,) = find_notes(LoaderConfig.model_validate(keys), seed=0)
    assert "pitch" not in record.attributes
    assert "pitch is a fraction in 2 notes, and taken as unknown" in caplog.text
    for asked in ({"attribute_list": ("pitch",)}, {"pitch_range": (0, 127)}, {"filter": {"pitch": (36,)}}):
        with pytest.raises(DataError, match=r"pitch must be an integer, got a fraction"):
            find_notes(LoaderConfig.model_validate({"data_path": kit, **asked}), seed=0)


def with_attributes(folder, change):
    notes = {name: change(note) for name, note in examples(folder).items()}
    (folder / "examples.json").write_text(json.dumps(notes))
    return folder


def without_velocity(note):
    return {key: value for key, value in note.items() if key != "velocity"}


@pytest.mark.parametrize(
    ("folders", "flags", "message"),
    [
        (lambda a, b: [a, a], (), "given twice"),
        (lambda a, b: [a, with_attributes(b, without_velocity)], (), "has no velocity"),
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
