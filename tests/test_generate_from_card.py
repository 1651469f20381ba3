"""`--from-card`, and notes of cards as the ends of an interpolation."""

import json
import re

import pytest
import torch

from tests.playing import card_of, change_newest, files_of, play, random_note, run_mode, trained, wavs, with_families

pytestmark = pytest.mark.usefixtures("_no_previews")


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


FORMAT = ("--bits", "24", "--rate", 22_050)


@pytest.mark.parametrize(
    ("mode", "flags", "card"),
    [
        ("random", ("--count", 1, "--seed", 5, "--truncation", 0.7, *FORMAT), None),
        ("random", ("--count", 1, "--bits", "float"), None),
        ("random", ("--count", 3, "--pitch", 60, 64), "rainbowgrams.json"),
        ("scale", ("--seed", 3, "--gap", 0.01, *FORMAT), "scale_seed000003.json"),
        ("interpolation", ("--steps", 3, "--pitch", "60,67", "--truncation", 1.5, *FORMAT), "interpolation.json"),
        ("interpolation", ("--steps", 3, "--path", "circle"), "interpolation.json"),
        ("interpolation", ("--steps", 3, "--path", "radius", "--radii", 0.3, 1.7), "interpolation.json"),
    ],
)
def test_card_gives_the_same_files(run_folder, tmp_path, mode, flags, card):
    assert run_mode(mode, run_folder, "-o", tmp_path / "made", *flags) == 0
    made = tmp_path / "made"
    name = card or f"{wavs(made)[0].removesuffix('.wav')}.json"
    assert run_mode(mode, run_folder, "-o", tmp_path / "again", "--from-card", made / name) == 0
    again = files_in(tmp_path / "again")
    assert len(again) > 1
    assert again == {file: content for file, content in files_in(made).items() if file in again}
    assert len(again) == 2 or again.keys() == files_in(made).keys()


@pytest.mark.parametrize("path", ["linear", "spherical", "circle", "radius"])
def test_note_of_a_card_is_that_note(run_folder, tmp_path, path):
    flags = ("--steps", 4, "--path", path, "--pitch", 60)
    assert run_mode("interpolation", run_folder, "-o", tmp_path / "made", *flags) == 0
    whole = tmp_path / "made" / "interpolation.json"
    assert run_mode("random", run_folder, "-o", tmp_path / "again", "--from-card", f"{whole}#3") == 0
    note = files_of(whole)[3]
    assert wavs(tmp_path / "again") == [note]
    for suffix in (".wav", ".json"):
        file = (tmp_path / "made" / note).with_suffix(suffix)
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_interpolation_goes_between_notes_that_lie_between_others(run_folder, tmp_path):
    made, again = tmp_path / "made", tmp_path / "again"
    assert run_mode("interpolation", run_folder, "-o", made, "--steps", 4, "--pitch", 60) == 0
    whole = made / "interpolation.json"
    flags = ("--from", f"{whole}#1", "--to", f"{whole}#3", "--steps", 2)
    assert run_mode("interpolation", run_folder, "-o", again, *flags) == 0
    names = files_of(again / "interpolation.json")
    assert (names[0], names[-1]) == (files_of(whole)[1], files_of(whole)[3])
    assert (again / names[0]).read_bytes() == (made / names[0]).read_bytes()
    assert all(len(name) < 200 for name in names)
    card = card_of(again / names[1])
    assert card["between"]["from"]["between"]["from"]["seed"] == 0
    assert run_mode("random", run_folder, "-o", tmp_path / "third", "--from-card", again / f"{names[1][:-4]}.json") == 0
    assert (tmp_path / "third" / names[1]).read_bytes() == (again / names[1]).read_bytes()


def test_notes_between_are_played_at_another_pitch(run_folder, tmp_path):
    made = tmp_path / "made"
    assert run_mode("interpolation", run_folder, "-o", made, "--steps", 2, "--pitch", 60) == 0
    flags = ("--from", f"{made / 'interpolation.json'}#1", "--to", f"{made / 'interpolation.json'}#2")
    assert run_mode("interpolation", run_folder, "-o", tmp_path / "at", *flags, "--steps", 1, "--pitch", 64) == 0
    first = card_of(tmp_path / "at" / files_of(tmp_path / "at" / "interpolation.json")[0])
    assert first["attributes"] == first["between"]["from"]["attributes"] == {"pitch": 64}
    assert run_mode("interpolation", run_folder, "-o", tmp_path / "own", "--steps", 2, "--pitch", 64) == 0
    own = tmp_path / "own" / files_of(tmp_path / "own" / "interpolation.json")[1]
    assert (tmp_path / "at" / own.name).read_bytes() == own.read_bytes()


def test_interpolation_between_values_of_an_attribute(experiment_dict, tmp_path):
    run = trained(with_families(experiment_dict), tmp_path)
    flags = ("--attributes", "instrument_family=brass,flute", "--pitch", 60, "--steps", 2)
    assert run_mode("interpolation", run, "-o", tmp_path / "out", *flags) == 0
    card = card_of(tmp_path / "out" / "interpolation.wav")
    assert [anchor["attributes"]["instrument_family_str"] for anchor in card["anchors"]] == ["brass", "flute"]
    assert [anchor["seed"] for anchor in card["anchors"]] == [0, 0]
    assert card["notes"][1]["attributes"] == {"pitch": 60}


@pytest.mark.parametrize("name", ["instrument_family_str", "instrument_family"])
def test_notes_of_one_name_but_other_attributes_are_all_written(name, experiment_dict, tmp_path):
    run = trained(with_families(experiment_dict, name), tmp_path)
    flags = ("--attributes", "instrument_family=brass,flute", "--pitch", 60, "--steps", 2)
    assert run_mode("interpolation", run, "-o", tmp_path / "out", *flags) == 0
    names = files_of(tmp_path / "out" / "interpolation.wav")
    assert len(set(names)) == len(names) == 3
    assert names[0] == "pitch060_seed000000_brass.wav"
    assert len({(tmp_path / "out" / name).read_bytes() for name in names}) == 3
    more = ("--seeds", "0,0", "--pitch", 60, "--attributes", "instrument_family=brass,flute")
    assert run_mode("random", run, "-o", tmp_path / "random", *more) == 0
    assert wavs(tmp_path / "random") == ["pitch060_seed000000_brass.wav", "pitch060_seed000000_flute.wav"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"checkpoint_sha256": "0" * 64}, r"made by another checkpoint \(s3_i0000002\.pt of tiny\), not by .*"),
        ({"checkpoint_sha256": None}, r"not the card of generated sound; .*"),
        ({"seed": None}, r"not a note that generate\.py wrote \(.* either a seed or a place .*\); .*"),
        ({"seed": -1}, r"not a note that generate\.py wrote \(seed: .*"),
        ({"seed": 2**70}, r"not a note that generate\.py wrote \(seed: .*"),
        ({"seed": True}, r"not a note that generate\.py wrote \(seed: .*"),
        ({"attributes": [60]}, r"not a note that generate\.py wrote \(attributes: .*"),
        ({"attributes": {}}, r".*not those of tiny; .*"),
        ({"attributes": {"pitch": 61}}, r".*not those of tiny; .*"),
        ({"attributes": {"pitch": [60]}}, r"not a note that generate\.py wrote \(attributes.*"),
        ({"truncation": 0}, r"not a note that generate\.py wrote \(truncation: .*"),
        ({"between": {"path": "spherical"}}, r"not a note that generate\.py wrote \(.*"),
        ({"notes": []}, r"lists no notes; .*"),
        ({"notes": [{"file": "../x.wav", "seed": 1, "attributes": {"pitch": 60}}]}, r"names no wav file of a note; .*"),
        ({"bits": "12"}, r"'12' bits at 16000 Hz is not a format that generate\.py writes; .*"),
        ({"sample_rate": 1e9}, r"'16' bits at .*"),
    ],
)
def test_card_that_is_none_is_one_line(run_folder, tmp_path, capsys, change, message):
    note, changed = random_note(run_folder, tmp_path / "saved", "--pitch", 60), tmp_path / "changed.json"
    changed.write_text(json.dumps({**card_of(note), **change}))
    capsys.readouterr()
    assert play(run_folder, "-o", tmp_path / "out", "--from-card", changed) == 2
    assert re.fullmatch(rf"generate\.py: ({re.escape(str(changed))}(#0)?: )?{message}\n", capsys.readouterr().err)
    if not {"bits", "sample_rate"} & change.keys():
        assert (
            run_mode(
                "interpolation",
                run_folder,
                "-o",
                tmp_path / "out",
                "--from",
                note.with_suffix(".json"),
                "--to",
                changed,
            )
            == 2
        )
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_cards_that_are_asked_for_wrongly_are_one_line(run_folder, tmp_path, capsys):
    assert run_mode("scale", run_folder, "-o", tmp_path / "made") == 0
    whole = tmp_path / "made" / "scale_seed000000.json"
    for mode, flags, message in [
        ("random", ("--from-card", f"{whole}#4"), r".*#4: that card has notes #0 to #3; choose one of them"),
        ("random", ("--from-card", whole, "--seed", 0), r"--seed cannot be combined with --from-card, .*"),
        ("scale", ("--from-card", whole, "--bits", "24"), r"--bits cannot be combined with --from-card, .*"),
        ("interpolation", ("--from-card", whole, "--steps", 3), r"--steps cannot be combined with --from-card, .*"),
        ("interpolation", ("--from", whole, "--to", f"{whole}#1"), r".*: lists 4 notes; choose one with #0 to #3"),
        ("interpolation", ("--from", f"{whole}#0", "--truncation", 1), r"--truncation cannot be combined with .*"),
        ("random", ("--from-card", tmp_path / "none.json"), r".*none\.json: no such file; check the path"),
    ]:
        capsys.readouterr()
        assert run_mode(mode, run_folder, "-o", tmp_path / "out", *flags) == 2
        assert re.fullmatch(rf"generate\.py: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_card_made_with_another_torch_is_said(run_folder, tmp_path, capsys):
    path = random_note(run_folder, tmp_path / "saved").with_suffix(".json")
    path.write_text(path.read_text().replace(torch.__version__, "0.4.1"))
    capsys.readouterr()
    assert play(run_folder, "-o", tmp_path / "out", "--from-card", path) == 0
    assert f"made with torch 0.4.1, this is {torch.__version__}: the last bits may differ" in capsys.readouterr().err


def test_weights_changed_since_are_another_checkpoint(run_folder, tmp_path, capsys):
    card = random_note(run_folder, tmp_path / "saved").with_suffix(".json")
    change_newest(run_folder, lambda state: {**state, "alpha": 0.0})
    assert play(run_folder, "-o", tmp_path / "out", "--from-card", card) == 2
    assert "made by another checkpoint" in capsys.readouterr().err
