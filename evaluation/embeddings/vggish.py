"""VGGish: the network whose embeddings the Frechet audio distance compares.

Source: Hershey et al. 2017, CNN Architectures for Large-Scale Audio Classification, and the network's release with
AudioSet; as the embedding of a Frechet distance, Kilgour et al. 2019.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evaluation.embeddings.tensorflow_weights import is_tensorflow, read_variables
from evaluation.embeddings.vggish_front_end import EXAMPLE_FRAMES, N_MELS
from evaluation.embeddings.weights import Weights, first_of, fit_weights, read_weights
from utils.errors import UserError

N_FEATURES = 128

VGGISH_WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "vggish.safetensors"
"""Where `python -m evaluation.download vggish` keeps the weights, which are not shipped."""

TF_LAYERS = {
    "vggish/conv1": "features.0",
    "vggish/conv2": "features.3",
    "vggish/conv3/conv3_1": "features.6",
    "vggish/conv3/conv3_2": "features.8",
    "vggish/conv4/conv4_1": "features.11",
    "vggish/conv4/conv4_2": "features.13",
    "vggish/fc1/fc1_1": "embeddings.0",
    "vggish/fc1/fc1_2": "embeddings.2",
    "vggish/fc2": "embeddings.4",
}
"""The original's layers, whose variables are `weights` and `biases`, and ours."""

_VARIABLES = [f"{layer}/{kind}" for layer in TF_LAYERS for kind in ("weights", "biases")]


class VGGish(nn.Module):
    """Log-mel examples (B, 96, 64) -> embeddings (B, 128), before any activation; 72.1 million parameters.

    Neither the ReLU that some ports put after the last layer, nor the PCA and the quantisation of AudioSet's release.
    The state dict has the names and the order of the widespread torch port (harritaylor/torchvggish), whose file it
    reads.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(1, 64),
            nn.MaxPool2d(2),
            *_convolution(64, 128),
            nn.MaxPool2d(2),
            *_convolution(128, 256),
            *_convolution(256, 256),
            nn.MaxPool2d(2),
            *_convolution(256, 512),
            *_convolution(512, 512),
            nn.MaxPool2d(2),
        )
        self.embeddings = nn.Sequential(
            nn.Linear(EXAMPLE_FRAMES // 16 * (N_MELS // 16) * 512, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, N_FEATURES),
        )

    def forward(self, examples: Tensor) -> Tensor:
        """Log-mel examples (B, 96, 64) -> (B, 128)."""
        maps = self.features(examples[:, None])
        flat = maps.permute(0, 2, 3, 1).flatten(1)  # time, band, channel: the order of the original's first full layer
        embedding: Tensor = self.embeddings(flat)
        return embedding


def load_vggish(path: Path) -> VGGish:
    """The network in evaluation mode, from any of the forms in which its weights are published.

    They are a state dict (`.pth`, or `.safetensors` as `evaluation.download` writes it); the original checkpoint
    `vggish_model.ckpt`, one file or the prefix of several; and the folder of a SavedModel, as TF-Hub has it. The last
    two need tensorflow. Raises: UserError if `path` is missing, damaged, or of another network, or without tensorflow.
    """
    if is_tensorflow(path):
        weights = weights_from_tensorflow(read_variables(path, _VARIABLES), path)
    else:
        weights = read_weights(path)
    with torch.device("meta"):  # its weights are replaced next
        network = VGGish()
    fit_weights(network, weights, path)
    return network.eval()


def weights_from_tensorflow(variables: Mapping[str, NDArray[np.floating]], path: Path) -> Weights:
    """Variables of the checkpoint at `path`, `vggish/conv1/weights` and so on, -> our state dict, in float32.

    Kernels (height, width, in, out) become (out, in, height, width), matrices (in, out) become (out, in).
    Raises: UserError naming variables that are not there.
    """
    missing = [name for name in _VARIABLES if name not in variables]
    if missing:
        raise UserError(f"{path}: not the variables of VGGish: lacks {first_of(missing)}; give the original checkpoint")
    weights = {}
    for layer, ours in TF_LAYERS.items():
        kernel = np.asarray(variables[f"{layer}/weights"], dtype=np.float32)
        to_torch = (3, 2, 0, 1) if kernel.ndim == 4 else (1, 0)
        weights[f"{ours}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel.transpose(to_torch)))
        weights[f"{ours}.bias"] = torch.tensor(variables[f"{layer}/biases"], dtype=torch.float32)
    return weights


def sha256_of_weights(network: nn.Module) -> str:
    """SHA-256 over the names and the values of the network's tensors, in the order of the names.

    It is that of the network, whichever form of file it came from: scores with the same weights can be compared.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype};".encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _convolution(channels_in: int, channels_out: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.ReLU(inplace=True)
