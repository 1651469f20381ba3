"""Notes there and back: that the numbers are those of the notes, and the times those of the representation."""

import numpy as np
import pytest
import torch

from audio_transforms import build_transform
from data.audio_io import read_audio
from data.note_dataset import fade_window
from data.note_folder import notes_of_folder
from evaluation.floor import round_trip
from evaluation.floor.notes import AudioFormat, decoded_notes
from evaluation.floor.round_trip import measure_floor
from utils.config_file import parse_experiment
from utils.errors import UserError

CPU = torch.device("cpu")


@pytest.fixture
def experiment(experiment_dict):
    def build(**transform):
        return parse_experiment(experiment_dict | {"transformConfig": transform}, "test")

    return build


def measure(experiment, folder, listened=()):
    with decoded_notes(notes_of_folder(folder), [AudioFormat.of(experiment.transform)], skip_broken=False) as notes:
        return measure_floor(experiment, notes, device=CPU, listened=listened)


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
    monkeypatch.setattr(round_trip, "BATCH", 5)
    in_parts = measure(tried, tiny_nsynth)
    for one, other in zip(at_once.notes, in_parts.notes, strict=True):
        assert one.name == other.name
        assert one.snr_db == pytest.approx(other.snr_db, abs=0.01)


def test_time_is_the_median_over_even_batches_without_the_first_run(experiment, tiny_nsynth, monkeypatch):
    monkeypatch.setattr(round_trip, "BATCH", 10)
    seconds = iter([99.0, 1.0, 7.0, 2.0])
    sizes = []

    def there_and_back(transform, wave):
        sizes.append(len(wave))
        now = next(seconds)
        return wave, now, 10 * now

    monkeypatch.setattr(round_trip, "there_and_back", there_and_back)
    result = measure(experiment(transform="waveform", audio_length=500), tiny_nsynth)
    assert sizes == [8, 8, 8, 8]  # the first batch twice
    assert (result.forward_ms, result.inverse_ms) == (2000 / 8, 20000 / 8)


def test_representation_that_breaks_is_named_with_the_note(experiment, tiny_nsynth, monkeypatch):
    tried = experiment(transform="waveform", audio_length=500)
    transform = build_transform(tried.transform)
    transform.inverse = lambda image: image[:, 0, 0] / (image[:, 0, 0].abs().amax(dim=1, keepdim=True) > 0.1)
    monkeypatch.setattr(round_trip, "build_transform", lambda config: transform)
    with pytest.raises(UserError, match=r"tiny: \S+\.wav is not finite after waveform and back"):
        measure(tried, tiny_nsynth)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_measures_what_the_cpu_measures(experiment, tiny_nsynth):
    tried = experiment(transform="stft", fft_size=64, n_frames=100)
    with decoded_notes(notes_of_folder(tiny_nsynth), [AudioFormat.of(tried.transform)], skip_broken=False) as notes:
        on_cpu, on_gpu = (
            measure_floor(tried, notes, device=torch.device(name), listened=()) for name in ("cpu", "cuda")
        )
    for one, other in zip(on_cpu.notes, on_gpu.notes, strict=True):
        assert one.snr_db == pytest.approx(other.snr_db, abs=0.5)
