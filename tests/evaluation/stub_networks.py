"""Small stand-ins for the networks of the score commands, and notes for them."""

import numpy as np
import torch

from data.audio_io import write_wav
from evaluation.scoring import score_embeddings

RATE = 16_000
N_SAMPLES = 8_000


def write_notes(folder, count, seed, name="note {}"):
    random = np.random.default_rng(seed)
    time = np.arange(N_SAMPLES) / RATE
    for number in range(count):
        tone = np.sin(2 * np.pi * random.uniform(100, 1000) * time) * random.uniform(0.1, 0.8)
        write_wav(folder / f"{name.format(number)}.wav", tone, RATE)
    return folder


def levels_of(waves, bands):
    return torch.fft.rfft(waves).abs()[:, 40 : 40 + 8 * bands].unflatten(1, (bands, 8)).sum(2).log1p()


class StubClassifier:
    """Levels in bands stand in for features and logits."""

    name, sample_rate, n_samples = "note-classifier", RATE, N_SAMPLES
    seen = 0

    def __init__(self, weights, device):
        self.identity = {"weights_sha256": str(weights), "precision": "float32"}

    def embed(self, waves):
        type(self).seen += len(waves)
        return {
            "features": levels_of(waves, 5),
            "pitch_logits": levels_of(waves, 61),
            "family_logits": levels_of(waves, 11),
        }


class StubMusicnn:
    """4 values in bands."""

    name, sample_rate, n_samples = "musicnn", RATE, N_SAMPLES

    def __init__(self, weights, device):
        self.identity = {"weights_sha256": str(weights)}

    def embed(self, waves):
        return {"features": levels_of(waves, 4)}


class StubInception:
    """The published network takes 90 MB and knows no tones."""

    name, sample_rate, n_samples = "inception-4", RATE, N_SAMPLES

    def __init__(self, weights, device):
        self.identity = {"weights_sha256": str(weights)}

    def embed(self, waves):
        return {"features": levels_of(waves, 20), "logits": levels_of(waves, 4)}


class StubVGGish:
    """Two windows of 3 values for each note, so that no test needs 288 MB of weights."""

    name, sample_rate, n_samples = "vggish-google", RATE, N_SAMPLES

    def __init__(self, weights, device, *, n_samples):
        self.identity = {"weights_sha256": str(weights), "windows": {"hop": 0.5}}

    def embed(self, waves):
        spectra = torch.fft.rfft(waves).abs()
        return {"windows": torch.stack((spectra[:, 100:400:100], spectra[:, 50:80:10]), dim=1)}


class StubUser:
    """A network of the user's, which hears another rate."""

    def __init__(self, path, device, *, sample_rate, n_samples):
        self.name, self.sample_rate, self.n_samples = f"user-{path.stem}", sample_rate, n_samples
        self.identity = {"weights_sha256": str(path)}

    def embed(self, waves):
        return {"features": levels_of(waves, 2)}


class StubPyin:
    """Hears middle C in everything; the true one takes a tenth of a second a note."""

    name, sample_rate, n_samples = "pyin", RATE, N_SAMPLES
    identity = {"tracker": "stub"}  # noqa: RUF012 - as plain as the protocol allows

    def embed(self, waves):
        return {"f0": torch.full((len(waves), 4), 261.6256)}


class StubNoteSound:
    """Measures that depend on the level alone; the true ones take 0.03 s a note."""

    name, sample_rate, n_samples = "note-sound", RATE, N_SAMPLES
    identity = {"measures": "stub"}  # noqa: RUF012

    def embed(self, waves):
        level = waves.square().mean(1, keepdim=True)
        return {
            "of_pitch": level[:, :, None].expand(-1, 73, 4).clone(),
            "of_note": level.expand(-1, 3).clone(),
            "measured": torch.ones(len(waves), 2),
        }


def use_stubs(monkeypatch, tmp_path):
    """No score command loads a network, and no weights of VGGish are there."""
    monkeypatch.setattr(StubClassifier, "seen", 0)
    monkeypatch.setattr(score_embeddings, "SHIPPED", "shipped")
    monkeypatch.setattr(score_embeddings, "NoteClassifierEmbedding", StubClassifier)
    monkeypatch.setattr(score_embeddings, "InceptionEmbedding", StubInception)
    monkeypatch.setattr(score_embeddings, "MusicnnEmbedding", StubMusicnn)
    monkeypatch.setattr(score_embeddings, "VGGishEmbedding", StubVGGish)
    monkeypatch.setattr(score_embeddings, "UserEmbedding", StubUser)
    monkeypatch.setattr(score_embeddings, "PyinEmbedding", StubPyin)
    monkeypatch.setattr(score_embeddings, "second_tracker", lambda: None)
    monkeypatch.setattr(score_embeddings, "NoteSoundEmbedding", StubNoteSound)
    monkeypatch.setattr(score_embeddings, "VGGISH_WEIGHTS", tmp_path / "no weights")
