"""musicnn: a network that learned the tags of music, and hears notes without having learned from any of ours.

Its first layers are filters made for music: narrow in time and wide in frequency for timbre, long in time for rhythm.
Source: Pons and Serra 2019, musicnn: pre-trained convolutional neural networks for music audio tagging; the network is
that of Pons et al. 2018, End-to-end learning for music audio tagging at scale.
"""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evaluation.embeddings.musicnn_front_end import SAMPLE_RATE, LogMel
from evaluation.embeddings.weights import fit_weights, read_weights
from utils.files import sha256_of_file

MUSICNN_WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "musicnn.safetensors"
"""The weights that come with the repository; `musicnn.md` beside them is their model card."""

N_SAMPLES = 16_000
N_FEATURES = 200
_TIMBRAL, _TEMPORAL, _MIDDLE = 204, 51, 64  # filters of each convolution
_TIMBRAL_BANDS = (38, 67)  # height of its filters
_TEMPORAL_FRAMES = (128, 64, 32)  # length of its filters
_EPSILON = 1e-3  # TensorFlow's, of batch normalisation
_NOTES_AT_ONCE = 8  # a CPU takes 1.4 times as long for 32, whose maps do not fit its caches


class Musicnn(nn.Module):
    """Log-mel spectrograms (B, frames, 96) -> features (B, 200) of the last hidden layer; 0.78 million parameters.

    Any number of frames will do: convolutions are padded with zeros to keep it, and pooling is over all of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm2d(1, _EPSILON)
        timbral = [_Filters(_TIMBRAL, frames=7, bands=bands) for bands in _TIMBRAL_BANDS]
        temporal = [_Filters(_TEMPORAL, frames=frames, bands=1) for frames in _TEMPORAL_FRAMES]
        self.first = nn.ModuleList([*timbral, *temporal])
        n_first = len(timbral) * _TIMBRAL + len(temporal) * _TEMPORAL
        self.middle = nn.ModuleList([_Convolution(n_in) for n_in in (n_first, _MIDDLE, _MIDDLE)])
        n_pooled = 2 * (n_first + len(self.middle) * _MIDDLE)
        self.last = nn.Sequential(
            nn.BatchNorm1d(n_pooled, _EPSILON),
            nn.Linear(n_pooled, N_FEATURES),
            nn.ReLU(),
            nn.BatchNorm1d(N_FEATURES, _EPSILON),
        )

    def forward(self, log_mel: Tensor) -> Tensor:
        """Log-mel spectrograms (B, frames, 96) -> (B, 200)."""
        x = self.normalise(log_mel[:, None])
        first = torch.cat([filters(x) for filters in self.first], dim=1)
        found = [first, self.middle[0](first)]
        for convolution in self.middle[1:]:
            found.append(found[-1] + convolution(found[-1]))
        maps = torch.cat(found, dim=1)
        pooled = torch.stack([maps.amax(dim=2), maps.mean(dim=2)], dim=2)  # in turn, as the original flattens them
        features: Tensor = self.last(pooled.flatten(1))
        return features


class _Filters(nn.Module):
    """Convolution over frames and bands, and the strongest of all positions along the bands."""

    def __init__(self, n_out: int, *, frames: int, bands: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, n_out, (frames, bands))
        self.norm = nn.BatchNorm1d(n_out, _EPSILON)
        self.margins = ((frames - 1) // 2, frames // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, frames, 96) -> (B, n_out, frames)."""
        lowest, highest = self.convolution(F.pad(x, (0, 0, *self.margins))).aminmax(dim=3)
        # The norm, which rises or falls with its input, is highest at one of both ends: it need not see the rest.
        return torch.maximum(self.norm(F.relu(lowest)), self.norm(F.relu(highest)))


class _Convolution(nn.Module):
    """Convolution over 7 frames and all channels."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(n_in, _MIDDLE, 7, padding=3)
        self.norm = nn.BatchNorm1d(_MIDDLE, _EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, frames) -> (B, 64, frames)."""
        found: Tensor = self.norm(F.relu(self.convolution(x)))
        return found


def load_musicnn(path: Path = MUSICNN_WEIGHTS) -> Musicnn:
    """The network in evaluation mode, in float32. Raises: UserError if the file is missing, damaged, or of another."""
    weights = read_weights(path)
    with torch.device("meta"):  # its weights are replaced next
        network = Musicnn()
    fit_weights(network, weights, path)
    return network.eval()


class MusicnnEmbedding:
    """`features` (B, 200) of the first second of each note."""

    name = "musicnn"
    sample_rate = SAMPLE_RATE
    n_samples = N_SAMPLES

    def __init__(self, weights: Path, device: torch.device) -> None:
        """Raises: UserError if the file `weights` is missing, damaged, or of another network."""
        self.network = load_musicnn(weights).to(device)
        self.device = device
        self.log_mel = LogMel()
        self.identity: dict[str, Any] = {
            "network": "musicnn, 200 values of the last hidden layer",
            "weights_sha256": sha256_of_file(weights),
            "precision": "float32",
        }

    def embed(self, waves: Tensor) -> dict[str, Tensor]:
        """Waves (B, 16 000) -> `features` (B, 200), on the CPU."""
        parts = torch.split(self.log_mel(waves.to(self.device)), _NOTES_AT_ONCE)
        return {"features": torch.cat([self.network(part) for part in parts]).cpu()}
