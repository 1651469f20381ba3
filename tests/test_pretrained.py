"""The generators that come with this repository."""

import hashlib
import json
import re

import numpy as np
import pytest

import eval
import generate
from data.audio_io import read_audio
from tests.places import ROOT
from utils.config_file import load_experiment, parse_experiment

NAMES = sorted(path.parent.name for path in (ROOT / "pretrained").glob("*/run.json"))
MOST_BYTES = 15_000_000
MOST_BYTES_OF_NOTES = 300_000
FAMILIES = {"brass", "flute", "guitar", "keyboard", "mallet", "reed"}


@pytest.fixture(params=NAMES)
def folder(request):
    return ROOT / "pretrained" / request.param


def run_card(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def test_two_representations_are_shipped():
    assert NAMES == ["mag-if", "mel"]


def test_it_is_small_and_its_card_names_these_very_weights(folder):
    weights = (folder / "generator.safetensors").read_bytes()
    assert len(weights) < MOST_BYTES
    digest = hashlib.sha256(weights).hexdigest()
    assert run_card(folder)["weights"]["sha256"] == digest
    assert digest in (folder / "README.md").read_text(encoding="utf-8")


def test_it_is_the_run_of_its_shipped_config(folder):
    ours = load_experiment(ROOT / "config_files" / folder.name / "pretrained.json").to_plain()
    ours = json.loads(json.dumps(ours))
    theirs = parse_experiment(run_card(folder)["config"], "run.json").to_plain()  # with today's keys
    theirs = json.loads(json.dumps(theirs))
    assert theirs["transformConfig"] == ours["transformConfig"]
    assert theirs["modelConfig"] == ours["modelConfig"]
    assert not re.search(r"/(home|root|work|tmp|var)/", json.dumps(theirs))


def test_it_plays_from_the_command_line(folder, tmp_path):
    flags = ["random", "-d", str(folder), "-o", str(tmp_path), "--seeds", "0-1", "--pitch", "60", "72", "-q"]
    assert generate.main(flags) == 0
    waves = [read_audio(path, 16_000) for path in sorted(tmp_path.glob("*.wav"))]
    assert len(waves) == 2
    assert all(0.01 < abs(wave).max() <= 1 for wave in waves)
    assert all(np.abs(wave[[0, -1]]).max() < 1e-4 for wave in waves)  # notes begin and end at silence


def test_its_page_has_real_notes_to_compare_with(folder, tmp_path):
    notes = folder / "notes"
    assert sum(path.stat().st_size for path in notes.rglob("*") if path.is_file()) < MOST_BYTES_OF_NOTES
    assert len(list(notes.glob("audio/*"))) == 8
    page = tmp_path / "page"
    assert generate.main(["page", "-d", str(folder), "-o", str(page), "--seeds", "0", "--pitches", "63", "-q"]) == 0
    (note,) = json.loads((page / "page.json").read_text(encoding="utf-8"))["notes"]
    assert note["real"]["name"] == "keyboard_acoustic_000-063-075"
    assert "FluidR3_GM.sf2" in (page / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_its_notes_are_in_tune(folder, tmp_path):
    flags = ["in-tune", "--run", str(folder), "--n", "96", "--pitch", "48-83", "-d", str(tmp_path), "-q"]
    assert eval.main(flags) == 0
    lines = map(json.loads, (tmp_path / "results.jsonl").read_text().splitlines())
    line = next(line for line in lines if line["name"] == "in-tune")  # a second judge's are there if it is installed
    assert (line["n_fake"], line["value"] >= 0.9) == (96, True)
    assert set(line["details"]["by_family"]) == FAMILIES


@pytest.mark.slow
def test_it_plays_midi_files(folder, tmp_path):
    assert generate.main(["from_midi", "-d", str(folder), "-o", str(tmp_path), "-q"]) == 0
    wave = read_audio(next(tmp_path.glob("*.wav")), 16_000)
    assert len(wave) > 20 * 16_000
    assert 0.05 < abs(wave).max() <= 1
