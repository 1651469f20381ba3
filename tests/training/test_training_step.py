import gc

import pytest
import torch
import torch.nn.functional as F

from models.conditions import conditioned
from models.noise import Purpose, normal_rows
from tests.models.small import SHAPE, changed, phase, small_config, small_step, snapshot
from training.training_step import read
from utils.errors import TrainingDiverged

LABELS = torch.tensor([[0], [2], [1], [2]])


@pytest.fixture
def images():
    return torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(1))


def test_gradient_norms_are_those_that_the_optimisers_met(images):
    step = small_step(small_config())
    terms = step.run(phase(2, alpha=0.25), images, LABELS)
    for letter, network in (("d", step.networks.discriminator), ("g", step.networks.generator)):
        gradients = [value.grad.flatten() for value in network.parameters() if value.grad is not None]
        assert terms[f"{letter}_gradient_norm"] == pytest.approx(torch.cat(gradients).norm().item(), rel=1e-5)


def test_attribute_that_is_skipped_does_not_count_for_the_generator_alone(images):
    labels, n_values = torch.tensor([[0, 1, 3], [2, 0, 1], [1, 1, 0], [2, 0, 2]]), (3, 2, 4)
    all_counted, counted = [True] * 3, [True, False, True]
    step, twin = (small_step(small_config(), n_values, classified_fakes=kept) for kept in (counted, all_counted))
    terms, whole = (each.run(phase(2), images, labels) for each in (step, twin))
    assert {name for name in terms if terms[name] != whole[name]} == {"g_classification", "g_total", "g_gradient_norm"}
    twin = small_step(small_config(), n_values)
    twin.networks.discriminator.load_state_dict(step.networks.discriminator.state_dict())
    latent = conditioned(normal_rows(step.seed, Purpose.GENERATOR_LATENT, 0, 4, 5), labels, n_values)
    logits = twin.networks.discriminator(twin.networks.generator(latent, 2), 2).logits.split(n_values, dim=1)
    wanted = sum(F.cross_entropy(logits[place], labels[:, place]).item() for place in (0, 2))
    assert terms["g_classification"] == pytest.approx(10 * wanted, rel=1e-4)


def test_unconditional_step_classifies_nothing(images):
    terms = small_step(small_config(), ()).run(phase(2, alpha=1.0), images, LABELS[:, :0])
    for letter, names in (("d", ["real", "fake", "gradient_penalty", "drift"]), ("g", ["fake"])):
        of_one = {name for name in terms if name.startswith(f"{letter}_")}
        assert of_one == {f"{letter}_{name}" for name in (*names, "total", "gradient_norm")}
        total = sum(terms[f"{letter}_{name}"] for name in names)
        assert terms[f"{letter}_total"] == pytest.approx(total, rel=1e-5)


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


@pytest.mark.slow
def test_steps_leave_nothing_behind_in_memory(images):
    step = small_step(small_config())

    def live_tensors(first, count):
        for number in range(first, first + count):
            step.run(phase(2, alpha=0.5, iteration=number, first_note=4 * number), images, LABELS)
        gc.collect()
        return sum(issubclass(type(item), torch.Tensor) for item in gc.get_objects())

    warm = live_tensors(1, 3)
    assert live_tensors(4, 12) <= warm


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
