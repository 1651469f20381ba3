import copy
import gc

import pytest
import torch
import torch.nn.functional as F

from models.layers import resize
from models.networks import conditioned
from models.noise import Purpose, normal_rows, uniform_rows
from tests.models.small import SHAPE, changed, phase, small_config, small_step, snapshot
from training.training_step import read
from utils.errors import TrainingDiverged

LABELS = torch.tensor([[0], [2], [1], [2]])


@pytest.fixture
def images():
    return torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(1))


def parts_of(step, when, images, labels):
    """Real and fake images, condition vectors and mix of one step, as the published formulas have them."""
    n_values, sizes = step.networks.n_values, step.networks.sizes
    real = resize(images, sizes[when.scale])
    if when.alpha > 0:
        older = resize(resize(real, sizes[when.scale - 1]), sizes[when.scale])
        real = when.alpha * older + (1 - when.alpha) * real
    latents = [
        conditioned(normal_rows(step.seed, purpose, when.first_note, len(labels), 5), labels, n_values)
        for purpose in (Purpose.DISCRIMINATOR_LATENT, Purpose.GENERATOR_LATENT)
    ]
    mix = uniform_rows(step.seed, Purpose.PENALTY_MIX, when.first_note, len(labels), 1)
    return real, *latents, mix.view(-1, 1, 1, 1)


def expected_d_losses(step, when, images, labels):
    networks, config = step.networks, step.config
    real, latent, _, mix = parts_of(step, when, images, labels)
    fake = networks.generator(latent, when.scale, when.alpha).detach()
    of_real = networks.discriminator(real, when.scale, when.alpha)
    of_fake = networks.discriminator(fake, when.scale, when.alpha)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    critic = networks.discriminator(between, when.scale, when.alpha).critic
    slopes = torch.autograd.grad(critic.sum(), between, create_graph=True)[0].flatten(1).norm(dim=1)
    losses = {
        "d_real": -of_real.critic.sum(),
        "d_fake": of_fake.critic.sum(),
        "d_gradient_penalty": config.gradient_penalty_weight * ((slopes - 1) ** 2).sum(),
        "d_drift": config.drift_weight * (of_real.critic**2).sum(),
    }
    if labels.shape[1]:
        pieces = of_real.logits.split(networks.n_values, dim=1)
        losses["d_classification"] = config.condition_weight_d * sum(
            F.cross_entropy(piece, label) for piece, label in zip(pieces, labels.T, strict=True)
        )
    return losses


def expected_g_losses(step, when, images, labels, counted):
    networks, config = step.networks, step.config
    _, _, latent, _ = parts_of(step, when, images, labels)
    judged = networks.discriminator(networks.generator(latent, when.scale, when.alpha), when.scale, when.alpha)
    losses = {"g_fake": -judged.critic.sum()}
    if labels.shape[1]:
        pieces = judged.logits.split(networks.n_values, dim=1)
        classified = zip(pieces, labels.T, counted, strict=True)
        losses["g_classification"] = config.condition_weight_g * sum(
            F.cross_entropy(piece, label) for piece, label, count in classified if count
        )
    return losses


def first_adam_step(parameters, rate):
    """Where Adam's first step with betas (0, 0.99) leads: the moments, corrected for bias, are g and g squared."""
    return [
        value.detach() if value.grad is None else (value - rate * value.grad / (value.grad.abs() + 1e-8)).detach()
        for value in parameters
    ]


CASES = {
    "smallest scale": ({}, phase(0), (3,), [True]),
    "mid-fade": ({}, phase(2, alpha=0.25, first_note=40), (3,), [True]),
    "weights of their own": (
        {"lambdaGP": 3.0, "epsilonD": 0.7, "weightConditionD": 2.0, "weightConditionG": 5.0},
        phase(1, alpha=0.5),
        (3,),
        [True],
    ),
    "several attributes, one skipped": ({}, phase(2), (3, 2, 4), [True, False, True]),
    "unconditional": ({}, phase(2, alpha=1.0), (), []),
    "rates of their own": ({"baseLearningRate": [2e-3, 5e-4]}, phase(2), (3,), [True]),
}


@pytest.mark.parametrize(("published", "when", "n_values", "counted"), CASES.values(), ids=CASES)
def test_terms_and_updates_follow_the_published_formulas(images, published, when, n_values, counted):
    labels = torch.tensor([[0, 1, 3], [2, 0, 1], [1, 1, 0], [2, 0, 2]])[:, : len(n_values)]
    step, twin = (small_step(small_config(**published), n_values, classified_fakes=counted) for _ in range(2))
    rate_g, rate_d = step.config.learning_rates
    average = [value.clone() for value in step.networks.ema.parameters()]
    terms = step.run(when, images, labels)

    d_losses = expected_d_losses(twin, when, images, labels)
    sum(d_losses.values()).backward()
    discriminator = list(twin.networks.discriminator.parameters())
    d_norm = torch.cat([p.grad.flatten() for p in discriminator if p.grad is not None]).norm().item()
    wanted_d = first_adam_step(discriminator, rate_d)
    assert_updated(step.networks.discriminator, wanted_d, discriminator)
    for value, source in zip(step.networks.discriminator.parameters(), discriminator, strict=True):
        # the generator's update, which came later, has left no gradient here
        torch.testing.assert_close(value.grad, source.grad, rtol=1e-3, atol=1e-4)

    # the generator meets the discriminator that has already learned
    twin.networks.discriminator.load_state_dict(step.networks.discriminator.state_dict())
    twin.networks.generator.zero_grad()
    g_losses = expected_g_losses(twin, when, images, labels, counted)
    sum(g_losses.values()).backward()
    generator = list(twin.networks.generator.parameters())
    g_norm = torch.cat([p.grad.flatten() for p in generator if p.grad is not None]).norm().item()
    wanted_g = first_adam_step(generator, rate_g)
    assert_updated(step.networks.generator, wanted_g, generator)
    for old, new, averaged in zip(average, wanted_g, step.networks.ema.parameters(), strict=True):
        torch.testing.assert_close(averaged, 0.999 * old + 0.001 * new, rtol=0, atol=1e-6)

    wanted = {name: loss.item() for name, loss in (d_losses | g_losses).items()}
    wanted |= {"d_total": sum(d_losses.values()).item(), "g_total": sum(g_losses.values()).item()}
    wanted |= {"d_gradient_norm": d_norm, "g_gradient_norm": g_norm}
    assert terms.keys() == {*wanted, "critic_slope"}
    for name, value in wanted.items():
        assert terms[name] == pytest.approx(value, rel=2e-4, abs=1e-5), name


def assert_updated(network, wanted, reference):
    """Adam's first step has the size of the rate wherever the gradient is not all but zero."""
    for value, after, source in zip(network.parameters(), wanted, reference, strict=True):
        sure = torch.ones_like(after, dtype=torch.bool) if source.grad is None else source.grad.abs() > 1e-5
        torch.testing.assert_close(value[sure], after[sure], rtol=0, atol=2e-5)


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_layers_of_later_scales_are_untouched(images, scale):
    step = small_step(small_config())
    before = snapshot(step)
    step.run(phase(scale, alpha=0.5 if scale else 0.0), images, LABELS)
    moved = changed(before, snapshot(step))
    assert f"generator.to_image.{scale}.weight" in moved
    assert f"discriminator.from_image.{scale}.weight" in moved
    assert f"ema.to_image.{scale}.weight" in moved
    later = [f".{part}.{level}." for part in ("to_image", "from_image") for level in range(scale + 1, 3)]
    later += [f".blocks.{level}." for level in range(scale, 2)]
    assert not [name for name in moved if any(part in name for part in later)]


def test_real_images_are_blended_with_their_previous_scale(images):
    when = phase(2, alpha=0.5)
    blended = small_step(small_config()).run(when, images, LABELS)["d_real"]
    step = small_step(small_config())
    real = parts_of(step, when, images, LABELS)[0]
    assert blended == pytest.approx(-step.networks.discriminator(real, 2, 0.5).critic.sum().item(), rel=1e-4)
    sharp = -step.networks.discriminator(images, 2, 0.5).critic.sum().item()
    assert blended != pytest.approx(sharp, rel=1e-3)


def test_same_seed_gives_the_same_step_whatever_the_global_generator(images):
    outcomes = []
    for number in (0, 99):
        torch.manual_seed(number)
        step = small_step(small_config())
        step.run(phase(2, alpha=0.5), images, LABELS)
        outcomes.append(snapshot(step))
    assert not changed(*outcomes)


@pytest.mark.parametrize("reset", [True, False])
def test_optimisers_start_anew_at_growth_if_asked(images, reset):
    step = small_step(small_config(resetOptimizerAtGrowth=reset))
    for iteration in range(3):
        step.run(phase(0, iteration=iteration), images, LABELS)
    step.run(phase(1, iteration=0, alpha=1.0), images, LABELS)
    counts = {int(entry["step"]) for optimizer in step.optimizers().values() for entry in optimizer.state.values()}
    # kept moments: 1 for the layers of the new scale, 3 for the one that scale 0 alone uses, 4 for all others
    assert counts == ({1} if reset else {1, 3, 4})


def test_average_is_kept_at_growth(images):
    step = small_step(small_config(emaDecay=0.5))
    for iteration in range(3):
        step.run(phase(0, iteration=iteration), images, LABELS)
    average = [value.clone() for value in step.networks.ema.parameters()]
    step.run(phase(1, iteration=0, alpha=1.0), images, LABELS)
    pairs = zip(average, step.networks.generator.parameters(), step.networks.ema.parameters(), strict=True)
    for old, raw, new in pairs:
        torch.testing.assert_close(new, 0.5 * old + 0.5 * raw, rtol=0, atol=1e-7)


def poison_images(_, images):
    images[1, 0, 2, 3] = float("nan")


def poison_generator(step, _):
    step.networks.generator.first.weight.data[0, 0, 0, 0] = float("nan")


def poison_discriminator(step, _):
    step.networks.discriminator.decide.bias.data[-1] = float("inf")


def poison_classifier(step, _):
    step.networks.discriminator.decide.bias.data[0] = float("nan")


def poison_d_gradient(step, _):
    return step.networks.discriminator.last.weight.register_hook(lambda gradient: gradient * float("nan"))


def poison_g_gradient(step):
    return step.networks.generator.first.weight.register_hook(lambda gradient: gradient * float("inf"))


def poison_average_of_nothing(step, _):
    step.networks.discriminator.from_image[2].weight.data *= 1e30


D_POISONS = [
    (poison_images, r"d_real, .*d_gradient_penalty.*, d_total, d_gradient_norm is no longer a finite number"),
    (poison_generator, r"^d_fake, d_gradient_penalty"),
    (poison_discriminator, r"^d_real, d_fake, d_drift, d_total"),
    (poison_classifier, r"^d_classification, d_total"),
    (poison_d_gradient, r"^d_gradient_norm is no longer a finite number"),
    (poison_average_of_nothing, r"d_drift"),
]


@pytest.mark.parametrize(("poison", "message"), D_POISONS, ids=lambda item: getattr(item, "__name__", None))
def test_what_is_not_finite_stops_before_any_weight_is_touched(images, poison, message):
    step = small_step(small_config())
    step.run(phase(2, alpha=0.5), images.clone(), LABELS)
    poison(step, images)
    before = snapshot(step)
    with pytest.raises(TrainingDiverged, match=message):
        step.run(phase(2, alpha=0.5, iteration=2, first_note=4), images, LABELS)
    after = snapshot(step)
    assert not {name for name in changed(before, after) if not before[name].isnan().any()}
    assert all(p.requires_grad for p in step.networks.discriminator.parameters())


def test_generator_that_diverges_keeps_its_weights_and_its_average(images):
    step = small_step(small_config())
    step.run(phase(2), images, LABELS)
    poison_g_gradient(step)
    before = snapshot(step)
    with pytest.raises(TrainingDiverged, match=r"^g_gradient_norm is no longer a finite number"):
        step.run(phase(2, iteration=2, first_note=4), images, LABELS)
    moved = changed(before, snapshot(step))
    assert moved
    assert all(name.startswith(("discriminator.", "optimizer_d.")) for name in moved)
    assert all(p.requires_grad for p in step.networks.discriminator.parameters())


def test_generated_batch_of_one_trains(images):
    step = small_step(small_config(miniBatchSize=1))
    terms = step.run(phase(2, alpha=0.5, batch_size=1), images[:1], LABELS[:1])
    assert all(abs(value) < 1e6 for value in terms.values())


def test_steps_leave_nothing_behind_in_memory(images):
    step = small_step(small_config())

    def live_tensors(first, count):
        for number in range(first, first + count):
            step.run(phase(2, alpha=0.5, iteration=number, first_note=4 * number), images, LABELS)
        gc.collect()
        return sum(issubclass(type(item), torch.Tensor) for item in gc.get_objects())

    warm = live_tensors(1, 3)
    assert live_tensors(4, 12) <= warm


def test_checkpoint_parts_restore_the_step_exactly(images):
    step, other = small_step(small_config()), small_step(small_config(), seed=0)
    step.run(phase(2), images, LABELS)
    for name, network in step.networks.all().items():
        other.networks.all()[name].load_state_dict(copy.deepcopy(network.state_dict()))
    for name, optimizer in step.optimizers().items():
        other.optimizers()[name].load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for trained in (step, other):
        trained.run(phase(2, iteration=2, first_note=4), images, LABELS)
    assert not changed(snapshot(step), snapshot(other))


def deferred(**published):
    """A step that is looked at later, as on a GPU."""
    step = small_step(small_config(**published))
    step.looks_at_once = False
    return step


def test_step_that_is_looked_at_later_is_the_same_step(images):
    at_once, later = small_step(small_config()), deferred()
    terms, numbers = [], []
    for number in range(3):
        when = phase(2, alpha=0.5, iteration=number + 1, first_note=4 * number)
        numbers.append(at_once.run(when, images, LABELS))
        terms.append(later.launch(when, images, LABELS))
    assert read(terms) == numbers
    assert not changed(snapshot(at_once), snapshot(later))


@pytest.mark.parametrize(
    ("poison", "message", "mended"),
    [
        (lambda step: poison_d_gradient(step, None), r"^d_gradient_norm is no longer", ("discriminator",)),
        (poison_g_gradient, r"^g_gradient_norm is no longer", ("generator",)),
    ],
)
def test_weights_stay_from_the_step_on_that_diverged_until_somebody_looks(images, poison, message, mended):
    step = deferred()
    terms = [step.launch(phase(2, alpha=0.5), images, LABELS)]
    hook = poison(step)
    before = snapshot(step)
    terms.append(step.launch(phase(2, alpha=0.5, iteration=2, first_note=4), images, LABELS))
    hook.remove()
    stuck = snapshot(step)
    terms.append(step.launch(phase(2, alpha=0.5, iteration=3, first_note=8), images, LABELS))
    networks = {name for name in changed(stuck, snapshot(step)) if not name.startswith("ema.")}
    assert not networks
    assert not [name for name in changed(before, stuck) if name.startswith((*mended, "generator", "optimizer_g"))]
    with pytest.raises(TrainingDiverged, match=message) as raised:
        read(terms)
    assert raised.value.place == 1


def test_divergence_in_an_earlier_update_of_a_step_is_not_overlooked(images):
    step = deferred(iter_D_G_ratio=2)
    images = images.repeat(2, 1, 1, 1)
    images[0] = float("nan")
    terms = step.launch(phase(2, batch_size=8), images, LABELS.repeat(2, 1))
    with pytest.raises(TrainingDiverged, match=r"^d_real, "):
        read([terms])
