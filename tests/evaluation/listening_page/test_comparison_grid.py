"""Runs side by side: what stands in one row has the same labels and seed, and each column has one stated gain."""

import math
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluation.listening_page.comparison_grid import compare_notes
from evaluation.listening_page.matched_loudness import MOST_DB, matched
from evaluation.listening_page.note_grid import write_grid
from evaluation.listening_page.runs import open_runs
from evaluation.listening_page.sound_files import SoundFolder, loudness_of
from generation.latent_controls import LatentControls
from tests.evaluation.listening_page.pages import Page, card_of, make_page
from tests.playing import CPU, change_newest, trained, with_families

LEVELS = st.lists(st.one_of(st.none(), st.floats(-90, 0)), max_size=4)


def copy_of(run, tmp_path, name="copy"):
    return shutil.copytree(run, tmp_path / name)


def grid_of(runs, folder, *, pitches, seeds, real=None):
    folder.mkdir()
    opened = open_runs(runs, scale=None, iteration=None, device=CPU)
    return write_grid(opened, pitches, seeds, SoundFolder(folder, "wav"), controls=LatentControls(), real=real)


def compared_cells(page):
    return [button["aria-label"] for button in page.all("button", "data-sound")]


def headings(page):
    return [(head["data-title"], head["data-gain"]) for head in page.all("th", "data-title")]


@pytest.mark.usefixtures("_no_previews")
def test_a_row_holds_the_same_labels_and_seed_of_every_run(experiment_dict, tiny_nsynth, tmp_path):
    run = trained(with_families(experiment_dict), tmp_path)
    grid = grid_of(
        [run, copy_of(run, tmp_path)], tmp_path / "sounds", pitches=[60, 64], seeds=[0, 1, 2], real=tiny_nsynth
    )
    comparison = compare_notes(grid)
    assert [column.title for column in comparison.columns] == ["mag-if", "mag-if (2)", "real"]
    assert [column.is_real for column in comparison.columns] == [False, False, True]
    assert (len(comparison.rows), comparison.left_out) == (6, 0)
    assert comparison.rows == sorted(comparison.rows, key=lambda row: (row.pitch, row.family, row.seed))
    assert comparison.pitches == [60, 64]
    for row in comparison.rows:
        for number, sound in enumerate(row.sounds[:2], start=1):
            assert sound.audio == f"audio/run{number}_pitch{row.pitch:03d}_seed{row.seed:06d}.wav"
    drawn = {note.seed: note.attributes["instrument_family_str"] for notes in grid[0].rows.values() for note in notes}
    assert {row.seed: row.family for row in comparison.rows} == drawn
    assert comparison.families == sorted(set(drawn.values()))


def test_a_run_is_not_compared_with_itself(run_folder, tmp_path):
    assert compare_notes(grid_of([run_folder], tmp_path / "sounds", pitches=[60], seeds=[0])) is None
    assert make_page(run_folder, tmp_path / "page", "--seeds", 0) == 0
    assert "compare" not in [attrs.get("id") for attrs in Page(tmp_path / "page").all("section")]


def test_notes_that_no_other_run_has_are_counted(run_folder, experiment_dict, tmp_path, tmp_path_factory):
    place = tmp_path_factory.mktemp("other")
    experiment_dict["loaderConfig"]["pitch_range"] = [62, 64]
    experiment_dict["output_path"] = str(place / "runs")
    other = trained(experiment_dict, place)
    assert make_page([run_folder, other], tmp_path / "page", "--seeds", "0-1", "--pitches", "60,64") == 0
    page = Page(tmp_path / "page")
    assert compared_cells(page) == [
        f"Play {title}, pitch 64 (E4), latent {seed}" for seed in (0, 1) for title in ("mag-if", "mag-if (2)")
    ]
    assert "no other run has a note of their labels: 2 notes." in page.text
    assert make_page([run_folder, other], tmp_path / "page", "--seeds", 0, "--pitches", "60") == 0
    assert not compared_cells(Page(tmp_path / "page"))


def test_titles_are_the_listeners_own(run_folder, tmp_path, capsys):
    runs = [run_folder, copy_of(run_folder, tmp_path)]
    titles = ("--titles", "<b>one</b>", "two words")
    assert make_page(runs, tmp_path / "page", "--seeds", 0, "--pitches", 60, *titles) == 0
    page = Page(tmp_path / "page")
    assert [title for title, _ in headings(page)] == ["<b>one</b>", "two words"]
    assert "<b>one</b>, two words – listening page" in page.text
    assert "--titles '<b>one</b>' 'two words'" in card_of(tmp_path / "page")["command"]
    assert [run["title"] for run in card_of(tmp_path / "page")["runs"]] == ["<b>one</b>", "two words"]
    for wrong, message in [
        (("--titles", "one"), "--titles: 1 title for 2 runs; give one for each"),
        (("--titles", "one", "one"), "--titles: one: titles must differ and have 1 to 40 characters"),
        (("--titles", "one", " "), "--titles:  : titles must differ and have 1 to 40 characters"),
    ]:
        capsys.readouterr()
        assert make_page(runs, tmp_path / "none", *wrong) == 2
        assert capsys.readouterr().err == f"generate.py: {message}\n"


def test_a_louder_run_is_turned_down_by_one_gain(run_folder, tiny_nsynth, tmp_path):
    """The same network with an output of half the level: 6 dB between the columns, none between what is heard."""
    quiet = copy_of(run_folder, tmp_path)
    change_newest(quiet, halved)
    assert make_page([run_folder, quiet], tmp_path / "page", "--seeds", "0-2", "--real", tiny_nsynth) == 0
    gains = [float(gain) for _, gain in headings(Page(tmp_path / "page"))]
    notes = card_of(tmp_path / "page")["notes"]
    for run, gain in zip(("tiny", "tiny (2)"), gains, strict=False):
        heard = [note["sound"]["loudness"] + gain for note in notes if note["run"] == run]
        reals = [note["real"]["sound"]["loudness"] + gains[2] for note in notes if note["run"] == run]
        assert math.isclose(np.mean(heard), np.mean(reals), abs_tol=0.1)
    assert len(set(gains)) == 3
    assert max(gains) == 0


def halved(state):
    """The checkpoint with a last layer of half the weight."""
    name = max(name for name in state["ema"] if name.endswith("weight"))
    state["ema"][name] = state["ema"][name] / 2
    return state


@given(st.lists(LEVELS, min_size=1, max_size=6))
def test_gains_make_the_means_equal(columns):
    found = matched(columns)
    heard = []
    for column, level in zip(columns, found, strict=True):
        assert -90 <= level.gain_db <= 0
        assert level.still_quieter_db == 0 or level.gain_db == 0
        sounding = [loudness for loudness in column if loudness is not None]
        if sounding:
            heard.append(np.mean(sounding) + level.gain_db + level.still_quieter_db)
    assert not heard or max(heard) - min(heard) <= 0.1 + 1e-9


def test_a_column_that_hardly_sounds_does_not_silence_the_others():
    loud, soft, silent = matched([[-20.0, -22.0], [-60.0, -62.0], [None]])
    assert (loud.gain_db, loud.still_quieter_db) == (-MOST_DB, 0)
    assert (soft.gain_db, soft.still_quieter_db) == (0, 20)
    assert (silent.gain_db, silent.still_quieter_db) == (0, 0)


@pytest.mark.parametrize("sample_rate", [1_000, 4_000, 16_000])
def test_loudness_falls_by_what_a_sound_is_turned_down(sample_rate):
    wave = torch.sin(torch.arange(sample_rate) / sample_rate * 2 * math.pi * 300).numpy()
    loud, soft = (loudness_of(wave * factor, sample_rate) for factor in (1.0, 0.1))
    assert math.isclose(loud - soft, 20, abs_tol=0.11)
    assert -8 < loud < -2  # 997 Hz would have -3.01; 300 Hz have a little less
    assert loudness_of(0 * wave, sample_rate) is None
