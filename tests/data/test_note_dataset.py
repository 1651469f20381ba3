import numpy as np
import pytest
import torch
from torch.testing import assert_close

from data.audio_io import write_wav
from data.note_cache import open_note_cache
from data.note_dataset import NoteDataset, NoteStream, fade_window
from data.note_records import NoteRecord


@pytest.fixture
def cache(tmp_path):
    records = []
    for index in range(4):
        path = tmp_path / f"note{index}.wav"
        write_wav(path, np.full(20, (index + 1) / 8), 16_000)
        records.append(NoteRecord(path.stem, path, {}))
    return open_note_cache(records, tmp_path / "cache", sample_rate=16_000, n_samples=20)


def test_fade_falls_over_the_last_thirty_percent():
    window = fade_window(10)
    assert window.dtype == np.float32
    assert window[:7].tolist() == [1] * 7
    assert window[7:] == pytest.approx([1, (10**0.5 - 1) / 9, 0], abs=1e-7)


@pytest.mark.parametrize(("n_samples", "ones"), [(16_000, 11_201), (16_383, 11_470), (16_384, 11_470)])
def test_fade_length_is_rounded_down(n_samples, ones):
    assert np.count_nonzero(fade_window(n_samples) == 1) == ones  # the fade's own first sample is 1 too
    assert fade_window(n_samples)[-1] == 0


@pytest.mark.parametrize("n_samples", [1, 3])
def test_too_short_a_note_does_not_fade(n_samples):
    assert fade_window(n_samples).tolist() == [1] * n_samples


@pytest.mark.parametrize("form", [list, np.array, torch.tensor])
def test_batch_holds_the_notes_asked_for_and_their_labels(cache, form):
    labels = np.array([[5, 0], [6, 1], [7, 0], [8, 1]])
    waves, got = NoteDataset(cache, labels, fade_out=False).batch(form([3, 0, 3]))
    assert waves.shape == (3, 20)
    assert (waves.dtype, got.dtype) == (torch.float32, torch.int64)
    assert waves[:, 0].tolist() == [0.5, 0.125, 0.5]
    assert got.tolist() == [[8, 1], [5, 0], [8, 1]]


def test_fade_out_is_applied_to_every_wave_and_not_to_the_cache(cache):
    dataset = NoteDataset(cache, np.zeros((4, 0), np.int64), fade_out=True)
    for _ in range(2):
        waves, labels = dataset.batch([0, 3])
        assert_close(waves, torch.outer(torch.tensor([0.125, 0.5]), torch.from_numpy(fade_window(20))))
    assert labels.shape == (2, 0)
    assert len(dataset) == 4


@pytest.mark.parametrize("shape", [(3, 1), (4,)])
def test_labels_of_other_notes_are_refused(cache, shape):
    with pytest.raises(ValueError, match=r"shape \(4, n_attributes\).*encode cache\.records"):
        NoteDataset(cache, np.zeros(shape, np.int64), fade_out=False)


def test_stream_has_every_note_with_its_label_once_an_epoch_and_an_order_for_each_seed(cache):
    dataset = NoteDataset(cache, np.arange(4)[:, None], fade_out=False)
    orders = set()
    for seed in range(5):
        waves, labels = NoteStream(dataset, seed)(0, 8)
        assert torch.equal(waves, ((labels + 1) / 8).float().expand(-1, 20))
        assert sorted(labels[:4, 0].tolist()) == sorted(labels[4:, 0].tolist()) == [0, 1, 2, 3]
        assert torch.equal(NoteStream(dataset, seed)(3, 2)[1], labels[3:5])
        orders.add(tuple(labels[:, 0].tolist()))
    assert len(orders) == 5
