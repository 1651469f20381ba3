"""Every option of modelConfig that is not at its default trains through the script, and resumes with it."""

import pytest
import torch

from models.checkpoint import find_checkpoint
from tests.training_runs import final_state, run

OPTIONS = {
    "labels by frequency": {"fakeLabels": "frequency"},
    "MSE": {"lossMode": "MSE"},
    "DCGAN": {"lossMode": "DCGAN"},
    "Logistic with its penalty": {"lossMode": "Logistic", "lambdaGP": 0, "logisticGradReal": 10},
    "Hinge with R1": {"lossMode": "Hinge", "lambdaGP": 0, "logisticGradReal": 1.0},
    "R1 beside WGAN-GP": {"logisticGradReal": 1.0},
    "no drift": {"epsilonD": 0},
    "GDPP": {"GDPP": True, "GDPP_weight": 0.5},
    "soft labels": {"soft_labels": True},
    "mixture": {"mix_true_fake": True, "true_fake_split": 0.5, "mix_true_fake_scale": 1},
    "ratio": {"iter_D_G_ratio": 2},
    "no pixel norm": {"perChannelNormalization": False},
    "no pixel norm, gansynth": {"perChannelNormalization": False, "formatLayerType": "gansynth"},
    "biases not zero": {"initBiasToZero": False},
    "no stddev": {"miniBatchStdDev": False},
    "no equalised rate": {"equalizedlR": False},
    "output skips": {"outputSkips": True, "upsampling": "linear"},
    "later start": {"startScale": 1},
    "sizes by scale": {"miniBatchSize": 4, "miniBatchScheduler": {"1": 3}},
    "changes by scale": {"configScheduler": {"1": {"lossMode": "Hinge", "baseLearningRate": 1e-4, "emaDecay": 0.9}}},
    "half-life": {"emaHalfLife": 50.0},
    "uniform labels": {"fakeLabels": "uniform"},
    "augmentation": {"augmentProbability": 0.5},
    "adaptive augmentation": {"lossMode": "Logistic", "augmentTarget": 0.6},
}


@pytest.fixture(scope="module")
def plain():
    """Where the last checkpoint of the run without any option is kept."""
    return []


@pytest.fixture
def two_scales(experiment_dict, write_config, _no_previews):
    """A runner of the tiny experiment, cut to two scales of one step each, with an option on."""
    experiment_dict["modelConfig"] |= {
        "downSamplingFactor": [[2, 2], [1, 1]],
        "maxIterAtScale": [1, 1],
        "alphaNJumps": [0, 0],
        "alphaSizeJumps": [1, 1],
        "depthScales": [4, 4],
        "miniBatchSize": [4, 4],
    }

    def trained(name, published):
        path, folder = write_config(name, modelConfig=published)
        assert run(path) == 0
        return find_checkpoint(folder), final_state(folder)

    return trained


def same(state, other):
    """Whether two checkpoints hold the same numbers."""
    kept = [{**part["generator"], **part["discriminator"], **part["ema"]} for part in (state, other)]
    return kept[0].keys() == kept[1].keys() and all(torch.equal(kept[0][key], kept[1][key]) for key in kept[0])


@pytest.mark.parametrize("published", OPTIONS.values(), ids=OPTIONS)
def test_option_trains_makes_a_difference_and_resumes_exactly(published, two_scales, plain):
    if not plain:
        plain.append(two_scales("without", {})[1])
    newest, state = two_scales("with", published)
    assert state["scale"] == 1
    assert not same(state, plain[0])
    newest.unlink()
    again, resumed = two_scales("with", published)
    assert again == newest
    assert same(resumed, state)
