"""`generate.py interpolation` from its command line, and the faults that it shares with `scale`."""

import re

import numpy as np
import pytest

from generation.instrument import Instrument
from generation.interpolation_notes import places_on_path, seeded_anchors
from generation.note_files import MOST_IN_PICTURE
from tests.playing import (
    CPU,
    N_SAMPLES,
    assert_same_note,
    card_of,
    change_newest,
    files_of,
    play,
    random_note,
    run_mode,
    sound,
    trained,
    unconditional,
    wavs,
    with_families,
    with_nan,
)

pytestmark = pytest.mark.usefixtures("_no_previews")


def interpolation_of(run_folder, out, *flags):
    """The card of the whole, with the names of its files for its notes."""
    assert run_mode("interpolation", run_folder, "-o", out, *flags) == 0
    return {**card_of(out / "interpolation.wav"), "notes": files_of(out / "interpolation.wav")}


@pytest.mark.usefixtures("with_figures")
@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_interpolation_goes_through_the_random_notes_of_its_seeds(run_folder, tmp_path, path):
    card = interpolation_of(
        run_folder, tmp_path / "out", "--seeds", 0, 5, 2, "--pitch", 62, "--steps", 3, "--path", path
    )
    assert (card["path"], card["steps"], len(card["notes"])) == (path, 3, 7)
    assert card["notes"][1] == f"pitch062_seed000000_{path}_pitch062_seed000005_1of3.wav"
    assert sorted(card["notes"]) == [name for name in wavs(tmp_path / "out") if name != "interpolation.wav"]
    for place, seed in ((0, 0), (3, 5), (6, 2)):
        note = random_note(run_folder, tmp_path / str(seed), "--seed", seed, "--pitch", 62)
        assert card["notes"][place] == note.name == f"pitch062_seed{seed:06d}.wav"
        assert_same_note(tmp_path / "out" / note.name, note)
    notes = np.stack([sound(tmp_path / "out" / name) for name in card["notes"]])
    assert len(np.unique(notes, axis=0)) == 7
    assert len(sound(tmp_path / "out" / "interpolation.wav")) == 7 * N_SAMPLES
    between = card_of(tmp_path / "out" / card["notes"][4])
    assert between["attributes"] == {"pitch": 62}
    ends = ({"seed": 5, "attributes": {"pitch": 62}}, {"seed": 2, "attributes": {"pitch": 62}})
    assert between["between"] == {"path": path, "from": ends[0], "to": ends[1], "step": 1, "steps": 3}
    assert (tmp_path / "out" / "interpolation.png").read_bytes().startswith(b"\x89PNG")


def test_notes_between_do_not_depend_on_what_else_is_on_the_path(run_folder, tmp_path):
    interpolation_of(run_folder, tmp_path / "long", "--seeds", "3,0,1", "--pitch", 60, "--steps", 2)
    interpolation_of(run_folder, tmp_path / "short", "--seeds", "0-1", "--pitch", 60, "--steps", 2)
    name = "pitch060_seed000000_spherical_pitch060_seed000001_1of2.wav"
    assert_same_note(tmp_path / "long" / name, tmp_path / "short" / name)
    back = interpolation_of(run_folder, tmp_path / "back", "--seeds", "1,0", "--pitch", 60, "--steps", 2)
    assert (tmp_path / "back" / back["notes"][1]).read_bytes() == (tmp_path / "short" / name).read_bytes()


def test_circle_ends_where_it_began(run_folder, tmp_path):
    card = interpolation_of(run_folder, tmp_path, "--path", "circle", "--seeds", 4, 1, "--pitch", 60, "--steps", 10)
    assert len(card["notes"]) == 11
    assert card["notes"][0] == card["notes"][-1] == "pitch060_seed000004.wav"
    assert card["notes"][1] == "pitch060_seed000004_circle_pitch060_seed000001_01of10.wav"
    assert len(wavs(tmp_path)) == 11
    whole = sound(tmp_path / "interpolation.wav").reshape(11, N_SAMPLES)
    assert (whole[0] == whole[-1]).all()


def test_circle_keeps_the_attributes_of_its_start(run_folder):
    places = places_of(run_folder, [0, 1], [60, 67], "circle", 4)
    assert {tuple(place.one_hot.tolist()) for place in places} == {(1, 0, 0, 0)}
    assert [place.spec.attributes for place in places] == [{"pitch": 60}] * 5


def test_radius_goes_through_the_norms_asked_for(run_folder, tmp_path):
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    own = float(instrument.latent(6).norm()) / 2
    flags = ("--path", "radius", "--seeds", 6, "--pitch", 60, "--steps", 2, "--radii", own / 2, 3 * own / 2)
    card = interpolation_of(run_folder, tmp_path / "out", *flags)
    assert card["radii"] == [own / 2, 3 * own / 2]
    own_note = sound(random_note(run_folder, tmp_path / "random", "--seed", 6, "--pitch", 60)).astype(int)
    assert np.abs(sound(tmp_path / "out" / card["notes"][1]) - own_note).max() <= 1
    assert np.abs(sound(tmp_path / "out" / card["notes"][0]) - own_note).max() > 1
    between = card_of(tmp_path / "out" / card["notes"][1])["between"]
    assert (between["radii"], between["step"], between["steps"]) == (card["radii"], 1, 2)


def test_pitches_that_differ_are_mixed(run_folder, tmp_path):
    card = interpolation_of(run_folder, tmp_path / "out", "--seeds", "0,0", "--pitch", "60,67", "--steps", 4)
    assert (card["notes"][0], card["notes"][-1]) == ("pitch060_seed000000.wav", "pitch067_seed000000.wav")
    note = random_note(run_folder, tmp_path / "random", "--pitch", 67)
    alone, among = (each / abs(each).max() for each in (sound(note), sound(tmp_path / "out" / note.name)))
    np.testing.assert_allclose(among, alone, rtol=0, atol=4 / 32768)  # each set has a gain of its own
    assert card_of(tmp_path / "out" / card["notes"][2])["attributes"] == {}
    quarter = next(place for place in places_of(run_folder, [0, 0], [60, 67], "linear", 4) if "1of4" in place.name)
    assert quarter.one_hot.tolist() == [0.75, 0, 0, 0.25]


def places_of(run_folder, seeds, pitches, path, steps):
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    return places_on_path(seeded_anchors(instrument, seeds, {"pitch": pitches}), path=path, steps=steps)


def test_without_pitch_all_notes_have_that_of_the_first_seed(run_folder, tmp_path):
    name = random_note(run_folder, tmp_path / "random", "--seed", 8).name
    card = interpolation_of(run_folder, tmp_path / "out", "--seeds", "8,9,10", "--steps", 1)
    assert card["notes"] == [name, name.replace("8.wav", "9.wav"), name.replace("08.wav", "10.wav")]


def test_saved_notes_are_the_ends(run_folder, tmp_path):
    assert play(run_folder, "-o", tmp_path / "saved", "--count", 2, "--seed", 4, "--pitch", 60, 64) == 0
    start, end = (
        tmp_path / "saved" / f"pitch{pitch}_seed{seed}.json" for pitch, seed in (("060", "000004"), ("064", "000005"))
    )
    card = interpolation_of(run_folder, tmp_path / "out", "--from", start, "--to", end, "--steps", 2)
    assert (card["notes"][0], card["notes"][-1]) == (f"{start.stem}.wav", f"{end.stem}.wav")
    for saved in (start, end):
        name = saved.with_suffix(".wav").name
        assert_same_note(tmp_path / "out" / name, tmp_path / "saved" / name)
    card = interpolation_of(run_folder, tmp_path / "at", "--from", start, "--to", end, "--steps", 2, "--pitch", 67)
    assert [name[:8] for name in card["notes"]] == ["pitch067"] * 3


def test_other_attributes_are_those_of_each_end(experiment_dict, tmp_path):
    run = trained(with_families(experiment_dict), tmp_path)
    card = interpolation_of(run, tmp_path / "out", "--seeds", "0-7", "--pitch", 62, "--steps", 2)
    for name in card["notes"][::2]:
        seed = card_of(tmp_path / "out" / name)["seed"]
        note = random_note(run, tmp_path / str(seed), "--seed", seed, "--pitch", 62)
        assert_same_note(tmp_path / "out" / name, note)
    families = {anchor["attributes"]["instrument_family_str"] for anchor in card["anchors"]}
    assert families == {"brass", "flute"}
    between = [card_of(tmp_path / "out" / name)["attributes"] for name in card["notes"][1::2]]
    assert {"pitch": 62} in between


def test_unconditional_run_interpolates_but_has_no_scale(experiment_dict, tmp_path, capsys):
    run = trained(unconditional(experiment_dict), tmp_path)
    card = interpolation_of(run, tmp_path / "out", "--steps", 2)
    assert card["notes"] == [
        "note_seed000000.wav", "note_seed000000_spherical_note_seed000001_1of2.wav", "note_seed000001.wav"
    ]  # fmt: skip
    capsys.readouterr()
    assert interpolation_of(run, tmp_path / "radius", "--path", "radius", "--steps", 2)["anchors"][0]["seed"] == 0
    assert "sounds the same at every norm" in capsys.readouterr().err
    assert run_mode("scale", run, "-o", tmp_path / "scale") == 2
    assert re.fullmatch(
        r"generate\.py: scale: tiny was not conditioned on pitch, .*; use random\n", capsys.readouterr().err
    )
    assert not (tmp_path / "scale").exists()


@pytest.mark.parametrize(
    ("mode", "flags", "message"),
    [
        ("scale", ("--pitches", "60,61"), r"pitch 61: not among the 4 pitches .*"),
        ("scale", ("--pitches", "60,,61"), r"argument --pitches: .*"),
        ("scale", ("--seeds", "0-3", "--count", 2), r"--seeds already lists every seed; .*"),
        ("scale", ("--seeds", "3-0"), r"argument --seeds: .*"),
        ("scale", ("--seeds", "0-4611686018427387904"), r"argument --seeds: .* at most 10000 seeds.*"),
        ("scale", ("--gap", "nan"), r"argument --gap: .*"),
        ("scale", ("--gap", -1), r"argument --gap: .*"),
        ("scale", ("--gap", "x"), r"argument --gap: .*"),
        ("interpolation", ("--pitch", 61), r"pitch 61: not among the 4 pitches .*"),
        ("interpolation", ("--pitch", "60,62,64"), r"seeds: 2 values for 3 notes; .*"),
        ("interpolation", ("--seeds", 0), r"path spherical: needs two latents or more; .*"),
        ("interpolation", ("--seeds", "0-2", "--path", "circle"), r"path circle: needs two latents; .*"),
        ("interpolation", ("--seeds", "0-1", "--path", "radius"), r"path radius: needs one latent; .*"),
        ("interpolation", ("--seeds", "1,1", "--path", "circle"), r"circle: the two latents lie on one line .*"),
        ("interpolation", ("--path", "zigzag"), r"argument --path: .*"),
        ("interpolation", ("--steps", 0), r"argument --steps: .*"),
        ("interpolation", ("--radii", 0, 1), r"--radii goes with --path radius, not with --path spherical; .*"),
        ("interpolation", ("--path", "radius", "--radii", 2, 1), r"--radii 2 1: the smaller one must come first; .*"),
        ("interpolation", ("--path", "radius", "--radii", "inf", 1), r"argument --radii: .*"),
        ("interpolation", ("--from", "a.json", "--seeds", 0), r"--seeds cannot be combined with --from, .*"),
        ("interpolation", ("--to", "a.json"), r"--to needs --from CARD"),
        ("interpolation", ("--from", "missing.json", "--to", "a.json"), r"missing\.json: no such file; .*"),
    ],
)
def test_what_cannot_be_walked_is_one_line(run_folder, tmp_path, capsys, mode, flags, message):
    assert run_mode(mode, run_folder, "-o", tmp_path / "out", *flags) == 2
    assert re.fullmatch(rf"generate\.py: {message}\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", ["random", "scale", "interpolation"])
def test_sound_that_is_not_finite_leaves_nothing(run_folder, tmp_path, capsys, mode):
    change_newest(run_folder, with_nan)
    assert run_mode(mode, run_folder, "-o", tmp_path / "out") == 2
    assert "the generator's sound is not finite" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_long_path_is_pictured_in_part(run_folder, tmp_path):
    card = interpolation_of(run_folder, tmp_path, "--steps", MOST_IN_PICTURE + 8)
    assert len(card["notes"]) == MOST_IN_PICTURE + 9
    assert len(card["pictured"]) == MOST_IN_PICTURE
    assert (card["pictured"][0], card["pictured"][-1]) == (0, MOST_IN_PICTURE + 8)
