"""Layouts and precisions that make a step faster without making it another one."""

import copy

import pytest
import torch

from models.discriminator import Discriminator
from tests.models.small import SHAPE, changed, phase, small_config, small_step, snapshot
from training import training_step

LABELS = torch.tensor([[0], [2], [1], [2]])


@pytest.fixture
def images():
    return torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def channels_last(monkeypatch):
    monkeypatch.setattr(training_step, "LARGE_IMAGE", 1)


def trained(step, images, n_steps=5):
    terms = {}
    for number in range(n_steps):
        terms = step.run(phase(2, iteration=number + 1, alpha=0.5, first_note=4 * number), images, LABELS)
    return terms


def are_channels_last(tensor):
    return tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()


def test_small_images_keep_their_layout():
    assert not any(are_channels_last(each) for each in small_step(small_config()).networks.generator.parameters())


def test_channels_last_is_the_same_step_up_to_rounding(images, request):
    plain = small_step(small_config())
    expected = trained(plain, images)
    request.getfixturevalue("channels_last")
    step = small_step(small_config())
    assert any(are_channels_last(each) for each in step.networks.discriminator.parameters())
    assert trained(step, images) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    before, after = snapshot(plain), snapshot(step)
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, rtol=1e-3, atol=1e-4)


def test_moments_of_another_layout_stay_with_their_weights(images, request):
    plain = small_step(small_config())
    trained(plain, images, 2)
    saved = {name: copy.deepcopy(part.state_dict()) for name, part in plain.optimizers().items()}
    request.getfixturevalue("channels_last")
    step = small_step(small_config())
    for name, network in step.networks.all().items():
        network.load_state_dict(plain.networks.all()[name].state_dict())
    for name, optimizer in step.optimizers().items():
        optimizer.load_state_dict(saved[name])
    step.align_moments()
    for optimizer in step.optimizers().values():
        for parameter, state in optimizer.state.items():
            assert state["exp_avg"].stride() == state["exp_avg_sq"].stride() == parameter.stride()
    expected, found = trained(plain, images, 2), trained(step, images, 2)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    for name, tensor in snapshot(plain).items():
        torch.testing.assert_close(snapshot(step)[name], tensor, rtol=1e-3, atol=1e-4)


def test_bf16_is_near_float32_and_keeps_float32_weights(images):
    exact, fast = small_step(small_config()), small_step(small_config(), bf16=True)
    expected, found = trained(exact, images, 1), trained(fast, images, 1)
    assert found.keys() == expected.keys()
    assert found != expected
    # tiny networks are far from linear: the images differ in their third digit, and slopes at them by more
    for name in ("d_real", "d_fake", "g_fake", "d_classification", "g_classification"):
        assert found[name] == pytest.approx(expected[name], rel=0.15, abs=0.05), name
    assert found["d_gradient_penalty"] == pytest.approx(expected["d_gradient_penalty"], rel=0.3)
    assert {tensor.dtype for tensor in snapshot(fast).values()} == {torch.float32}


def test_bf16_is_the_same_every_time(images):
    first, second = small_step(small_config(), bf16=True), small_step(small_config(), bf16=True)
    trained(first, images)
    trained(second, images)
    assert not changed(snapshot(first), snapshot(second))


@pytest.fixture
def judged(monkeypatch):
    """For each call of the discriminator, whether its images are channels last, and the type that it computes in."""
    original, calls = Discriminator.forward, []

    def watched(self, image, *args, **more):
        judgement = original(self, image, *args, **more)
        calls.append((are_channels_last(image), judgement.critic.dtype))
        return judgement

    monkeypatch.setattr(Discriminator, "forward", watched)
    return calls


@pytest.mark.parametrize(("options", "n_exact"), [({}, 1), ({"logisticGradReal": 1.0}, 2), ({"lambdaGP": 0}, 0)])
def test_penalties_are_computed_in_float32(images, judged, options, n_exact):
    small_step(small_config(**options), bf16=True).run(phase(2), images, LABELS)
    kinds = [kind for _, kind in judged]
    assert kinds.count(torch.float32) == n_exact
    assert kinds.count(torch.bfloat16) == len(kinds) - n_exact > 0


@pytest.mark.usefixtures("channels_last")
@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_all_images_reach_the_discriminator_channels_last(images, judged, alpha):
    small_step(small_config()).run(phase(2, alpha=alpha), images, LABELS)
    # real and generated ones, those in between, and the generator's own turn
    assert [last for last, _ in judged] == [True, True, True]
