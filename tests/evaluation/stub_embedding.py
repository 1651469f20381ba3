"""A stand-in for the note classifier: fixed random projections of the spectrum, quick, and deterministic."""

import torch


class StubClassifier:
    name = "note-classifier"
    sample_rate = 16_000
    n_samples = 2_000
    identity = {"network": "stub"}  # noqa: RUF012 - as plain as the protocol allows

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        sizes = {"features": 6, "pitch_logits": 61, "family_logits": 11}
        self.projections = {name: torch.randn(1001, size, generator=generator) / 8 for name, size in sizes.items()}
        self.heard = 0  # notes

    def embed(self, waves):
        self.heard += len(waves)
        assert waves.shape[1] == self.n_samples
        spectrum = torch.fft.rfft(waves).abs().log1p()
        return {name: spectrum @ projection for name, projection in self.projections.items()}
