"""The published classifier against logits of the published code; see tests/golden."""

import json

import numpy as np
import pytest
import torch

from audio_transforms import build_transform
from evaluation.embeddings.spectrogram_inception import (
    SpectrogramInception,
    inception_images,
    load_spectrogram_inception,
)
from tests.places import GOLDEN
from utils.config_file import parse_experiment
from utils.errors import UserError

INCEPTION = json.loads((GOLDEN / "spectrogram_inception.json").read_text())
LOGITS = 1e-4  # (27 classes: 6.0e-7, 11 classes: 7.9e-7) of the largest golden logit
BFLOAT16 = 0.02  # (4.2e-3) of the largest logit, under autocast and channels_last


def filled(shapes):
    """Tensors by the golden file's rule."""
    weights, i = {}, 0
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            weights[name] = torch.tensor(0)
            continue
        w = np.random.RandomState(i).standard_normal(int(np.prod(shape)))
        i += 1
        if name.endswith("running_var"):
            w = 1 + 0.5 * np.tanh(w)
        elif name.endswith(("running_mean", "bias")):
            w = 0.1 * w
        elif name.endswith("bn.weight"):
            w = 1 + 0.2 * w
        else:
            w = w * np.sqrt(2 / np.prod(shape[1:]))
        weights[name] = torch.from_numpy(w.reshape(shape).astype(np.float32))
    return weights


@pytest.fixture(scope="module")
def weights():
    return filled(INCEPTION["state_dict_shapes"])


@pytest.fixture(scope="module")
def network(weights):
    network = SpectrogramInception(27)
    network.load_state_dict(weights)
    return network.eval()


@pytest.fixture(scope="module")
def images():
    noise = np.random.RandomState(12345).standard_normal(2 * 299 * 299).reshape(2, 1, 299, 299)
    return torch.from_numpy(noise.astype(np.float32))


def assert_golden(logits, n_classes):
    golden = torch.tensor(INCEPTION[str(n_classes)]["logits"])
    assert logits.shape == golden.shape
    assert (logits - golden).abs().max() <= LOGITS * golden.abs().max()


@pytest.mark.parametrize("n_classes", [11, 27])
def test_names_shapes_and_their_order_are_the_published_ones(n_classes):
    with torch.device("meta"):
        network = SpectrogramInception(n_classes)
    shapes = INCEPTION["state_dict_shapes"] | {"fc.weight": [n_classes, 2048], "fc.bias": [n_classes]}
    assert [(name, list(tensor.shape)) for name, tensor in network.state_dict().items()] == list(shapes.items())
    assert sum(parameter.numel() for parameter in network.parameters()) == INCEPTION[str(n_classes)]["parameters"]


@torch.no_grad()
def test_logits_equal_the_published_ones(network, images):
    features, logits = network(images)
    assert_golden(logits, 27)
    assert features.shape == (2, 2048)
    torch.testing.assert_close(network.fc(features), logits)
    # the fill rule gives the first 11 classes the same weights; only their biases are others
    seed = sum(not name.endswith("num_batches_tracked") for name in INCEPTION["state_dict_shapes"]) - 1
    bias = torch.from_numpy(0.1 * np.random.RandomState(seed).standard_normal(11)).float()
    assert_golden(features @ network.fc.weight[:11].T + bias, 11)


@torch.no_grad()
def test_half_precision_in_channels_last_stays_near(network, images):
    small = images[:, :, :107, :107]  # some processors compute it in bfloat16 far slower
    with torch.autocast("cpu", torch.bfloat16):
        features, logits = network(small.contiguous(memory_format=torch.channels_last))
    assert features.shape == (2, 2048)
    exact = network(small).logits
    assert (logits.float() - exact).abs().max() <= BFLOAT16 * exact.abs().max()


def test_every_weight_gets_a_gradient():
    network = SpectrogramInception(5).train()
    network(torch.randn(2, 1, 75, 75)).logits.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())


def test_images_are_the_nearest_bins_and_frames_of_the_log_magnitude():
    raw = {"name": "images", "output_path": ".", "loaderConfig": {"data_path": "."}}
    model = {"downSamplingFactor": [[2, 2], [1, 1]], "depthScales": [4, 4], "maxIterAtScale": [1, 1]}
    geometry = {"transform": "specgrams", "fft_size": 1024, "hop_size": 256, "n_frames": 64}
    experiment = parse_experiment(raw | {"transformConfig": geometry, "modelConfig": model}, "images")
    transform = build_transform(experiment.transform)
    log_magnitude = transform(torch.randn(2, transform.n_samples))[:, 0]
    assert log_magnitude.shape == (2, 512, 64)
    images = inception_images(log_magnitude)
    rows, columns = np.arange(299) * 512 // 299, np.arange(299) * 64 // 299
    assert torch.equal(images, log_magnitude[:, rows][:, :, columns][:, None])


def test_a_published_file_is_read_with_as_many_classes_as_it_has(tmp_path, weights, network, images):
    path = tmp_path / "pitch.pt"
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in weights.items()}}, path)
    loaded = load_spectrogram_inception(path)
    assert not loaded.training
    assert loaded.state_dict().keys() == network.state_dict().keys()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in loaded.state_dict().items())
    assert loaded.fc.out_features == 27


def test_a_file_of_another_network_is_refused(tmp_path):
    path = tmp_path / "other.pt"
    torch.save({"fc.bias": torch.zeros(3)}, path)
    with pytest.raises(UserError, match=r"other\.pt: not the weights of SpectrogramInception: lacks fc\.weight"):
        load_spectrogram_inception(path)
