"""The published networks as embeddings of notes: waveform in, arrays out."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audio_transforms.mag import MagIF, MagIFConfig
from evaluation.embeddings.spectrogram_inception import inception_images, load_spectrogram_inception
from evaluation.embeddings.vggish import load_vggish, sha256_of_weights
from evaluation.embeddings.vggish_front_end import GOOGLE, SAMPLE_RATE, VGGishExamples
from utils.files import sha256_of_file

SPECTROGRAM = {"transform": "mag-if", "fft_size": 1024, "win_size": 1024, "hop_size": 256, "n_frames": 64}


class InceptionEmbedding:
    """`features` (B, 2048) and `logits` (B, n_classes) of the published classifier, from the first 16 383 samples."""

    sample_rate = SAMPLE_RATE

    def __init__(self, weights: Path, device: torch.device) -> None:
        """Raises: UserError if the file `weights` is missing, damaged, or of another network."""
        self.network = load_spectrogram_inception(weights).to(device)
        self.n_classes = self.network.fc.out_features
        self.name = f"inception-{self.n_classes}"
        self.device = device
        self.spectrogram = MagIF(MagIFConfig.model_validate(SPECTROGRAM))
        self.n_samples = self.spectrogram.n_samples
        self.identity: dict[str, Any] = {
            "network": "spectrogram Inception-v3, as published",
            "weights_sha256": sha256_of_file(weights),
            "spectrogram": SPECTROGRAM,
            "precision": "float32",
        }

    def embed(self, waves: Tensor) -> dict[str, Tensor]:
        """Waves (B, n_samples) -> `features` and `logits`, on the CPU."""
        log_magnitude = self.spectrogram(waves.to(self.device))[:, 0]
        found = self.network(inception_images(log_magnitude))
        return {"features": found.features.cpu(), "logits": found.logits.cpu()}


class VGGishEmbedding:
    """`windows` (B, n, 128) of VGGish: those of google-research's FAD, 1 s long every 0.5 s, level rule included."""

    sample_rate = SAMPLE_RATE
    name = "vggish-google"

    def __init__(self, weights: Path, device: torch.device, *, n_samples: int) -> None:
        """`n_samples` of each note are heard; `weights` as `load_vggish` reads them. Raises: UserError likewise."""
        network = load_vggish(weights)
        self.device, self.n_samples = device, n_samples
        self.examples = VGGishExamples(GOOGLE, pad=True)
        self.identity: dict[str, Any] = {
            "network": "VGGish, 128 values before any activation",
            "weights_sha256": sha256_of_weights(network),
            "windows": {"length": GOOGLE.length, "hop": GOOGLE.hop, "level_floor": GOOGLE.level_floor},
            "precision": "float32",
        }
        self.network = network.to(device)  # now, since hashing its 288 MB would fetch them back

    def embed(self, waves: Tensor) -> dict[str, Tensor]:
        """Waves (B, n_samples) -> `windows` (B, n, 128), on the CPU; notes shorter than a window are padded."""
        examples = self.examples(waves.to(self.device))
        return {"windows": self.network(examples.flatten(0, 1)).unflatten(0, examples.shape[:2]).cpu()}
