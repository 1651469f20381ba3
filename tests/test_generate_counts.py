"""How many notes may be asked for: as many as the disk takes, in memory that does not grow with them."""

import shutil
from collections import namedtuple

import pytest

import eval as eval_script
from generation.instrument import Instrument
from generation.note_files import MOST_IN_SEQUENCE, NoteFolder
from generation.random_notes import write_random_notes
from tests.playing import CPU, run_mode

Usage = namedtuple("Usage", "total used free")
HUGE = 10**9


def said(capsys):
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("count", [HUGE, 2**62])
@pytest.mark.parametrize("mode", ["random", "scale"])
def test_more_notes_than_the_disk_takes_are_refused_at_once(run_folder, tmp_path, capsys, monkeypatch, mode, count):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, 10**12))
    monkeypatch.setattr("generation.places.Place.wave", None)
    assert run_mode(mode, run_folder, "-o", tmp_path / "out", "--count", count, "--pitches", 60) == 2
    line = said(capsys)
    assert "MB free" in line
    assert "ask for fewer notes" in line
    assert not (tmp_path / "out").exists()


def test_a_count_beyond_the_last_seed_is_refused(run_folder, tmp_path, capsys):
    assert run_mode("random", run_folder, "-o", tmp_path / "out", "--count", 10**40) == 2
    assert "its last seed would be above" in said(capsys)


def test_the_estimate_counts_the_format(run_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 16_000))
    assert run_mode("random", run_folder, "-o", tmp_path / "out", "--count", 1) == 0
    assert (
        run_mode("random", run_folder, "-o", tmp_path / "out", "--count", 1, "--bits", "float", "--rate", 96_000) == 2
    )
    assert "MB free" in said(capsys)


def test_a_sequence_without_end_is_refused(run_folder, tmp_path, capsys):
    flags = ("--seeds", "0-9999", "--steps", 10_000, "--pitches", 60)
    assert run_mode("interpolation", run_folder, "-o", tmp_path / "out", *flags) == 2
    assert f"at most {MOST_IN_SEQUENCE}" in said(capsys)


@pytest.mark.parametrize("score", ["pis", "statistics"])
def test_more_notes_than_the_disk_takes_are_not_scored(run_folder, tmp_path, capsys, monkeypatch, score):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, 10**11))
    monkeypatch.setattr("generation.instrument.Instrument.play", None)
    place = tmp_path / "notes.npz" if score == "statistics" else tmp_path / "out"
    asked = ["--run", str(run_folder), "--count", str(HUGE), "-d", str(place), "--device", "cpu", "-q"]
    assert eval_script.main([score, *asked]) == 2
    line = said(capsys)
    assert "MB free" in line
    assert "ask for fewer notes" in line


class _EnoughError(Exception):
    pass


def test_notes_are_written_as_they_are_made(run_folder, tmp_path, monkeypatch):
    """However many are asked for, only those at hand are computed."""
    instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=CPU)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 10**30))
    folder = NoteFolder(tmp_path / "out", {}, instrument.sample_rate, instrument.transform.n_samples)
    write, written = NoteFolder.write_sound, []

    def counted(self, *args):
        written.append(write(self, *args))
        if len(written) == 3:
            raise _EnoughError
        return written[-1]

    monkeypatch.setattr(NoteFolder, "write_sound", counted)
    with pytest.raises(_EnoughError):
        write_random_notes(instrument, folder, seeds=range(HUGE), attributes={})
    assert all(path.exists() for path in written)
