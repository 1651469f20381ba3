"""What quantities generated notes have, as they are measured, and what the critic learns of it."""

import math

import numpy as np
import pytest
import torch

from audio_transforms import build_transform
from data.attributes import AttributeTable
from data.importing.measures import MEASURES
from models.networks import build_networks
from tests.models.small import CPU, small_config
from training.heard_quantities import HeardQuantities
from utils.config import ModelConfig
from utils.config_file import parse_transform
from utils.errors import ConfigError

RATE, N_SAMPLES = 16_000, 8_192
HERTZ = (500.0, 1_000.0, 3_000.0)
TABLE = AttributeTable({"pitch": (60, 61), "brightness": HERTZ, "loudness": (-30.5, -20.5)})
END = math.sqrt(3)


def sine(frequency, level=0.5):
    return (level * np.sin(2 * np.pi * frequency * np.arange(N_SAMPLES) / RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def waveform():
    plain = {"transform": "waveform", "sample_rate": RATE, "audio_length": N_SAMPLES}
    return build_transform(parse_transform(plain, "test"))


@pytest.fixture(scope="module")
def generator(waveform):
    config = small_config(downSamplingFactor=[[1, 64], [1, 8], [1, 1]])
    return build_networks(config, waveform.shape, TABLE.sizes, seed=0, device=CPU).generator


def test_measures_that_a_config_may_name_are_those_of_the_import_but_pitch():
    (names,) = ModelConfig.model_fields["measured_attributes"].annotation.__args__[:1]
    assert set(names.__args__) == set(MEASURES) - {"pitch"}


def test_heard_numbers_are_the_ranks_of_the_sound(waveform, generator):
    """500, 1000 and 3000 Hz have the ranks 0, 1/2 and 1: 2000 Hz is at 3/4, and 6000 Hz no further than the last."""
    sounds = [sine(frequency) for frequency in (500, 1_000, 2_000, 6_000)] + [np.zeros(N_SAMPLES, np.float32)]
    images = waveform(torch.from_numpy(np.stack(sounds)))
    heard = HeardQuantities(waveform, TABLE, ("brightness",)).of(images, generator)
    assert heard.shape == (5, 1)
    assert heard[:4, 0].tolist() == pytest.approx([-END, 0.0, END / 2, END], abs=0.02)
    assert math.isnan(heard[4, 0])


@pytest.mark.parametrize("name", sorted(set(MEASURES) - {"pitch"}))
def test_a_sound_that_is_not_finite_has_no_number_and_leaves_it_to_the_losses_to_stop(waveform, generator, name):
    images = torch.zeros(2, 1, 1, N_SAMPLES)
    images[0, ..., 7], images[1, ..., 9] = math.nan, math.inf
    table = AttributeTable({name: (-30.5, 0.5, 900.5)})
    assert HeardQuantities(waveform, table, (name,)).of(images, generator).isnan().all()


def test_images_of_a_smaller_scale_are_heard_as_they_sound(waveform, generator):
    image = waveform(torch.from_numpy(sine(1_000)[None]))
    smaller = image[..., ::2]
    dark, full = (HeardQuantities(waveform, TABLE, ("brightness",)).of(each, generator) for each in (smaller, image))
    assert dark.item() > full.item()  # repeated samples add harmonics


def test_error_is_that_of_the_columns_of_what_is_measured(waveform):
    heard = HeardQuantities(waveform, TABLE, ("loudness", "brightness"))
    logits = torch.tensor([[9.0, 9.0, 1.0, 5.0], [9.0, 9.0, -2.0, 7.0]], requires_grad=True)
    numbers = torch.tensor([[4.0, 0.0], [float("nan"), -1.0]])
    error = heard.error(logits, numbers)  # loudness is the last column: (5 - 4)^2 / 2; brightness: (1 + 1) / 2
    assert error.item() == pytest.approx(0.5 + 1.0)
    error.backward()
    assert logits.grad.tolist() == [[0, 0, 1, 1], [0, 0, -1, 0]]


def test_classes_cannot_be_measured(waveform):
    with pytest.raises(ConfigError, match="brightness is no quantity"):
        HeardQuantities(waveform, AttributeTable({"brightness": (1, 2)}), ("brightness",))
