"""The order in which training meets notes, on the notes themselves."""

import numpy as np
import pytest
import torch

from data.audio_io import write_wav
from data.note_cache import open_note_cache
from data.note_dataset import NoteDataset
from data.note_records import NoteRecord
from data.note_stream import NoteStream

N_NOTES = 5


@pytest.fixture
def dataset(tmp_path):
    """Notes of constant level (k + 1) / 8 with label k."""
    records = []
    for k in range(N_NOTES):
        path = tmp_path / f"note{k}.wav"
        write_wav(path, np.full(20, (k + 1) / 8), 16_000)
        records.append(NoteRecord(path.stem, path, {}))
    cache = open_note_cache(records, tmp_path / "cache", sample_rate=16_000, n_samples=20)
    return NoteDataset(cache, np.arange(N_NOTES)[:, None], fade_out=False)


def test_each_epoch_has_every_note_once_with_its_label(dataset):
    stream = NoteStream(dataset, seed=3)
    epochs = [stream(epoch * N_NOTES, N_NOTES) for epoch in range(4)]
    for waves, labels in epochs:
        assert sorted(labels[:, 0].tolist()) == list(range(N_NOTES))
        assert waves.shape == (N_NOTES, 20)
        assert torch.equal(waves, ((labels + 1) / 8).float().expand(-1, 20))
    assert len({tuple(labels[:, 0].tolist()) for _, labels in epochs}) > 1


def test_place_has_the_same_note_however_the_stream_is_cut(dataset):
    whole = NoteStream(dataset, seed=3)(2, 9)
    parts = [NoteStream(dataset, seed=3)(first, count) for first, count in ((2, 4), (6, 1), (7, 4))]
    for one, others in zip(whole, zip(*parts, strict=True), strict=True):
        assert torch.equal(one, torch.cat(others))


def test_seeds_have_orders_of_their_own(dataset):
    orders = {tuple(NoteStream(dataset, seed)(0, 2 * N_NOTES)[1][:, 0].tolist()) for seed in range(5)}
    assert len(orders) == 5
