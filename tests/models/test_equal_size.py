"""Networks of equal size, whatever the shape of their images."""

import json

import pytest

from audio_transforms import image_shape
from models.equal_size import TOLERANCE, total_parameters, with_parameters
from models.networks import count_parameters
from tests.places import ROOT
from utils.config_file import load_experiment, parse_experiment
from utils.errors import ConfigError

QUICK = sorted((ROOT / "config_files").glob("*/quick.json"))
N_VALUES = (12,)


def quick(name, **changes):
    raw = json.loads((ROOT / "config_files" / name / "quick.json").read_text(encoding="utf-8"))
    raw["modelConfig"] |= changes
    experiment = parse_experiment(raw, name)
    return experiment.model, image_shape(experiment.transform)


def test_there_are_ten():
    assert len(QUICK) == 10


@pytest.mark.parametrize("parameters", [2_000_000, 4_000_000])
@pytest.mark.parametrize("path", QUICK, ids=lambda path: path.parent.name)
def test_every_quick_config_can_have_that_size(path, parameters):
    experiment = load_experiment(path)
    shape = image_shape(experiment.transform)
    model = with_parameters(experiment.model, shape, N_VALUES, parameters)
    assert total_parameters(model, shape, N_VALUES) == pytest.approx(parameters, rel=TOLERANCE)
    assert model.model_copy(update={"depth_scales": experiment.model.depth_scales}) == experiment.model
    # the proportions of the config, but for rounding and one channel
    before, after = experiment.model.generator_depths, model.generator_depths
    factor = sum(after) / sum(before)
    assert after == pytest.approx([factor * depth for depth in before], abs=2.0)


def test_its_own_size_changes_nothing():
    model, shape = quick("stft")
    assert with_parameters(model, shape, N_VALUES, total_parameters(model, shape, N_VALUES)) == model


def test_depths_of_the_two_networks_keep_their_proportion():
    model, shape = quick("mel", depthScales=[[16, 48]] * 4)
    scaled = with_parameters(model, shape, N_VALUES, 2_000_000)
    sizes = count_parameters(scaled, shape, N_VALUES)
    assert sum(sizes.values()) == pytest.approx(2_000_000, rel=TOLERANCE)
    for g, d in zip(scaled.generator_depths, scaled.discriminator_depths, strict=True):
        assert d == pytest.approx(3 * g, abs=5)


def test_single_scales_bring_it_nearer_than_the_common_factor_alone():
    """A channel of the smallest scale of mag-if is 7 % of these networks; of the largest, 1 %."""
    model, shape = quick("mag-if")
    scaled = with_parameters(model, shape, N_VALUES, 2_000_000)
    assert total_parameters(scaled, shape, N_VALUES) == pytest.approx(2_000_000, rel=0.02)


def test_a_size_that_no_depths_have_is_one_line():
    model, shape = quick("mag-if")
    with pytest.raises(ConfigError, match=r"parameters=200,000 cannot be reached within 10%: the nearest depthScales"):
        with_parameters(model, shape, N_VALUES, 200_000)


def test_a_geometry_that_fits_no_image_is_said():
    model, shape = quick("mel", dimOutput=7)
    with pytest.raises(ConfigError, match="dimOutput=7"):
        with_parameters(model, shape, N_VALUES, 2_000_000)
