import pytest
import torch
from torch import nn

from data.quantities import LAST_LABEL, QUANTITY
from models.conditions import conditioned
from models.geometry import scale_sizes
from models.layers import enlarged, resize
from models.networks import build_networks, count_parameters
from tests.models.small import CPU, SHAPE, small_config, small_networks
from utils.errors import ConfigError

VARIANTS = {
    "default": {},
    "gansynth format": {"formatLayerType": "gansynth"},
    "transposed": {"transposed": True},
    "depths of their own": {"depthScales": [[4, 6], [3, 5], [2, 7]]},
    "tanh": {"generationActivation": "tanh"},
    "output skips": {"outputSkips": True},
    "linear upsampling": {"upsampling": "linear"},
    "skips and linear upsampling": {"outputSkips": True, "upsampling": "linear"},
    "bare": {"perChannelNormalization": False, "miniBatchStdDev": False, "initBiasToZero": False, "leakyness": 0.0},
}
SHAPES = {
    (2, 11, 7): [[4, 3], [2, 3], [1, 1]],
    (1, 1, 37): [[1, 8], [1, 3], [1, 1]],
    (3, 37, 1): [[8, 1], [3, 1], [1, 1]],
    (4, 5, 5): [[8, 8], [2, 1], [1, 1]],
}
VARIANT = pytest.mark.parametrize("published", VARIANTS.values(), ids=VARIANTS)


@VARIANT
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("n_values", [(), (3,), (3, 2, 5), (3, QUANTITY)], ids=str)
def test_every_scale_and_blend_has_its_size(published, shape, n_values):
    config = small_config(**published, downSamplingFactor=SHAPES[shape])
    networks = small_networks(config, n_values, shape)
    labels = torch.zeros(3, len(n_values), dtype=torch.int64)
    latent = conditioned(torch.randn(3, 5), labels, n_values)
    for scale, (down, along) in enumerate(SHAPES[shape]):
        size = (-(-shape[1] // down), -(-shape[2] // along))
        assert networks.sizes[scale] == size
        for alpha in (0.0, 0.3, 1.0):
            image = networks.generator(latent, scale, alpha)
            assert image.shape == (3, shape[0], *size)
            judged = networks.discriminator(image, scale, alpha)
            assert judged.logits.shape == (3, latent.shape[1] - 5)
            assert judged.critic.shape == (3,)
            assert judged.feature.shape == (3, config.discriminator_depths[0])
            assert all(output.isfinite().all() for output in (image, *judged))


def test_condition_has_one_hots_and_the_numbers_of_quantities():
    labels = torch.tensor([[1, 0, 2], [0, LAST_LABEL, 0], [1, LAST_LABEL // 4, 1]])
    root = 3**0.5
    torch.testing.assert_close(
        conditioned(torch.zeros(3, 1), labels, (2, QUANTITY, 3)),
        torch.tensor(
            [
                [0, 0, 1, -root, 0, 0, 1],
                [0, 1, 0, root, 1, 0, 0],
                [0, 0, 1, -root / 2, 0, 1, 0],
            ]
        ),
    )


@VARIANT
def test_generator_at_full_alpha_is_the_previous_scale_enlarged(published):
    networks = small_networks(small_config(**published))
    latent = torch.randn(2, 8)
    for scale in (1, 2):
        older = networks.generator(latent, scale - 1)
        older = enlarged(older, networks.sizes[scale], smooth=published.get("upsampling") == "linear")
        torch.testing.assert_close(networks.generator(latent, scale, 1.0), older, rtol=0, atol=1e-6)
        if published.get("outputSkips"):  # a new scale adds nothing at first
            assert torch.equal(networks.generator(latent, scale, 0.0), older)
            nn.init.normal_(networks.generator.to_image[scale].weight)
        assert not torch.allclose(networks.generator(latent, scale, 0.0), older, atol=1e-2)


@VARIANT
def test_discriminator_at_full_alpha_is_the_previous_scale_beyond_the_first_growth(published):
    networks = small_networks(small_config(**published))
    image = torch.randn(4, *SHAPE)
    older = networks.discriminator(resize(image, networks.sizes[1]), 1)
    faded = networks.discriminator(image, 2, 1.0)
    torch.testing.assert_close(faded.critic, older.critic, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(networks.discriminator(image, 2, 0.0).critic, older.critic, atol=1e-2)
    # at the first growth it does not fade, as published
    small = resize(image, networks.sizes[1])
    assert torch.equal(networks.discriminator(small, 1, 0.7).critic, networks.discriminator(small, 1, 0.0).critic)


def test_tanh_comes_after_the_blend():
    linear, bounded = (
        small_networks(small_config(generationActivation=activation)).generator for activation in (None, "tanh")
    )
    latent = torch.randn(2, 8)
    torch.testing.assert_close(bounded(latent, 2, 0.25), linear(latent, 2, 0.25).tanh())


def test_output_skips_sum_the_images_of_all_scales():
    """Each scale adds to the enlarged sum of those before it; what the last adds has the weight 1 - alpha."""
    generator = small_networks(small_config(outputSkips=True)).generator
    for layer in generator.to_image:
        nn.init.normal_(layer.weight)
    latent = torch.randn(2, 8)
    older = resize(generator(latent, 1), generator.sizes[2])
    added = generator(latent, 2) - older
    assert added.abs().mean() > 0.1
    torch.testing.assert_close(generator(latent, 2, 0.75), older + 0.25 * added)
    # nothing but the last layer made what was added
    with torch.no_grad():
        generator.to_image[2].weight.zero_()
    torch.testing.assert_close(generator(latent, 2), older)


def products_of(network):
    """Each layer's weight times what it is multiplied by at each pass."""
    layers = {name: layer for name, layer in network.named_modules() if hasattr(layer, "gain")}
    return {name: (layer.weight * layer.gain).detach() for name, layer in layers.items()}


@pytest.mark.parametrize("published", [{}, {"equalizedlR": False}, {"formatLayerType": "gansynth"}], ids=str)
def test_linear_layer_rate_changes_how_fast_two_layers_learn_and_not_what_they_compute(published):
    """One step of Adam moves every weight by the learning rate, and what it is multiplied by makes the difference."""
    inputs = {"generator": (torch.randn(2, 8), 2), "discriminator": (torch.randn(2, *SHAPE), 2)}
    for network, given in inputs.items():
        started, moved = {}, {}
        for rate in (8.0, 1.0):
            each = small_networks(small_config(**published, linearLayerRate=rate)).all()[network]
            started[rate] = products_of(each)
            output = each(*given)
            sum(part.square().sum() for part in (output if isinstance(output, tuple) else [output])).backward()
            torch.optim.Adam(each.parameters(), 1e-3, eps=0).step()
            moved[rate] = {key: (now - started[rate][key]).abs().max() for key, now in products_of(each).items()}
        torch.testing.assert_close(started[8.0], started[1.0])
        ratios = {key: float(moved[8.0][key] / change) for key, change in moved[1.0].items() if change}
        quick = {key for key, ratio in ratios.items() if ratio == pytest.approx(8, rel=0.01)}
        assert quick == {"format_layer.linear", "format_layer.spread", "gather"} & ratios.keys()
        others = {key: ratio for key, ratio in ratios.items() if key not in quick}
        assert others == pytest.approx(dict.fromkeys(others, 1.0), rel=0.01)


def test_linear_upsampling_keeps_a_straight_line():
    """Doubling places samples a quarter of a step beside the old ones; nothing is known beyond the ends."""
    line = torch.arange(4.0)[None, None, None]
    wanted = torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    torch.testing.assert_close(enlarged(line, (1, 8), smooth=True)[0, 0, 0], wanted)
    torch.testing.assert_close(enlarged(line.mT, (8, 1), smooth=True)[0, 0, :, 0], wanted)
    assert torch.equal(enlarged(line, (1, 8), smooth=False)[0, 0, 0], torch.arange(4.0).repeat_interleave(2))


def test_latent_is_normalised_together_with_its_condition():
    # float64: where all channels are near zero, pixel norm makes much of float32's rounding
    generator = small_networks(small_config()).generator.double()
    latent = torch.randn(2, 8, dtype=torch.float64)
    torch.testing.assert_close(generator(latent, 2), generator(3 * latent, 2), rtol=1e-4, atol=1e-5)


def test_condition_is_one_hot_behind_the_latent():
    latent = torch.tensor([[0.5, -1.0], [2.0, 3.0]])
    rows = conditioned(latent, torch.tensor([[2, 0], [0, 1]]), (3, 2))
    assert rows.tolist() == [[0.5, -1.0, 0, 0, 1, 1, 0], [2.0, 3.0, 1, 0, 0, 0, 1]]
    assert torch.equal(conditioned(latent, torch.empty(2, 0, dtype=torch.int64), ()), latent)


def test_weights_follow_from_the_seed_alone():
    config = small_config(initBiasToZero=False)
    first = small_networks(config)
    torch.manual_seed(12345)
    before = torch.get_rng_state()
    again, other = small_networks(config), small_networks(config, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    for name, network in first.all().items():
        for key, value in network.state_dict().items():
            assert torch.equal(value, again.all()[name].state_dict()[key])
            assert not torch.equal(value, other.all()[name].state_dict()[key])


def test_average_starts_as_the_generator_in_memory_of_its_own():
    networks = small_networks(small_config())
    for mine, average in zip(networks.generator.parameters(), networks.ema.parameters(), strict=True):
        assert torch.equal(mine, average)
        assert mine.data_ptr() != average.data_ptr()
        assert not average.requires_grad


@VARIANT
def test_counting_without_memory_equals_the_real_numbers(published):
    config = small_config(**published)
    networks = small_networks(config, (3, 2))
    counted = count_parameters(config, SHAPE, (3, 2))
    for name in ("generator", "discriminator"):
        assert counted[name] == sum(value.numel() for value in networks.all()[name].parameters())


def test_parameters_by_hand():
    config = small_config(downSamplingFactor=[[1, 1]], depthScales=[[3, 5]], maxIterAtScale=[1], alphaNJumps=None,
                          alphaSizeJumps=None)  # fmt: skip
    counted = count_parameters(config, (2, 4, 6), (7,))
    spread, first, to_image = (5 + 7 + 1) * 3 * 24, (3 * 9 + 1) * 3, (3 + 1) * 2
    from_image, last, gather, decide = (2 + 1) * 5, (6 * 9 + 1) * 5, (5 * 24 + 1) * 5, (5 + 1) * 8
    assert counted == {"generator": spread + first + to_image, "discriminator": from_image + last + gather + decide}


def test_counting_a_giant_needs_no_memory():
    config = small_config(depthScales=[4096, 4096, 4096])
    assert count_parameters(config, SHAPE, (3,))["generator"] > 700_000_000


@pytest.mark.parametrize(
    ("published", "message"),
    [
        ({"dimOutput": 1}, "modelConfig.dimOutput=1 but the representation has 2 channels"),
        ({"output_shape": [2, 11, 8]}, "modelConfig.output_shape=(2, 11, 8) but the representation's shape"),
        ({"downSamplingFactor": [[12, 8], [11, 7], [1, 1]]}, "[12, 8] and [11, 7] give the same size (1, 1)"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(published, message):
    with pytest.raises(ConfigError) as caught:
        scale_sizes(small_config(**published), SHAPE)
    assert message in str(caught.value)


def test_all_faults_of_the_sizes_are_told_at_once():
    config = small_config(dimOutput=1, output_shape=[1, 2, 3], downSamplingFactor=[[12, 8], [11, 7], [1, 1]])
    with pytest.raises(ConfigError, match=r"dimOutput=1 .*; .*output_shape=.*; .* give the same size"):
        build_networks(config, SHAPE, (), seed=0, device=CPU)
