import math
from typing import get_args

import pytest
import torch

from training.adversarial_losses import ADVERSARIAL_LOSSES
from utils.scale_options import ScaleOptions

CRITIC = [1.0, -2.0, 0.5, 3.0]


def mean(function):
    return sum(function(value) for value in CRITIC) / len(CRITIC)


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


# discriminator over real, discriminator over generated, generator: as the papers write them
BY_HAND = {
    "WGANGP": (-2.5, 2.5, -2.5),
    "MSE": (
        mean(lambda v: (sigmoid(v) - 1) ** 2),
        mean(lambda v: sigmoid(v) ** 2),
        mean(lambda v: (sigmoid(v) - 1) ** 2),
    ),
    "DCGAN": (
        mean(lambda v: -math.log(sigmoid(v))),
        mean(lambda v: -math.log(1 - sigmoid(v))),
        mean(lambda v: -math.log(sigmoid(v))),
    ),
    "Logistic": (
        mean(lambda v: math.log(1 + math.exp(-v))),
        mean(lambda v: math.log(1 + math.exp(v))),
        mean(lambda v: math.log(1 + math.exp(-v))),
    ),
    "Hinge": ((0 + 3 + 0.5 + 0) / 4, (2 + 0 + 1.5 + 4) / 4, -2.5 / 4),
}
EVERY_LOSS = pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)


@EVERY_LOSS
def test_loss_equals_its_closed_form(name):
    loss = ADVERSARIAL_LOSSES[name]
    critic = torch.tensor(CRITIC, dtype=torch.float64)
    found = [part(critic).item() for part in (loss.real, loss.fake, loss.generator)]
    assert found == pytest.approx(BY_HAND[name], rel=1e-12)


@EVERY_LOSS
def test_batch_is_summed_for_wasserstein_alone(name):
    loss, critic = ADVERSARIAL_LOSSES[name], torch.tensor(CRITIC)
    growth = 2 if name == "WGANGP" else 1
    for part in (loss.real, loss.fake, loss.generator):
        assert part(critic.repeat(2)).item() == pytest.approx(growth * part(critic).item(), rel=1e-6)
    assert loss.over_batch(torch.tensor(8.0), 4) == (8 if name == "WGANGP" else 2)


@EVERY_LOSS
def test_values_far_out_stay_finite(name):
    loss, far = ADVERSARIAL_LOSSES[name], torch.tensor([-500.0, 500.0])
    assert all(part(far).isfinite() for part in (loss.real, loss.fake, loss.generator))


def test_config_names_exactly_these_losses():
    assert set(get_args(ScaleOptions.model_fields["loss_mode"].annotation)) == set(ADVERSARIAL_LOSSES)
