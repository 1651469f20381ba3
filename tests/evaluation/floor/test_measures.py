"""Notes there and back: which are measured, that the numbers are theirs, and what many say together."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from audio_transforms import build_transform
from data.audio_io import read_audio, write_wav
from data.note_dataset import fade_window
from data.note_folder import notes_of_folder
from evaluation.floor import measures as floor
from evaluation.floor.measures import AudioFormat, NoteFloor, by_family, decoded_notes, measure_floor, summarise
from evaluation.floor.signal_distances import LARGEST_DB
from utils.config_file import parse_experiment
from utils.errors import DataError, UserError

CPU = torch.device("cpu")
SHORT = AudioFormat(16_000, 500, fade_out=False)
LONG = AudioFormat(16_000, 4_000, fade_out=False)


@pytest.fixture
def experiment(experiment_dict):
    def build(**transform):
        return parse_experiment(experiment_dict | {"transformConfig": transform}, "test")

    return build


@pytest.fixture
def folder(tiny_nsynth, tmp_path):
    """A copy of the notes that may be changed."""
    return Path(shutil.copytree(tiny_nsynth / "audio", tmp_path / "audio"))


def measure(experiment, folder, listened=()):
    with decoded_notes(notes_of_folder(folder), [AudioFormat.of(experiment.transform)], skip_broken=False) as notes:
        return measure_floor(experiment, notes, device=CPU, listened=listened)


def test_waveform_loses_nothing(experiment, tiny_nsynth):
    result = measure(experiment(transform="waveform", audio_length=4_000), tiny_nsynth)
    values = {(n.snr_db, n.log_spectral_distance_db, n.spectral_convergence_db) for n in result.notes}
    assert values == {(LARGEST_DB, 0, -LARGEST_DB)}
    assert len(result.notes) == 24
    assert {note.family for note in result.notes} == {"brass", "flute"}


@pytest.mark.parametrize("fade_out", [False, True])
def test_every_number_is_that_of_its_note(experiment, tiny_nsynth, fade_out):
    tried = experiment(transform="stft", fft_size=64, n_frames=100, fade_out=fade_out, scaling="fit")
    transform = build_transform(tried.transform)
    result = measure(tried, tiny_nsynth, listened=["brass_acoustic_000-062-075"])
    for note in result.notes:
        wave = read_audio(tiny_nsynth / "audio" / f"{note.name}.wav", 16_000)[: transform.n_samples]
        wave = torch.from_numpy(wave * fade_window(len(wave)) if fade_out else wave)[None]
        restored = transform.inverse(transform(wave))
        error = (restored - wave).double().square().sum()
        # the errors themselves are rounding and the constant, so that batches differ in the last digits
        assert note.snr_db == pytest.approx(float(10 * torch.log10(wave.double().square().sum() / error)), abs=0.01)
    assert len({round(note.snr_db, 3) for note in result.notes}) > 6
    ((name, (original, restored)),) = result.sounds.items()
    assert name == "brass_acoustic_000-062-075"
    assert 0 < np.abs(original - restored).max() < 0.1
    assert (original[-1] == 0) == fade_out


def test_numbers_do_not_depend_on_the_batches(experiment, tiny_nsynth, monkeypatch):
    tried = experiment(transform="mag", fft_size=64, n_frames=100)
    at_once = measure(tried, tiny_nsynth)
    monkeypatch.setattr(floor, "BATCH", 5)
    in_parts = measure(tried, tiny_nsynth)
    for one, other in zip(at_once.notes, in_parts.notes, strict=True):
        assert one.name == other.name
        assert one.snr_db == pytest.approx(other.snr_db, abs=0.01)


def test_time_is_the_median_over_even_batches_without_the_first_run(experiment, tiny_nsynth, monkeypatch):
    monkeypatch.setattr(floor, "BATCH", 10)
    seconds = iter([99.0, 1.0, 7.0, 2.0])
    sizes = []

    def there_and_back(transform, wave):
        sizes.append(len(wave))
        now = next(seconds)
        return wave, now, 10 * now

    monkeypatch.setattr(floor, "there_and_back", there_and_back)
    result = measure(experiment(transform="waveform", audio_length=500), tiny_nsynth)
    assert sizes == [8, 8, 8, 8]  # the first batch twice
    assert (result.forward_ms, result.inverse_ms) == (2000 / 8, 20000 / 8)


def test_time_of_each_way_is_its_own(experiment):
    transform = build_transform(experiment(transform="stft", fft_size=1024, audio_length=16_000).transform)
    restored, forward, inverse = floor.there_and_back(transform, torch.zeros(4, 16_000))
    assert restored.shape == (4, 16_000)
    assert 0 < forward < 5
    assert 0 < inverse < 5
    assert not restored.requires_grad


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


def test_broken_notes_are_all_named_or_all_left_out(folder):
    for name in ("brass_acoustic_000-060-050", "flute_acoustic_001-067-100"):
        (folder / f"{name}.wav").write_bytes(b"RIFF")
    records = notes_of_folder(folder)
    with (
        pytest.raises(DataError, match=r"2 of 24 notes cannot be used: \S+-060-050.wav: .*; \S+-067-100.wav: "),
        decoded_notes(records, [LONG], skip_broken=False),
    ):
        pass
    with decoded_notes(records, [LONG, SHORT], skip_broken=True) as notes:
        assert notes.broken == ["brass_acoustic_000-060-050", "flute_acoustic_001-067-100"]
        assert len(notes.records) == 22


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


def test_representation_that_breaks_is_named_with_the_note(experiment, tiny_nsynth, monkeypatch):
    tried = experiment(transform="waveform", audio_length=500)
    transform = build_transform(tried.transform)
    transform.inverse = lambda image: image[:, 0, 0] / (image[:, 0, 0].abs().amax(dim=1, keepdim=True) > 0.1)
    monkeypatch.setattr(floor, "build_transform", lambda config: transform)
    with pytest.raises(UserError, match=r"tiny: \S+\.wav does not come back finite from waveform"):
        measure(tried, tiny_nsynth)


def note(family, snr, cents=None, *, pitched=True):
    return NoteFloor(f"{family}{snr}", family, snr, 100 - snr, -snr, pitched, cents)


def test_summary_has_the_median_and_the_worst_tenth_on_the_bad_side():
    notes = [note("bass", float(snr)) for snr in range(11)]
    summary = summarise(notes)
    assert summary["notes"] == 11
    assert summary["snr_db"] == {"median": 5, "worst_tenth": 1}
    assert summary["log_spectral_distance_db"] == {"median": 95, "worst_tenth": 99}
    assert summary["spectral_convergence_db"] == {"median": -5, "worst_tenth": -1}


def test_pitches_are_summarised_where_there_are_any():
    notes = [note("bass", 1.0, 4.0), note("bass", 2.0, 8.0), note("bass", 3.0), note("bass", 4.0, pitched=False)]
    pitch = summarise(notes)["pitch_error_cents"]
    assert pitch == {"median": 6, "worst_tenth": pytest.approx(7.6), "notes": 2, "pitch_lost": 1}
    none = summarise(notes[3:])["pitch_error_cents"]
    assert none == {"median": None, "worst_tenth": None, "notes": 0, "pitch_lost": 0}


def test_families_are_summarised_apart():
    notes = [note("reed", 1.0), note("bass", 2.0), note("reed", 3.0)]
    assert {family: [n.snr_db for n in group] for family, group in by_family(notes).items()} == {
        "bass": [2.0],
        "reed": [1.0, 3.0],
    }
    assert list(by_family(notes)) == ["bass", "reed"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_measures_what_the_cpu_measures(experiment, tiny_nsynth):
    tried = experiment(transform="stft", fft_size=64, n_frames=100)
    with decoded_notes(notes_of_folder(tiny_nsynth), [AudioFormat.of(tried.transform)], skip_broken=False) as notes:
        on_cpu, on_gpu = (
            measure_floor(tried, notes, device=torch.device(name), listened=()) for name in ("cpu", "cuda")
        )
    for one, other in zip(on_cpu.notes, on_gpu.notes, strict=True):
        assert one.snr_db == pytest.approx(other.snr_db, abs=0.5)
