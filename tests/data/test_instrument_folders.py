from pathlib import Path

import numpy as np
import pytest
import torch

from data import instrument_folders
from data.audio_io import write_wav
from data.instrument_folders import (
    is_of_instruments,
    notes_of_instruments,
    onset_of,
    open_from_onset,
)
from utils.errors import DataError

TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(1, 8001) / 16_000)


@pytest.fixture
def orchestra(tmp_path):
    """Two folders of a user: names as players of an orchestra give them, silence before the notes."""
    for name, silence in {
        "Bass-Clarinet/bass-clarinet_As2_1_forte_normal": 300,
        "Bass-Clarinet/bass-clarinet_C4_15_piano_normal": 0,
        "french horn/french-horn_Bb3_long": 5000,
    }.items():
        path = tmp_path / "mine" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, np.concatenate([np.zeros(silence), TONE]), 16_000)
    (tmp_path / "mine" / "read me.txt").write_text("mine")
    return tmp_path / "mine"


def test_labels_come_from_folders_and_names(orchestra):
    assert is_of_instruments(orchestra)
    found = [record.attributes for record in notes_of_instruments(orchestra)]
    assert [attributes["pitch"] for attributes in found] == [46, 60, 58]
    assert [attributes["instrument_str"] for attributes in found] == ["bass clarinet", "bass clarinet", "french horn"]
    assert [attributes["instrument_family_str"] for attributes in found] == ["reed", "reed", "brass"]


def test_notes_begin_at_their_onset(orchestra, tmp_path):
    notes = open_from_onset(
        notes_of_instruments(orchestra), tmp_path / "cache", sample_rate=16_000, n_samples=4000, skip_broken=False
    )
    heard = notes.waves([0, 1, 2])
    expected = torch.from_numpy(TONE[:4000]).float()
    torch.testing.assert_close(heard, expected.expand(3, -1), atol=1 / 32768, rtol=0)


def test_a_note_shorter_than_asked_for_ends_in_silence(orchestra, tmp_path):
    notes = open_from_onset(
        notes_of_instruments(orchestra), tmp_path / "cache", sample_rate=16_000, n_samples=16_000, skip_broken=False
    )
    assert (notes.waves([2])[0, 8000:] == 0).all()


def test_onset():
    wave = np.zeros(100)
    wave[40:] = 0.009
    wave[60:] = -1
    assert onset_of(wave) == 60
    wave[40:60] = 0.011
    assert onset_of(wave) == 40
    assert onset_of(np.zeros(10)) == 0


def test_other_folders_are_not_of_instruments(tiny_nsynth, orchestra, tmp_path):
    assert not is_of_instruments(tiny_nsynth)
    assert not is_of_instruments(tmp_path / "missing")
    assert not is_of_instruments(orchestra / "french horn")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("theremin/theremin_A4_1.wav", "not an instrument whose family is known; name the folder one of"),
        ("oboe/oboe_H4_1.wav", "oboe_H4_1.wav: its name has no pitch between underscores"),
        ("oboe/A4oboe.wav", "its name has no pitch between underscores"),
    ],
)
def test_what_has_no_label_is_named(orchestra, name, said):
    path = orchestra / name
    path.parent.mkdir()
    write_wav(path, TONE, 16_000)
    with pytest.raises(DataError, match=said):
        notes_of_instruments(orchestra)


def test_the_lowest_and_highest_octave(tmp_path):
    assert instrument_folders._pitch(Path("x_C-1_1.wav")) == 0
    assert instrument_folders._pitch(Path("x_G9_1.wav")) == 127
    with pytest.raises(DataError, match="no pitch"):
        instrument_folders._pitch(Path("x_A9_1.wav"))
