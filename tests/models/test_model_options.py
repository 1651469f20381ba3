"""Every option of docs/options.md does what it says in a step of training."""

import copy
import json
import math

import numpy as np
import pytest
import torch

from models.conditions import conditioned
from models.noise import Purpose, normal_rows, uniform_rows
from tests.models.small import CPU, SHAPE, changed, phase, small_config, small_networks, small_step, snapshot
from tests.places import ROOT
from training.adversarial_losses import ADVERSARIAL_LOSSES
from training.gdpp import gdpp_loss
from training.losses import classification_loss, soft_targets
from training.training_step import TrainingStep
from utils.config import ModelConfig

OPTIONS_DOCUMENT = ROOT / "docs" / "options.md"
LABELS = torch.tensor([[0], [2], [1], [2]])
WHEN = phase(2, first_note=8)


@pytest.fixture
def images():
    return torch.randn(8, *SHAPE, generator=torch.Generator().manual_seed(1))


def fakes(step, labels=LABELS, purpose=Purpose.DISCRIMINATOR_LATENT, first=8):
    latent = normal_rows(step.seed, purpose, first, len(labels), 5)
    return step.networks.generator(conditioned(latent, labels, (3,)), 2)


def judged(step, pictures):
    return step.networks.discriminator(pictures, 2)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_loss_mode_is_the_loss_of_all_three_terms(images, name):
    loss, config = ADVERSARIAL_LOSSES[name], small_config(lossMode=name, epsilonD=0.5)
    step, twin = small_step(config), small_step(config)
    terms = step.run(WHEN, images[:4], LABELS)
    real, fake = judged(twin, images[:4]).critic, judged(twin, fakes(twin)).critic
    assert terms["d_real"] == pytest.approx(loss.real(real).item(), rel=1e-5)
    assert terms["d_fake"] == pytest.approx(loss.fake(fake).item(), rel=1e-5)
    drift = real.square().sum() if name == "WGANGP" else real.square().mean()
    assert terms["d_drift"] == pytest.approx(0.5 * drift.item(), rel=1e-5)
    twin.networks.discriminator.load_state_dict(step.networks.discriminator.state_dict())
    critic = judged(twin, fakes(twin, purpose=Purpose.GENERATOR_LATENT)).critic
    assert terms["g_fake"] == pytest.approx(loss.generator(critic).item(), rel=1e-5)


def test_penalty_and_drift_follow_the_loss_over_the_batch(images):
    summed, averaged = (
        small_step(small_config(lossMode=mode)).run(WHEN, images[:4], LABELS) for mode in ("WGANGP", "Logistic")
    )
    for term in ("d_gradient_penalty", "d_drift"):
        assert averaged[term] == pytest.approx(summed[term] / 4, rel=1e-5)
    assert averaged["d_classification"] == pytest.approx(summed["d_classification"])


def test_weight_of_zero_leaves_the_gradient_penalty_out(images):
    terms = small_step(small_config(lambdaGP=0)).run(WHEN, images[:4], LABELS)
    assert not {"d_gradient_penalty", "critic_slope", "d_r1"} & terms.keys()
    assert all(math.isfinite(value) for value in terms.values())


def test_penalties_come_every_few_updates_and_are_that_much_stronger(images):
    weights = {"lambdaGP": 2.0, "logisticGradReal": 3.0}
    lazy, twin = small_step(small_config(**weights, penaltyInterval=3)), small_step(small_config(**weights))
    there = []
    for number in range(4):
        when = phase(2, iteration=number, first_note=8 + 4 * number)
        twin.networks.discriminator.load_state_dict(lazy.networks.discriminator.state_dict())
        twin.networks.generator.load_state_dict(lazy.networks.generator.state_dict())
        terms, usual = lazy.run(when, images[:4], LABELS), twin.run(when, images[:4], LABELS)
        there.append("d_gradient_penalty" in terms)
        assert there[-1] == ("d_r1" in terms) == ("critic_slope" in terms)
        for name in {"d_gradient_penalty", "d_r1"} & terms.keys():
            assert terms[name] == pytest.approx(3 * usual[name], rel=1e-4)
    assert there == [True, False, False, True]


def test_penalties_are_counted_in_updates_of_the_discriminator(images):
    """Two updates a step: those numbered 0 and 3 of 0, 1; 2, 3 have penalties."""
    step = small_step(small_config(penaltyInterval=3, iter_D_G_ratio=2))
    for number, places in enumerate(([True, False], [False, True], [False, False])):
        found = []
        original = step._descend

        def noting(losses, letter, *rest, found=found, original=original):
            found += ["d_gradient_penalty" in losses] if letter == "d" else []
            return original(losses, letter, *rest)

        step._descend = noting
        step.run(phase(2, iteration=number, first_note=8 * number, batch_size=8), images, LABELS.repeat(2, 1))
        step._descend = original
        assert found == places


@pytest.mark.parametrize(("mode", "share"), [("WGANGP", 1), ("Logistic", 4), ("Hinge", 4)])
def test_r1_is_the_squared_slope_at_real_images(images, mode, share):
    config = small_config(lossMode=mode, logisticGradReal=3.0)
    step, twin = small_step(config), small_step(config)
    terms = step.run(WHEN, images[:4], LABELS)
    real = images[:4].clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(judged(twin, real).critic.sum(), real)
    assert terms["d_r1"] == pytest.approx(3.0 * slope.square().sum().item() / share, rel=1e-4)
    assert not images.requires_grad
    # and the discriminator learns from it
    without = small_step(small_config(lossMode=mode))
    without.run(WHEN, images[:4], LABELS)
    assert changed(snapshot(without), snapshot(step))


def test_gdpp_compares_features_of_generated_and_real_images(images):
    config = small_config(GDPP=True, GDPP_weigth=2.5)
    step, twin = small_step(config), small_step(config)
    terms = step.run(WHEN, images[:4], LABELS)
    twin.networks.discriminator.load_state_dict(step.networks.discriminator.state_dict())
    fake = judged(twin, fakes(twin, purpose=Purpose.GENERATOR_LATENT)).feature
    wanted = 2.5 * gdpp_loss(fake, judged(twin, images[:4]).feature).item()
    assert terms["g_gdpp"] == pytest.approx(wanted, rel=1e-4)
    assert terms["g_total"] == pytest.approx(terms["g_fake"] + terms["g_classification"] + terms["g_gdpp"], rel=1e-5)
    without = small_step(small_config())
    without.run(WHEN, images[:4], LABELS)
    moved = changed(snapshot(without), snapshot(step))
    assert moved
    assert not any(name.startswith("discriminator.") for name in moved)


def test_soft_labels_are_the_targets_of_both_classifications(images):
    config = small_config(soft_labels=True)
    step, twin = small_step(config), small_step(config)
    terms = step.run(WHEN, images[:4], LABELS)

    def wanted(pictures, purpose):
        soft = soft_targets(LABELS, (3,), uniform_rows(0, purpose, 8, 4, 3))
        return 10 * classification_loss(judged(twin, pictures).logits, LABELS, (3,), soft=soft).item()

    assert terms["d_classification"] == pytest.approx(wanted(images[:4], Purpose.SOFT_LABEL_REAL), rel=1e-4)
    twin.networks.discriminator.load_state_dict(step.networks.discriminator.state_dict())
    pictures = fakes(twin, purpose=Purpose.GENERATOR_LATENT)
    assert terms["g_classification"] == pytest.approx(wanted(pictures, Purpose.SOFT_LABEL_FAKE), rel=1e-4)


@pytest.mark.parametrize("fake_labels", ["batch", "uniform"])
def test_mixture_passes_generated_images_as_real_under_their_own_labels(images, fake_labels):
    config = small_config(mix_true_fake=True, true_fake_split=0.5, fakeLabels=fake_labels)
    step, twin = small_step(config), small_step(config)
    terms = step.run(WHEN, images[:4], LABELS)
    conditions = twin.fake_labels(LABELS, WHEN)
    mixed = torch.cat((images[:2], fakes(twin, conditions)[2:]))
    of_real = judged(twin, mixed)
    assert terms["d_real"] == pytest.approx(-of_real.critic.sum().item(), rel=1e-5)
    labels = torch.cat((LABELS[:2], conditions[2:]))
    wanted = 10 * classification_loss(of_real.logits, labels, (3,)).item()
    assert terms["d_classification"] == pytest.approx(wanted, rel=1e-4)
    assert terms["d_fake"] == pytest.approx(judged(twin, fakes(twin, conditions)).critic.sum().item(), rel=1e-5)


@pytest.mark.parametrize(("share", "batch", "count"), [(0.01, 8, 1), (0.25, 8, 2), (0.49, 4, 1), (0.99, 2, 1)])
def test_share_of_the_mixture_is_rounded_down_but_never_to_none(share, batch, count):
    assert small_config(mix_true_fake=True, true_fake_split=share).at_scale(0).n_mixed(batch, 0) == count


def test_mixture_begins_at_its_scale(images):
    config = small_config(mix_true_fake=True, true_fake_split=0.5, mix_true_fake_scale=2)
    for scale, same in ((1, True), (2, False)):
        mixing, plain = small_step(config), small_step(small_config())
        for step in (mixing, plain):
            step.run(phase(scale), images[:4], LABELS)
        assert (not changed(snapshot(mixing), snapshot(plain))) == same


def test_ratio_gives_the_discriminator_a_batch_of_its_own_per_update(images):
    step, first, second = (
        small_step(small_config(iter_D_G_ratio=2)),
        small_step(small_config()),
        small_step(small_config()),
    )
    terms = step.run(phase(2, batch_size=8), images, LABELS.repeat(2, 1))
    first.run(phase(2), images[:4], LABELS)
    # of the first batch the discriminator alone learns
    second.networks.discriminator.load_state_dict(first.networks.discriminator.state_dict())
    second.optimizer_d.load_state_dict(first.optimizer_d.state_dict())
    assert terms == second.run(phase(2, first_note=4), images[4:], LABELS)
    assert not changed(snapshot(step), snapshot(second))


@pytest.mark.parametrize("ratio", [-1, 1])
def test_ratio_of_one_is_the_published_step(images, ratio):
    step, twin = small_step(small_config(iter_D_G_ratio=ratio)), small_step(small_config())
    for trained in (step, twin):
        trained.run(WHEN, images[:4], LABELS)
    assert not changed(snapshot(step), snapshot(twin))


def test_half_life_counts_notes_whatever_the_batches_are(images):
    def remembered(batch, **published):
        config = small_config(emaHalfLife=16, miniBatchSize=batch, baseLearningRate=1e-30, **published)
        step = small_step(config)
        ema = step.networks.ema
        for value in ema.parameters():
            value.fill_(1.0)
        for value in step.networks.generator.parameters():
            value.data.zero_()
        for number in range(16 // batch):
            labels = LABELS.repeat(2, 1)[:batch]
            step.run(phase(2, iteration=number + 1, first_note=number * batch), images[:batch], labels)
        return next(iter(ema.parameters())).flatten()[0].item()

    assert [remembered(batch) for batch in (2, 4, 8)] == pytest.approx([0.5] * 3, rel=1e-5)
    assert remembered(8, iter_D_G_ratio=2) == pytest.approx(0.5, rel=1e-5)


def test_fake_labels_are_drawn_as_asked():
    def drawn(source, n_values=(3, 4), data_labels=None, count=4000):
        config = small_config(fakeLabels=source)
        networks = small_networks(config, n_values)
        step = TrainingStep(config, networks, classified_fakes=[True] * 2, seed=0, device=CPU, data_labels=data_labels)
        batch = torch.zeros(count, 2, dtype=torch.int64)
        return step.fake_labels(batch, phase(0, batch_size=count))

    assert not drawn("batch").any()
    uniform = drawn("uniform")
    for column, size in ((0, 3), (1, 4)):
        shares = torch.bincount(uniform[:, column], minlength=size) / 4000
        assert shares.tolist() == pytest.approx([1 / size] * size, abs=0.03)
    data_labels = torch.tensor([[0, 3], [2, 1], [2, 1], [2, 1]])
    frequent = drawn("frequency", data_labels=data_labels)
    assert {tuple(row) for row in frequent.tolist()} == {(0, 3), (2, 1)}  # as notes have them together
    assert (frequent[:, 0] == 2).float().mean().item() == pytest.approx(0.75, abs=0.03)


def test_frequency_of_labels_needs_the_labels_of_the_data():
    with pytest.raises(ValueError, match="labels of the data"):
        small_step(small_config(fakeLabels="frequency"))


def test_drawn_labels_condition_and_classify_the_generated_images(images):
    step, twin = (small_step(small_config(fakeLabels="uniform")) for _ in range(2))
    terms = step.run(WHEN, images[:4], LABELS)
    drawn = twin.fake_labels(LABELS, WHEN)
    assert not torch.equal(drawn, LABELS)
    assert terms["d_fake"] == pytest.approx(judged(twin, fakes(twin, drawn)).critic.sum().item(), rel=1e-5)
    twin.networks.discriminator.load_state_dict(step.networks.discriminator.state_dict())
    of_fake = judged(twin, fakes(twin, drawn, Purpose.GENERATOR_LATENT))
    wanted = 10 * classification_loss(of_fake.logits, drawn, (3,)).item()
    assert terms["g_classification"] == pytest.approx(wanted, rel=1e-4)


def test_augmentation_is_put_before_the_discriminator_everywhere(images):
    # every image becomes zeros: then the critic says one thing of all images, real and generated
    step = small_step(small_config(augmentProbability=0.5, miniBatchStdDev=False))
    seen = []

    def blank(pictures, draws):
        seen.append(draws)
        return pictures * 0

    step.networks.discriminator.augmentation.forward = blank
    terms = step.run(WHEN, images[:4], LABELS)
    assert terms["d_real"] == pytest.approx(-terms["d_fake"], rel=1e-6)
    assert terms["augment_probability"] == 0.5
    purposes = (Purpose.AUGMENT_REAL, Purpose.AUGMENT_FAKE, Purpose.AUGMENT_GENERATOR)
    for draws, purpose in zip(seen, purposes, strict=True):
        assert torch.equal(draws, uniform_rows(0, purpose, 8, 4, draws.shape[1]))


def test_adaptive_augmentation_follows_the_critic_of_real_images(images):
    step = small_step(small_config(lossMode="Logistic", augmentTarget=0.5))
    step.networks.discriminator.decide.bias.data[-1] = 100.0
    step.run(WHEN, images[:4], LABELS)
    probability = step.networks.discriminator.augmentation.probability
    assert probability.item() == pytest.approx(4 / 500_000)
    assert "discriminator.augmentation.probability" in snapshot(step)


CHANGES = {
    "lossMode": "Hinge",
    "lambdaGP": 3.0,
    "logisticGradReal": 2.0,
    "epsilonD": 0.5,
    "baseLearningRate": [2e-4, 5e-4],
    "weightConditionG": 2.0,
    "weightConditionD": 2.0,
    "soft_labels": True,
    "fakeLabels": "uniform",
    "GDPP": True,
    "emaDecay": 0.5,
    "emaHalfLife": 100.0,
}


@pytest.mark.parametrize("key", CHANGES)
def test_change_at_a_scale_is_the_option_from_that_scale_on(images, key):
    changing = small_config(configScheduler={"1": {key: CHANGES[key]}})
    for scale, like in (
        (0, small_config()),
        (1, small_config(**{key: CHANGES[key]})),
        (2, small_config(**{key: CHANGES[key]})),
    ):
        step, twin = small_step(changing), small_step(like)
        for trained in (step, twin):
            trained.run(phase(scale, iteration=0), images[:4], LABELS)
        assert not changed(snapshot(step), snapshot(twin)), scale


def test_rate_changes_at_growth_though_the_moments_are_kept(images):
    config = small_config(resetOptimizerAtGrowth=False, configScheduler={"1": {"baseLearningRate": [1e-5, 2e-5]}})
    step = small_step(config)
    step.run(phase(0), images[:4], LABELS)
    assert [optimizer.param_groups[0]["lr"] for optimizer in (step.optimizer_g, step.optimizer_d)] == [1e-3, 1e-3]
    step.run(phase(1, iteration=0, alpha=1.0), images[:4], LABELS)
    assert [optimizer.param_groups[0]["lr"] for optimizer in (step.optimizer_g, step.optimizer_d)] == [1e-5, 2e-5]


def test_rate_falls_over_the_last_steps_of_each_scale(images):
    """Scale 2 has 6 steps; half of them are the last three."""
    step = small_step(small_config(learningRateDecay=0.5, baseLearningRate=[3e-3, 6e-3]))
    rates = []
    for iteration in range(6):
        step.run(phase(2, iteration=iteration), images[:4], LABELS)
        rates.append([optimizer.param_groups[0]["lr"] for optimizer in (step.optimizer_g, step.optimizer_d)])
    falling = np.array([1, 1, 1, 1, 2 / 3, 1 / 3])[:, None]
    np.testing.assert_allclose(rates, falling * [3e-3, 6e-3])
    step.run(phase(1, iteration=0, alpha=1.0), images[:4], LABELS)
    assert step.optimizer_g.param_groups[0]["lr"] == 3e-3
    constant = small_config().at_scale(2)
    assert constant.learning_rates_at(5, 6) == constant.learning_rates


def test_step_with_everything_on_is_restored_exactly(images):
    published = {
        "lossMode": "Logistic", "logisticGradReal": 1.0, "GDPP": True, "soft_labels": True, "fakeLabels": "uniform",
        "mix_true_fake": True, "true_fake_split": 0.3, "iter_D_G_ratio": 2, "augmentTarget": 0.2,
        "emaHalfLife": 100.0, "equalizedlR": False, "resetOptimizerAtGrowth": False,
        "configScheduler": {"2": {"baseLearningRate": 1e-4, "lossMode": "Hinge"}},
    }  # fmt: skip
    config, labels = small_config(**published), LABELS.repeat(2, 1)
    whole, halted = small_step(config), small_step(config)
    phases = [phase(1, iteration=3), phase(2, iteration=0, alpha=1.0, first_note=8), phase(2, first_note=16)]
    for when in phases:
        whole.run(when, images, labels)
    halted.run(phases[0], images, labels)
    resumed = small_step(config, seed=0)
    for name, network in halted.networks.all().items():
        resumed.networks.all()[name].load_state_dict(copy.deepcopy(network.state_dict()))
    for name, optimizer in halted.optimizers().items():
        resumed.optimizers()[name].load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for when in phases[1:]:
        resumed.run(when, images, labels)
    assert not changed(snapshot(whole), snapshot(resumed))


def test_document_lists_every_key_with_its_default():
    rows = [
        line.split(" | ") for line in OPTIONS_DOCUMENT.read_text(encoding="utf-8").splitlines() if "| `" in line[:3]
    ]
    told = {row[0].removeprefix("| ").strip("`"): row[1].strip("`") for row in rows}
    for name, field in ModelConfig.model_fields.items():
        wanted = "required" if field.is_required() else json.dumps(field.default)
        assert told[field.alias or name] == wanted
    assert set(ADVERSARIAL_LOSSES) <= told.keys()
    assert len(rows) == len(ModelConfig.model_fields) + len(ADVERSARIAL_LOSSES)
