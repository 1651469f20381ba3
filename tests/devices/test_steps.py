"""Whole steps of training on a device that is no CPU: the same numbers, and no wait that is not listed here."""

import pytest
import torch

from models.networks import build_networks
from tests.devices.pretend import missing, pretending
from tests.models.small import CPU, SHAPE, changed, phase, small_config, snapshot
from training.adversarial_losses import ADVERSARIAL_LOSSES
from training.training_step import TrainingStep, read
from utils.config import ModelConfig
from utils.errors import TrainingDiverged

N_VALUES = (3, 2)
LABELS = torch.tensor([[0, 1], [2, 0], [1, 1], [2, 0]])
OTHER_LABELS = torch.tensor([[1, 1], [0, 0], [2, 1]])  # of the data, for fakeLabels frequency

CASES = {
    **{f"loss {name}": {"lossMode": name} for name in ADVERSARIAL_LOSSES},
    "no gradient penalty": {"lambdaGP": 0},
    "R1": {"lossMode": "Logistic", "lambdaGP": 0, "logisticGradReal": 5},
    "GDPP": {"GDPP": True, "GDPP_weigth": 2},
    "augmentation": {"augmentProbability": 0.6},
    "adaptive augmentation": {"augmentTarget": 0.6, "lossMode": "Hinge"},
    "soft labels": {"soft_labels": True},
    "labels of the data": {"fakeLabels": "frequency"},
    "uniform labels": {"fakeLabels": "uniform"},
    "skipped attribute": {"skipAttDfake": ["second"]},
    "mixture": {"mix_true_fake": True, "true_fake_split": 0.4, "mix_true_fake_scale": 1},
    "two updates": {"iter_D_G_ratio": 2},
    "GDPP after two updates": {"iter_D_G_ratio": 2, "GDPP": True},
    "half-life": {"emaHalfLife": 100},
    "other average": {"emaDecay": 0.5},
    "two rates": {"baseLearningRate": [1e-3, 2e-3]},
    "changes at the scale": {"configScheduler": {"2": {"lossMode": "MSE", "baseLearningRate": 1e-4}}},
    "no spread": {"miniBatchStdDev": False},
    "plain layers": {"equalizedlR": False, "initBiasToZero": False, "perChannelNormalization": False},
    "recipe": {
        "outputSkips": True,
        "upsampling": "linear",
        "linearLayerRate": 10.0,
        "learningRateDecay": 0.5,
    },
    "lazy penalties": {"penaltyInterval": 2, "logisticGradReal": 1.0},
    "transposed": {"transposed": True, "leakyness": 0.1},
    "as GANSynth": {"formatLayerType": "gansynth", "generationActivation": "tanh"},
    "other weights": {"epsilonD": 0.1, "weightConditionD": 1, "weightConditionG": 2},
    "kept moments": {"resetOptimizerAtGrowth": False},
    "unconditional": {"ac_gan": False},
}
ELSEWHERE = {
    *("output_shape", "dimOutput", "downSamplingFactor", "depthScales", "dimLatentVector"),  # sizes
    *("maxIterAtScale", "miniBatchSize", "miniBatchScheduler", "startScale", "keepCheckpoints"),  # the trainer's
    *("alphaJumpMode", "alphaNJumps", "alphaSizeJumps", "iterAlphaJump", "alphaJumpVals"),  # the schedule's
    "attribKeysOrder",  # the loader's
    "measureGenerated",  # the CPU's, which measures: training/heard_quantities.py
}
"""Keys that tell a step nothing but sizes."""

TWICE = {"loss WGANGP", "kept moments", "adaptive augmentation"}  # what one step leaves changes the next

UPLOAD = "to the device in utils/device.py:on_device"  # from pinned memory, where CUDA does not wait
READ = "from the device in training/training_step.py:read"
GDPP = {
    READ,
    "from the device in training/gdpp.py:_eigen",
    "to the device in training/gdpp.py:gdpp_loss",
    "to the device in training/training_step.py:_descend",  # the gradient of what the CPU computed,
    "from the device in training/training_step.py:_descend",  # and that of the result, for it
}
WAITS = {"GDPP": GDPP, "GDPP after two updates": GDPP}
"""Every place where a step may wait, beside uploads, as docs/options.md says of GDPP."""


def test_every_option_has_a_case_or_a_reason():
    keys = {field.alias or name for name, field in ModelConfig.model_fields.items()}
    assert set().union(*CASES.values()) | ELSEWHERE == keys


def a_step(options, place, *, as_built=False, **more):
    """A `TrainingStep` that is looked at later, as on CUDA, unless it is to be `as_built` for its device."""
    config = small_config(**options)
    n_values = N_VALUES if config.ac_gan else ()
    counted = [name not in config.skip_fake_attributes for name in ("first", "second")][: len(n_values)]
    networks = build_networks(config, SHAPE, n_values, seed=0, device=torch.device(place))
    step = TrainingStep(
        config,
        networks,
        classified_fakes=counted,
        seed=0,
        device=torch.device(place),
        data_labels=OTHER_LABELS[:, : len(n_values)],
        **more,
    )
    if not as_built:
        step.looks_at_once = False
    return step


def launched(step, device=None, *, steps=1):
    """The terms of so many steps at the start of a scale, and where they waited."""
    n_notes = 4 * max(step.config.d_updates, 1)
    images = torch.randn(n_notes, *SHAPE, generator=torch.Generator().manual_seed(1)).to(step.device)
    labels = LABELS.repeat(n_notes // 4, 1)[:, : len(step.networks.n_values)].to(step.device)
    if device:
        device.waits.clear()
    terms = []
    for iteration in range(steps):
        place = phase(2, alpha=0.5, iteration=iteration, batch_size=n_notes, first_note=iteration * n_notes)
        terms.append(step.launch(place, images, labels))
    waits = set(device.waits) if device else set()
    return read(terms), waits


def fetched(state):
    return {name: value.cpu() for name, value in state.items()}


def test_step_that_looks_at_once_waits_once_in_each_update(device):
    step = a_step({"iter_D_G_ratio": 2}, "pretend")
    step.looks_at_once = True
    launched(step, device)
    device.waits.subtract({READ: 1})  # that of the test
    assert device.waits[READ] == 3


SPOILT_LATER = {"discriminator": set(), "generator": {"discriminator", "optimizer_d"}}
"""What the step had updated before the network whose gradient is broken."""


@pytest.mark.parametrize("network", ["discriminator", "generator"])
def test_weights_stay_when_a_step_diverges_even_if_adam_cannot_be_told(network):
    if reason := missing():
        pytest.skip(reason)
    with pretending(found_inf=False):
        step = a_step({}, "pretend", as_built=True)
        images, labels = torch.randn(4, *SHAPE).to("pretend"), LABELS.to("pretend")
        step.launch(phase(2), images, labels)
        networks = step.networks
        layer = networks.discriminator.last if network == "discriminator" else networks.generator.first
        layer.weight.register_hook(lambda gradient: gradient * float("nan"))
        before = fetched(snapshot(step))
        with pytest.raises(TrainingDiverged, match=rf"^{network[0]}_gradient_norm is no longer"):
            step.launch(phase(2, iteration=2, first_note=4), images, labels)
        moved = changed(before, fetched(snapshot(step)))
    assert {name.split(".")[0] for name in moved} == SPOILT_LATER[network]


@pytest.mark.parametrize("name", CASES)
def test_step_is_that_of_the_cpu_and_waits_nowhere_else(device, name):
    there, here = a_step(CASES[name], "pretend"), a_step(CASES[name], CPU)
    steps = 2 if name in TWICE else 1
    numbers, waits = launched(there, device, steps=steps)
    expected, _ = launched(here, steps=steps)
    assert waits == {UPLOAD} | WAITS.get(name, set())
    assert numbers == expected
    assert not changed(snapshot(here), fetched(snapshot(there)))


def test_step_in_bfloat16_waits_nowhere_else(device):
    """The autocast of the pretend device stands for that of a true one."""
    terms, waits = launched(a_step({}, "pretend", bf16=True), device)
    (lower,), ((here,), _), ((exact,), _) = (terms, launched(a_step({}, CPU, bf16=True)), launched(a_step({}, CPU)))
    assert waits == {UPLOAD}
    assert lower["d_real"] != exact["d_real"]
    assert lower == pytest.approx(here, rel=0.02)
