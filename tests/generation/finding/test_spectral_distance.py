"""The distance of sounds: what it ignores, what it hears, and its value against an independent computation."""

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st

from generation.finding.spectral_distance import N_FFTS, spectra, spectral_distance

RATE = 16_000
TIME = np.arange(4_000) / RATE


def tone(hertz, decay=3.0, phase=0.0):
    return (np.sin(2 * np.pi * hertz * TIME + phase) * np.exp(-decay * TIME)).astype(np.float32)


def distance(one, other):
    found, target = (spectra(torch.from_numpy(each)[None]) for each in (one, other))
    return float(spectral_distance(found, target))


def plain_distance(one, other):
    """The same by scipy in float64."""
    parts = []
    for n_fft in N_FFTS:
        magnitudes = []
        for wave in (one, other):
            padded = np.pad(wave.astype(np.float64) / np.sqrt(np.mean(wave.astype(np.float64) ** 2)), n_fft // 2)
            frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[:: n_fft // 4]
            window = scipy.signal.get_window("hann", n_fft)
            magnitudes.append(np.abs(np.fft.rfft(frames * window)) / window.sum())
        found, target = magnitudes
        logarithms = np.abs(np.log(found + 1e-3) - np.log(target + 1e-3)).mean()
        parts.append(logarithms + np.abs(found - target).sum() / target.sum())
    return np.mean(parts)


def test_value_is_that_of_an_independent_computation():
    noise = np.random.default_rng(0).normal(size=4_000).astype(np.float32)
    for one, other in [(tone(440), tone(441)), (tone(440), noise), (noise, tone(880, decay=0.0))]:
        assert distance(one, other) == pytest.approx(plain_distance(one, other), rel=2e-2)


@given(st.floats(1e-3, 1e3), st.floats(0, 6))
def test_level_and_phase_do_not_count(gain, phase):
    assert distance(np.float32(gain) * tone(440), tone(440)) < 1e-3
    assert distance(tone(440, phase=phase), tone(440)) < distance(tone(466), tone(440)) / 3


def test_further_pitches_and_decays_are_further_apart():
    near, far = (distance(tone(440 * 2 ** (cents / 1200)), tone(440)) for cents in (10, 50))
    assert 0 < near < far
    near, far = (distance(tone(440, decay=decay), tone(440)) for decay in (4.0, 9.0))
    assert 0 < near < far


def test_each_of_a_batch_is_as_if_alone():
    waves = torch.from_numpy(np.stack([tone(440), tone(500), tone(600)]))
    target = spectra(waves[:1])
    together = spectral_distance(spectra(waves), target)
    alone = torch.cat([spectral_distance(spectra(wave[None]), target) for wave in waves])
    torch.testing.assert_close(together, alone)
    assert together[0] == 0


def test_silence_has_a_distance_and_a_gradient():
    wave = torch.zeros(1, 4_000, requires_grad=True)
    found = spectral_distance(spectra(wave), spectra(torch.from_numpy(tone(440))[None]))
    found.backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(wave.grad).all()
