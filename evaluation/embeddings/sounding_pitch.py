"""Which fundamental is heard in a note, frame by frame: the tracks of librosa's pyin, kept like any embedding."""

from importlib.metadata import version
from typing import Any

import librosa
import torch
from torch import Tensor

LOWEST_HZ, HIGHEST_HZ = 65.0, 2100.0
FRAME_LENGTH = 1024  # samples


class PyinEmbedding:
    """`f0` (B, frames) in Hz, 0 in unvoiced frames, of the first 0.7 s of each note.

    Networks of one second learn notes that fade out behind that. A note takes a tenth to a fifth of a second.
    Source: Mauch and Dixon 2014, pYIN: a fundamental frequency estimator using probabilistic threshold distributions.
    """

    name = "pyin"
    sample_rate = 16_000
    n_samples = 11_468  # 70 % of such a network's 16 383

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {"fmin": LOWEST_HZ, "fmax": HIGHEST_HZ, "frame_length": FRAME_LENGTH}
        self.identity: dict[str, Any] = {"tracker": "librosa.pyin", "librosa": version("librosa"), **self.settings}

    def embed(self, waves: Tensor) -> dict[str, Tensor]:
        """Waves (B, 11 468) -> `f0`, with a frame every 256 samples."""
        tracks, _, _ = librosa.pyin(waves.numpy(), sr=self.sample_rate, fill_na=0.0, **self.settings)
        return {"f0": torch.from_numpy(tracks).float()}
