"""VGGish against embeddings of the original graph; see tests/golden."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluation.embeddings.vggish import TF_LAYERS, VGGish, sha256_of_weights, weights_from_tensorflow
from evaluation.embeddings.weights import fit_weights
from tests.places import GOLDEN

SHAPES = dict(json.loads((GOLDEN / "vggish.json").read_text())["variables_in_order"])
EMBEDDING = 1e-4  # (1.3e-6) of the largest golden value
PATH = Path("vggish.ckpt")
BFLOAT16 = 0.03  # (9.8e-3) likewise, under autocast


def filled(shapes):
    """Variables by the golden file's rule."""
    variables = {}
    for i, (name, shape) in enumerate(shapes.items()):
        w = np.random.RandomState(i).standard_normal(int(np.prod(shape)))
        w *= 0.1 if name.endswith("biases") else np.sqrt(2 / np.prod(shape[:-1]))  # in place: 400 MB
        variables[name] = w.astype(np.float32).reshape(shape)
    return variables


@pytest.fixture(scope="module")
def network():
    """Built once: 72 million parameters."""
    with torch.device("meta"):
        network = VGGish()
    fit_weights(network, weights_from_tensorflow(filled(SHAPES), PATH), PATH)
    return network.eval()


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "vggish_synthetic.npz") as arrays:
        return torch.from_numpy(arrays["network/input_log_mel"]), torch.from_numpy(arrays["network/embedding"])


@torch.no_grad()
def test_embeddings_equal_the_original(network, golden):
    examples, expected = golden
    embedding = network(examples)
    assert embedding.shape == (2, 128)
    assert (embedding < 0).any()  # before any activation
    assert (embedding - expected).abs().max() <= EMBEDDING * expected.abs().max()


@torch.no_grad()
def test_half_precision_stays_near(network, golden):
    examples, expected = golden
    with torch.autocast("cpu", torch.bfloat16):
        embedding = network(examples[:1]).float()
    assert (embedding - expected[:1]).abs().max() <= BFLOAT16 * expected.abs().max()


def test_names_and_shapes_are_those_of_the_torch_port():
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in VGGish().state_dict().items()}
    assert sum(np.prod(shape) for shape in shapes.values()) == sum(np.prod(shape) for shape in SHAPES.values())
    assert [name for name in shapes if name.endswith("weight")] == [f"{ours}.weight" for ours in TF_LAYERS.values()]
    assert shapes["features.13.weight"] == (512, 512, 3, 3)
    assert shapes["embeddings.0.weight"] == (4096, 12_288)
    assert shapes["embeddings.4.bias"] == (128,)


def test_the_hash_is_of_names_and_values_alone():
    def linear(name="layer", bias=0.5):
        layer = torch.nn.Linear(2, 3)
        torch.nn.init.ones_(layer.weight)
        torch.nn.init.constant_(layer.bias, bias)
        return torch.nn.ModuleDict({name: layer})

    transposed = linear()
    transposed["layer"].weight = torch.nn.Parameter(torch.ones(2, 3).T)  # another order in memory
    same = {sha256_of_weights(network) for network in (linear(), transposed)}
    assert len(same) == 1
    assert not same & {sha256_of_weights(linear(name="other")), sha256_of_weights(linear(bias=0.25))}
