"""Every representation on a device that is no CPU and has no 64-bit numbers, in both directions and backwards."""

import pytest
import torch

from audio_transforms import build_transform
from audio_transforms.scaling import ScaledTransform, fit_affine
from tests.audio_transforms.small import noise, small_config
from utils.config import TRANSFORM_CONFIGS

PGHI = {
    "from the device in audio_transforms/mag_pghi.py:_phase",
    "to the device in audio_transforms/mag_pghi.py:_phase",
}
WAITS = {"mag-pghi": PGHI}
"""Representations whose inverse goes through the CPU."""
FLOAT32 = 2e-5  # of the largest sample: float64 on the CPU, float32 here

VARIANTS = [(name, {}) for name in TRANSFORM_CONFIGS] + [("mag-if", {"ifreq": False}), ("cqt", {"ifreq": False})]


def both_ways(transform, wave):
    wave = wave.clone().requires_grad_()
    image = transform(wave)
    restored = transform.inverse(image)
    restored.square().sum().backward()
    return image.detach(), restored.detach(), wave.grad


@pytest.mark.parametrize(("name", "keys"), VARIANTS, ids=str)
def test_image_and_sound_are_those_of_the_cpu(device, name, keys):
    transform = build_transform(small_config(name, **keys))
    transform = ScaledTransform(transform, [0.5] * transform.shape[0], [0.1] * transform.shape[0])
    wave = 0.1 * noise(2, transform.n_samples, dtype=torch.float32)
    moved = wave.to("pretend")
    both_ways(transform, moved)  # constants move to the device at their first use
    device.waits.clear()
    there = both_ways(transform, moved)
    assert set(device.waits) == WAITS.get(name, set())
    for found, expected in zip(there, both_ways(transform, wave), strict=True):
        largest = float(expected.abs().max())
        torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=FLOAT32 * largest)


@pytest.mark.parametrize("name", TRANSFORM_CONFIGS)
def test_affine_map_is_that_of_the_cpu(device, name):
    transform = build_transform(small_config(name))
    waves = [0.1 * noise(3, transform.n_samples, seed=seed, dtype=torch.float32) for seed in range(2)]
    assert fit_affine(transform, [wave.to("pretend") for wave in waves]) == fit_affine(transform, waves)
