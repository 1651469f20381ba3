import librosa
import numpy as np
import pytest
import torch

from evaluation.embeddings.sounding_pitch import PyinEmbedding
from evaluation.metrics.pitch_accuracy import tuning

TIME = np.arange(PyinEmbedding.n_samples) / PyinEmbedding.sample_rate


def tone(pitch):
    return 0.2 * sum(np.sin(2 * np.pi * k * librosa.midi_to_hz(pitch) * TIME) / k for k in (1, 2, 3))


def test_tracks_follow_tones_and_leave_silence_and_noise_unvoiced():
    noise = np.random.default_rng(0).normal(0, 0.1, len(TIME))
    waves = np.stack([tone(60), tone(72.3), tone(47.6), np.zeros(len(TIME)), noise])
    (f0,) = PyinEmbedding().embed(torch.from_numpy(waves).float()).values()
    assert (f0.shape, f0.dtype) == ((5, 45), torch.float32)
    found = tuning(f0, [60, 72, 48, 60, 60])
    assert found.in_tune.tolist() == [True, True, True, False, False]
    assert found.cents[:3] == pytest.approx([0, 30, -40], abs=6)  # pyin rounds to 10 cents
    assert not f0[3].any()


def test_identity_names_what_shapes_the_tracks():
    assert PyinEmbedding().identity == {
        "tracker": "librosa.pyin", "librosa": librosa.__version__, "fmin": 65.0, "fmax": 2100.0, "frame_length": 1024
    }  # fmt: skip
