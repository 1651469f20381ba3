"""The step against a plain one in the published order: the same mathematics, whatever is left out or folded."""

import pytest
import torch

from benchmarks import published_step
from benchmarks.published_step import PublishedStep
from models.growth import GrowthSchedule
from tests.models.small import SHAPE, small_config, small_step
from training import training_step

EVEN = (2, 16, 8)
HALVES = {"downSamplingFactor": [[4, 4], [2, 2], [1, 1]]}
IN_TIME = {"downSamplingFactor": [[1, 4], [1, 2], [1, 1]]}
CASES = [
    ({}, SHAPE),
    (HALVES, EVEN),
    (IN_TIME, EVEN),
    (HALVES | {"miniBatchStdDev": False, "generationActivation": "tanh"}, EVEN),
    (HALVES | {"baseLearningRate": [2e-3, 5e-4], "depthScales": [[4, 5], [3, 4], [2, 3]]}, EVEN),
    ({"lambdaGP": 3.0, "epsilonD": 0.7, "weightConditionD": 2.0, "weightConditionG": 5.0}, SHAPE),
]
N_VALUES = (3, 2)


@pytest.fixture
def in_double(monkeypatch):
    for module in (training_step, published_step):
        for name in ("normal_rows", "uniform_rows"):
            draw = getattr(module, name)
            monkeypatch.setattr(module, name, lambda *place, draw=draw: draw(*place).double())


def steps(published, shape, dtype):
    config = small_config(resetOptimizerAtGrowth=False, **published)
    step = small_step(config, N_VALUES, shape=shape)
    for network in step.networks.all().values():
        network.to(dtype)
    return step, PublishedStep(config, step.networks, seed=0)


def both_trained(published, shape, dtype, n_steps):
    """The two after `n_steps` through all scales and fades, and the largest relative distance of a loss on the way."""
    step, plain = steps(published, shape, dtype)
    schedule = GrowthSchedule(step.config)
    generator, worst = torch.Generator().manual_seed(1), 0.0
    for number in range(n_steps):
        phase = schedule.at(number % schedule.total_steps)
        images = torch.randn(phase.batch_size, *shape, generator=generator, dtype=dtype)
        labels = torch.stack(
            [torch.randint(size, (phase.batch_size,), generator=generator) for size in N_VALUES], dim=1
        )
        terms, wanted = step.run(phase, images, labels), plain.run(phase, images, labels)
        worst = max(worst, *(abs(terms[name] - value) / max(1.0, abs(value)) for name, value in wanted.items()))
    return step, plain, worst


def distances(step, plain):
    for name in ("generator", "discriminator", "ema"):
        ours, theirs = step.networks.all()[name], getattr(plain, name)
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            yield (one - other).abs().max().item()


@pytest.mark.usefixtures("in_double")
@pytest.mark.parametrize(("published", "shape", "n_steps"), [(*CASES[0], 50), *((*case, 15) for case in CASES[1:])])
def test_steps_in_float64_are_those_of_the_plain_step(published, shape, n_steps):
    # 15 steps come through every scale and fade
    step, plain, worst = both_trained(published, shape, torch.float64, n_steps)
    assert worst < 1e-8
    assert max(distances(step, plain)) < 1e-8


@pytest.mark.parametrize(("published", "shape"), CASES[:2])
def test_steps_in_float32_are_those_of_the_plain_step(published, shape):
    # few steps: a gradient that is all but zero has a sign, which Adam follows, so that rounding grows on the way
    step, plain, worst = both_trained(published, shape, torch.float32, 10)
    assert worst < 2e-5
    assert max(distances(step, plain)) < 2e-5
