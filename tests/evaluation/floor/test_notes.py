"""Which notes are measured: the same in every format, without silent and broken ones."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from data.audio_io import write_wav
from data.note_folder import notes_of_folder
from evaluation.floor.notes import AudioFormat, decoded_notes
from utils.errors import DataError

SHORT = AudioFormat(16_000, 500, fade_out=False)
LONG = AudioFormat(16_000, 4_000, fade_out=False)


@pytest.fixture
def folder(tiny_nsynth, tmp_path):
    """A copy of the notes that may be changed."""
    return Path(shutil.copytree(tiny_nsynth / "audio", tmp_path / "audio"))


def test_notes_silent_in_any_format_are_left_out_of_all(folder):
    late = np.concatenate((np.zeros(1_000), np.full(3_000, 0.5)))
    write_wav(folder / "flute_acoustic_001-060-050.wav", late, 16_000)
    write_wav(folder / "flute_acoustic_001-060-075.wav", np.zeros(4_000), 16_000)
    records = notes_of_folder(folder)
    with decoded_notes(records, [LONG, SHORT], skip_broken=False) as notes:
        assert notes.silent == ["flute_acoustic_001-060-050", "flute_acoustic_001-060-075"]
        assert len(notes.records) == 22
        short, long = notes.waves(SHORT, notes.records), notes.waves(LONG, notes.records)
        assert torch.equal(short, long[:, :500])
    with decoded_notes(records, [LONG], skip_broken=False) as notes:
        assert notes.silent == ["flute_acoustic_001-060-075"]


def test_only_silence_cannot_be_measured_and_leaves_nothing_behind(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    write_wav(tmp_path / "notes" / "a.wav", np.zeros(500), 16_000)
    with (
        pytest.raises(DataError, match="no note to measure: 1 of 1 are silent, 0 broken"),
        decoded_notes(notes_of_folder(tmp_path / "notes"), [SHORT], skip_broken=False),
    ):
        pass
    assert list(temporary.iterdir()) == []
