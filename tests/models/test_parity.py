"""The networks and losses against arrays made by the published code; see tests/golden."""

import json

import numpy as np
import pytest
import torch

from models.discriminator import Discriminator
from models.generator import Generator
from models.geometry import scale_sizes
from models.published_weights import our_name
from tests.places import GOLDEN
from training.adversarial_losses import ADVERSARIAL_LOSSES
from training.losses import classification_loss, drift_loss, gradient_penalty
from utils.config import ModelConfig

RELATIVE = 1e-5
RELATIVE_GRADIENT = 3e-5
"""The golden float32 gradients of the penalty are themselves up to 1.5e-5 away from a float64 computation."""


def golden_cases():
    for path in sorted(GOLDEN.glob("pggan_*.json")):
        card = json.loads(path.read_text())
        for case in card["cases"]:
            yield pytest.param(path.with_suffix(".npz"), card, case, id=f"{path.stem}/{case['key']}")


def model_config(card):
    config = {key: value for key, value in card["config"].items() if key not in ("n_classes", "output_shape")}
    config["maxIterAtScale"] = [1] * len(config["downSamplingFactor"])
    config["output_shape"] = card["config"]["output_shape"]
    return ModelConfig.model_validate_json(json.dumps(config))


def build(network_type, card):
    config, shape = model_config(card), tuple(card["config"]["output_shape"])
    n_conditions = card["config"]["n_classes"]
    return network_type(config, n_conditions=n_conditions, channels=shape[0], sizes=scale_sizes(config, shape))


def load_published(network, arrays, prefix):
    state = {
        our_name(key.removeprefix(prefix)): torch.from_numpy(arrays[key]) for key in arrays if key.startswith(prefix)
    }
    assert not network.load_state_dict(state, strict=False).unexpected_keys


def assert_same(actual, golden, floor=0.0, relative=RELATIVE):
    """Equal to `relative` in the L2 norm, and to 1e-4 of the golden maximum at every single element.

    Pixel norm divides by small numbers here and there: the golden float32 arrays themselves are up to 5e-5 of their
    maximum away from a float64 computation at a few elements. `floor` bounds the scale from below.
    """
    golden = torch.as_tensor(golden)
    scale = max(float(golden.abs().max()), floor)
    torch.testing.assert_close(actual, golden, rtol=0, atol=1e-4 * scale)
    assert torch.linalg.norm(actual - golden) <= relative * max(float(torch.linalg.norm(golden)), scale)


@pytest.fixture(scope="module")
def load_arrays():
    loaded = {}
    return lambda path: loaded.setdefault(path, dict(np.load(path)))


def test_gansynth_format_has_its_own_slope(load_arrays):
    """Leakyness 0.02; all other golden cases have 0.2, at which it makes no difference."""
    path = GOLDEN / "gansynth_leakyness.npz"
    card, arrays = json.loads(path.with_suffix(".json").read_text()), load_arrays(path)
    assert card["config"]["leakyness"] == 0.02
    assert len(card["cases"]) == 5
    for case in card["cases"]:
        generator = build(Generator, card)
        load_published(generator, arrays, f"s{case['scales']}/G/")
        image = generator(
            torch.from_numpy(arrays[f"{case['key']}/latent_with_onehot"]), case["scales"] - 1, case["alpha"]
        )
        assert_same(image, arrays[f"{case['key']}/generated"])


@pytest.mark.parametrize(("path", "card", "case"), list(golden_cases()))
def test_networks_and_losses_equal_the_published_ones(path, card, case, load_arrays):
    arrays = load_arrays(path)
    scale, alpha, key = case["scales"] - 1, case["alpha"], case["key"]
    generator, discriminator = build(Generator, card), build(Discriminator, card)
    load_published(generator, arrays, f"s{scale + 1}/G/")
    load_published(discriminator, arrays, f"s{scale + 1}/D/")

    fake = generator(torch.from_numpy(arrays[f"{key}/latent_with_onehot"]), scale, alpha)
    assert_same(fake, arrays[f"{key}/generated"])

    fake, real = (torch.from_numpy(arrays[f"{key}/{name}"]) for name in ("generated", "real"))
    of_real, of_fake = discriminator(real, scale, alpha), discriminator(fake, scale, alpha)
    assert_same(torch.cat((of_real.logits, of_real.critic[:, None]), 1), arrays[f"{key}/d_real_outputs"])
    assert_same(of_real.feature, arrays[f"{key}/d_real_feature"])
    assert_same(torch.cat((of_fake.logits, of_fake.critic[:, None]), 1), arrays[f"{key}/d_fake_outputs"])

    def relative(value):
        return pytest.approx(value, rel=RELATIVE)

    published = ADVERSARIAL_LOSSES["WGANGP"]
    assert published.real(of_real.critic).item() == relative(case["wgan_real_sum"])
    assert published.fake(of_fake.critic).item() == relative(case["wgan_fake_sum"])
    assert drift_loss(of_real.critic).item() == relative(case["drift_sum_eps1"])
    if "labels" in case:
        labels = torch.tensor(case["labels"])[:, None]
        loss = classification_loss(of_real.logits, labels, [card["config"]["n_classes"]])
        assert loss.item() == relative(case["ac_cross_entropy_mean_real"])

    mix = torch.from_numpy(arrays[f"{key}/gp_interp_alpha"])[:, 0]
    penalty, norm = gradient_penalty(lambda x: discriminator(x, scale, alpha).critic, real, fake, mix)
    weighted = card["config"]["lambdaGP"] * penalty
    assert weighted.item() == relative(case["gradient_penalty_sum"])
    assert norm.item() == relative(case["lipschitz_max"])
    weighted.backward()
    parameters = dict(discriminator.named_parameters())
    gradients = {name: arrays[name] for name in arrays if name.startswith(f"{key}/gp_grad/")}
    largest = max(float(np.abs(gradient).max()) for gradient in gradients.values())
    assert len(gradients) >= 6
    for name, golden in gradients.items():
        gradient = parameters[our_name(name.removeprefix(f"{key}/gp_grad/"))].grad
        assert_same(gradient, golden, floor=0.1 * largest, relative=RELATIVE_GRADIENT)
