"""The shipped classifier of notes: pitch and instrument family from one second, by one small network with two heads.

The pitch head is a salience map: harmonics stacked as channels (Bittner et al. 2017, Deep salience representations for
F0 estimation in polyphonic music), one score for each semitone, pooled over time. The family head is a residual network
(He et al. 2016) on the same first layers.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.nsynth import FAMILIES
from evaluation.embeddings.semitone_spectrogram import (
    BINS_PER_SEMITONE,
    LOWEST_PITCH,
    N_BINS,
    SAMPLE_RATE,
    SemitoneSpectrogram,
)
from evaluation.embeddings.weights import fit_weights, read_weights
from utils.errors import UserError
from utils.files import sha256_of_file

_WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
VERSIONS = {"1": _WEIGHTS / "note_classifier.safetensors", "2": _WEIGHTS / "note_classifier_2.safetensors"}
"""The weights that come with the repository, by name; `note_classifier.md` beside them is their model card."""

DEFAULT_VERSION = "2"
SHIPPED = VERSIONS[DEFAULT_VERSION]
"""The weights that are used unless others are named."""

PITCHES = range(24, 85)
"""MIDI pitch of each pitch logit; the family logits are in the order of `data.nsynth.FAMILIES`."""

N_SAMPLES = 16_000
N_FEATURES = 256
_HARMONICS = (0.5, 1, 2, 3, 4, 5, 6, 7)
_N_SEMITONES = 98
_WIDTH = 64
_N_BANDS = 4
_DROPOUT = 0.3


class NoteLogits(NamedTuple):
    """Output for a batch."""

    features: Tensor  # (B, 256), input of the family head
    pitch: Tensor  # (B, 61)
    family: Tensor  # (B, 11)


class NoteClassifier(nn.Module):
    """Levels of `SemitoneSpectrogram` -> features, pitch logits, family logits."""

    def __init__(self) -> None:
        super().__init__()
        semitones = nn.Conv2d(
            len(_HARMONICS), _WIDTH, (7, 9), stride=(4, BINS_PER_SEMITONE), padding=BINS_PER_SEMITONE, bias=False
        )
        self.stem = nn.Sequential(semitones, nn.BatchNorm2d(_WIDTH), nn.ReLU())
        self.octaves = ResidualBlock(_WIDTH, _WIDTH, dilation=12)
        self.salience = nn.Sequential(nn.Conv2d(_WIDTH, _WIDTH, 1), nn.ReLU(), nn.Conv2d(_WIDTH, 1, 1))
        self.prior = nn.Parameter(torch.zeros(_N_SEMITONES))
        self.timbre = nn.Sequential(
            ResidualBlock(_WIDTH, 2 * _WIDTH, stride=2),
            ResidualBlock(2 * _WIDTH, 2 * _WIDTH),
            ResidualBlock(2 * _WIDTH, 4 * _WIDTH, stride=2),
            ResidualBlock(4 * _WIDTH, 4 * _WIDTH),
        )
        self.embedding = nn.Linear((2 + _N_BANDS) * 4 * _WIDTH, N_FEATURES)
        self.dropout = nn.Dropout(_DROPOUT)
        self.family = nn.Linear(N_FEATURES, len(FAMILIES))

    def forward(self, levels: Tensor) -> NoteLogits:
        """Levels (B, frames, 296) in [0, 2] -> (B, 256), (B, 61), (B, 11)."""
        stacked = stacked_harmonics(levels).contiguous(memory_format=torch.channels_last)
        found = self.octaves(self.stem(stacked))
        pitch = self.salience(found)[:, 0].float().logsumexp(1) + self.prior
        timbre = self.timbre(found)
        bands = F.adaptive_avg_pool2d(timbre, (1, _N_BANDS)).flatten(1)
        pooled = torch.cat([timbre.mean((2, 3)), timbre.amax((2, 3)), bands], 1)
        features = self.embedding(pooled)
        family = self.family(self.dropout(F.relu(features)))
        first = PITCHES.start - LOWEST_PITCH
        return NoteLogits(features.float(), pitch[:, first : first + len(PITCHES)], family.float())


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the sum starts as the shortcut alone."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int = 1, dilation: int = 1) -> None:
        """`dilation` is that of the first convolution along frequency."""
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, (1, dilation), (1, dilation), bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        same = channels_in == channels_out and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)
        nn.init.zeros_(self.convolutions[-1].weight)  # type: ignore[arg-type]  # the batch norm's

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels_out, H / stride, W / stride)."""
        return F.relu(self.shortcut(x) + self.convolutions(x))


def stacked_harmonics(levels: Tensor) -> Tensor:
    """Levels (B, frames, 296) -> (B, 8, frames, 296): channel k has, at each bin, the level at harmonic k of it."""
    octave = 12 * BINS_PER_SEMITONE
    channels = []
    for harmonic in _HARMONICS:
        up = round(octave * float(np.log2(harmonic)))
        channels.append(F.pad(levels[..., max(up, 0) : N_BINS + min(up, 0)], (max(-up, 0), max(up, 0))))
    return torch.stack(channels, 1)


def load_note_classifier(path: Path = SHIPPED) -> NoteClassifier:
    """The network of a file that `evaluation.train_classifier` wrote, in evaluation mode, in float32.

    Raises: UserError if the file is missing, damaged, or of another network.
    """
    weights = read_weights(path)
    with torch.device("meta"):  # its weights are replaced next
        network = NoteClassifier()
    fit_weights(network, weights, path)
    return network.eval()


def named_weights(name: Path) -> Path:
    """The file of the version `name` that is shipped, or else `name` itself. Raises: UserError if there is no file."""
    shipped = VERSIONS.get(str(name))
    if shipped is None and not name.is_file():
        raise UserError(f"classifier {name}: no such weights; give a file, or {' or '.join(VERSIONS)}")
    return shipped or name


class NoteClassifierEmbedding:
    """`features` (B, 256), `pitch_logits` (B, 61), `family_logits` (B, 11) of the first second of each note."""

    name = "note-classifier"
    sample_rate = SAMPLE_RATE
    n_samples = N_SAMPLES

    def __init__(self, weights: Path, device: torch.device) -> None:
        """Raises: UserError if the file `weights` is missing, damaged, or of another network."""
        self.network = load_note_classifier(weights).to(device)
        self.device = device
        self.spectrogram = SemitoneSpectrogram()
        self.identity: dict[str, Any] = {
            "network": "NoteClassifier on SemitoneSpectrogram",
            "weights_sha256": sha256_of_file(weights),
            "precision": "float32",
        }

    def embed(self, waves: Tensor) -> dict[str, Tensor]:
        """Waves (B, 16 000) -> `features`, `pitch_logits`, `family_logits`, on the CPU."""
        found = self.network(self.spectrogram(waves.to(self.device)))
        return {
            "features": found.features.cpu(),
            "pitch_logits": found.pitch.cpu(),
            "family_logits": found.family.cpu(),
        }
