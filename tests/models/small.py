"""Small networks for tests, described in the published keys."""

import json

import torch

from models.growth import Phase
from models.networks import build_networks
from training.training_step import TrainingStep
from utils.config import ModelConfig

CPU = torch.device("cpu")
SHAPE = (2, 11, 7)
SMALL = {
    "downSamplingFactor": [[4, 3], [2, 3], [1, 1]],
    "depthScales": [4, 3, 2],
    "maxIterAtScale": [4, 5, 6],
    "alphaNJumps": [0, 2, 2],
    "alphaSizeJumps": [1, 2, 2],
    "miniBatchSize": 4,
    "dimLatentVector": 5,
}


def small_config(**published):
    """Three uneven scales of images (11, 7); `published` keys replace its own."""
    return ModelConfig.model_validate_json(json.dumps(SMALL | published))


def small_networks(config, n_values=(3,), shape=SHAPE, seed=0):
    return build_networks(config, shape, n_values, seed=seed, device=CPU)


def small_step(config, n_values=(3,), seed=0, classified_fakes=None, shape=SHAPE, **options):
    counted = [True] * len(n_values) if classified_fakes is None else classified_fakes
    networks = small_networks(config, n_values, shape, seed)
    return TrainingStep(config, networks, classified_fakes=counted, seed=seed, device=CPU, **options)


def phase(scale, *, iteration=1, alpha=0.0, batch_size=4, first_note=0):
    return Phase(scale, iteration, alpha, batch_size, first_note)


def snapshot(step):
    """Copies of all weights and optimiser entries of a `TrainingStep`."""
    tensors = {
        f"{name}.{key}": value.clone()
        for name, network in step.networks.all().items()
        for key, value in network.state_dict().items()
    }
    for name, optimizer in step.optimizers().items():
        for index, entry in optimizer.state_dict()["state"].items():
            tensors |= {f"{name}.{index}.{key}": value.clone() for key, value in entry.items()}
    return tensors


def changed(before, after):
    """Names of the tensors that differ in a bit."""
    names = {*before, *after}
    return {name for name in names if not (name in before and name in after and torch.equal(before[name], after[name]))}
