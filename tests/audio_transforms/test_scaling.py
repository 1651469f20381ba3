import math

import pytest
import torch

from audio_transforms import build_transform, choose_affine, with_affine
from audio_transforms.scaling import ScaledTransform, fit_affine
from tests.audio_transforms.small import small_config, small_transform
from utils.errors import ConfigError, DataError


def waves(transform, count=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    loudness = torch.linspace(0.01, 1, count)[:, None]
    return loudness * (2 * torch.rand(count, transform.n_samples, generator=generator) - 1)


def extremes(image):
    return image.amin(dim=(0, 2, 3)), image.amax(dim=(0, 2, 3))


@pytest.mark.parametrize("name", ["waveform", "stft", "mag", "mag-if"])
def test_fit_maps_the_extremes_of_every_channel_to_one_and_the_image_goes_back_to_the_same_sound(name):
    config = small_config(name, scaling="fit")
    transform = build_transform(config)
    notes = waves(transform).double()
    affine = choose_affine(config, transform, [notes[:2], notes[2:5], notes[5:]])
    scaled = with_affine(transform, affine)
    low, high = extremes(scaled(notes))
    torch.testing.assert_close(low, torch.full_like(low, -1), rtol=0, atol=1e-5)
    torch.testing.assert_close(high, torch.full_like(high, 1), rtol=0, atol=1e-5)
    assert (scaled.shape, scaled.n_samples, scaled.sample_rate) == (transform.shape, transform.n_samples, 16_000)
    expected = transform.inverse(transform(notes))
    torch.testing.assert_close(scaled.inverse(scaled(notes)), expected, rtol=0, atol=1e-9)


def test_fit_does_not_depend_on_how_notes_are_batched():
    transform = small_transform("mag-if")
    notes = waves(transform).double()
    at_once, one_by_one = fit_affine(transform, [notes]), fit_affine(transform, notes.split(1))
    for key, numbers in at_once.items():
        assert numbers == pytest.approx(one_by_one[key], rel=1e-9)


def test_affine_is_plain_values():
    affine = fit_affine(small_transform("mag-if"), [waves(small_transform("mag-if"))])
    assert sorted(affine) == ["scale", "shift"]
    assert all(type(number) is float for numbers in affine.values() for number in numbers)
    assert [len(numbers) for numbers in affine.values()] == [2, 2]


def test_fit_refuses_notes_that_it_cannot_measure():
    transform = small_transform("mag-if")
    with pytest.raises(DataError, match="scaling=fit: there is no note to measure"):
        fit_affine(transform, [])
    with pytest.raises(
        DataError, match=r"scaling=fit: channel \[0, 1\] has one value in all notes; are the notes silent"
    ):
        fit_affine(transform, [torch.zeros(2, transform.n_samples)])


def test_gansynth_constants_are_those_of_gansynth():
    """Magenta maps log(|S| + 1e-6) by 0.0661371661726 x + 0.113718730221 and multiplies the frequency by 0.8."""
    config = small_config("mag-if", scaling="gansynth")
    transform = build_transform(config)
    scaled = with_affine(transform, choose_affine(config, transform, []))
    silence = scaled(torch.zeros(1, transform.n_samples, dtype=torch.float64))[0]
    assert silence[0].unique().tolist() == pytest.approx([0.0661371661726 * math.log(1e-6) + 0.113718730221])
    assert silence[1].unique().tolist() == [0]
    notes = waves(transform).double()
    torch.testing.assert_close(scaled(notes)[:, 1], 0.8 * transform(notes)[:, 1], rtol=0, atol=1e-12)
    low, high = extremes(scaled(notes))
    assert low.min() >= -1
    assert high.max() <= 1


def test_gansynth_has_no_constants_for_other_representations():
    config = small_config("stft", scaling="gansynth")
    with pytest.raises(
        ConfigError, match=r"transformConfig\.scaling=gansynth: has no constants for stft; use fit or none"
    ):
        choose_affine(config, build_transform(config), [])


@pytest.mark.parametrize(("keys", "offset"), [({}, 1e-10), ({"scaling": "gansynth"}, 1e-6), ({"log_offset": 0.5}, 0.5)])
def test_log_offset_follows_the_scaling_unless_it_is_given(keys, offset):
    transform = small_transform("mag-if", **keys)
    silence = transform(torch.zeros(1, transform.n_samples, dtype=torch.float64))
    assert silence[0, 0].unique().tolist() == pytest.approx([math.log(offset)])


def test_no_scaling_is_no_wrapper():
    config = small_config("mag-if")
    transform = build_transform(config)
    assert with_affine(transform, choose_affine(config, transform, [])) is transform


def test_scaling_goes_channel_by_channel():
    inner = small_transform("stft")
    scaled = ScaledTransform(inner, [2.0, 3.0], [0.25, -1.0])
    wave = waves(inner).double()
    image = inner(wave)
    torch.testing.assert_close(scaled(wave)[:, 0], 2 * image[:, 0] + 0.25, rtol=0, atol=1e-12)
    torch.testing.assert_close(scaled(wave)[:, 1], 3 * image[:, 1] - 1, rtol=0, atol=1e-12)
