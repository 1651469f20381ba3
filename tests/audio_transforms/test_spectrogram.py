"""The Fourier representations against their definition."""

import numpy as np
import pytest
import torch

from audio_transforms.polar import instantaneous_frequency, integrate_frequency
from tests.audio_transforms.small import small_transform
from utils.config import TRANSFORM_CONFIGS


def stft_by_definition(wave, n_fft, win_size, hop_size):
    """Centred transform with reflected ends and a Hann window in the middle of each frame: (bins, frames)."""
    padded = np.pad(wave, n_fft // 2, mode="reflect")
    window = np.zeros(n_fft)
    start = (n_fft - win_size) // 2
    window[start : start + win_size] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_size) / win_size)
    starts = range(0, len(padded) - n_fft + 1, hop_size)
    return np.stack([np.fft.rfft(window * padded[start : start + n_fft]) for start in starts], axis=1)


@pytest.mark.parametrize(
    ("n_fft", "win_size", "hop_size"), [(256, 256, 64), (256, 200, 64), (512, 256, 100), (128, 128, 64)]
)
def test_stft_follows_its_definition(n_fft, win_size, hop_size):
    transform = small_transform("stft", fft_size=n_fft, win_size=win_size, hop_size=hop_size, keep_dc=True)
    wave = np.random.default_rng(0).uniform(-1, 1, transform.n_samples)
    image = transform(torch.from_numpy(wave)[None])[0].numpy()
    expected = stft_by_definition(wave, n_fft, win_size, hop_size)
    np.testing.assert_allclose(image[0] + 1j * image[1], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("keep_dc", "keep_nyquist", "kept"),
    [
        (True, True, slice(None)),
        (False, True, slice(1, None)),
        (True, False, slice(0, -1)),
        (False, False, slice(1, -1)),
    ],
)
@pytest.mark.parametrize("name", ["stft", "mag", "mag-if"])
def test_lowest_and_highest_bin_are_left_out_if_asked(name, keep_dc, keep_nyquist, kept):
    whole = small_transform(name, keep_dc=True, keep_nyquist=True)
    part = small_transform(name, keep_dc=keep_dc, keep_nyquist=keep_nyquist)
    wave = torch.rand(1, whole.n_samples, dtype=torch.float64) - 0.5
    torch.testing.assert_close(part(wave), whole(wave)[:, :, kept], rtol=0, atol=0)


def test_bins_that_are_left_out_come_back_as_nothing():
    whole = small_transform("stft", keep_dc=True, keep_nyquist=True)
    part = small_transform("stft", keep_dc=False, keep_nyquist=False)
    image = torch.randn(1, *part.shape, dtype=torch.float64)
    padded = torch.nn.functional.pad(image, (0, 0, 1, 1))
    torch.testing.assert_close(part.inverse(image), whole.inverse(padded), rtol=0, atol=1e-12)


@pytest.mark.parametrize("log_mag", [True, False])
@pytest.mark.parametrize("ifreq", [True, False])
def test_magnitude_and_phase_are_those_of_the_stft(log_mag, ifreq):
    transform = small_transform("mag", log_mag=log_mag, ifreq=ifreq, log_offset=1e-3)
    wave = torch.rand(1, transform.n_samples, dtype=torch.float64) - 0.5
    real, imag = small_transform("stft")(wave)[0]
    first, second = transform(wave)[0]
    magnitude = torch.hypot(real, imag)
    torch.testing.assert_close(first, (magnitude + 1e-3).log() if log_mag else magnitude, rtol=0, atol=1e-10)
    phase = integrate_frequency(second) if ifreq else second
    torch.testing.assert_close(torch.polar(magnitude, phase), torch.complex(real, imag), rtol=0, atol=1e-10)


def test_magnitude_below_nothing_counts_as_nothing():
    transform = small_transform("mag", log_mag=False)
    image = torch.rand(2, 1, *transform.shape[1:], dtype=torch.float64).transpose(0, 1) - 0.5
    assert (image[:, 0] < 0).any()
    cut = torch.stack((image[:, 0].clamp(min=0), image[:, 1]), dim=1)
    torch.testing.assert_close(transform.inverse(image), transform.inverse(cut), rtol=0, atol=1e-12)
    assert not transform.inverse(torch.stack((-image[:, 0].abs(), image[:, 1]), dim=1)).any()


@pytest.mark.parametrize("start", [-9.0, 0.0, 3.14, 1e4])
def test_frequency_stays_within_half_a_turn_and_integrates_back(start):
    generator = torch.Generator().manual_seed(0)
    phase = start + 20 * torch.randn(3, 5, 100, dtype=torch.float64, generator=generator)
    frequency = instantaneous_frequency(phase)
    assert frequency.min() >= -1
    assert frequency.max() <= 1
    back = integrate_frequency(frequency)
    assert back.abs().max() <= torch.pi
    torch.testing.assert_close(torch.exp(1j * back), torch.exp(1j * phase), rtol=0, atol=1e-9)


def test_integrating_many_frames_in_float32_does_not_drift():
    frequency = torch.full((1, 1, 100_000), 0.3, dtype=torch.float32)
    expected = torch.full((1, 1, 100_000), float(frequency[0, 0, 0]), dtype=torch.float64).cumsum(-1) * torch.pi
    apart = torch.exp(1j * integrate_frequency(frequency)) - torch.exp(1j * expected)
    assert apart.abs().max() < 1e-6  # summed in float32 it would be 1e-1


@pytest.mark.parametrize(("win_size", "hop_size"), [(256, 128), (2048, 1024)])
def test_samples_that_the_window_hardly_covers_are_silent(win_size, hop_size):
    """With hops of half a window, rebuilding the last samples would divide by almost nothing."""
    transform = small_transform("stft", fft_size=win_size, win_size=win_size, hop_size=hop_size)
    image = torch.randn(4, *transform.shape, generator=torch.Generator().manual_seed(0))
    wave = transform.inverse(image)
    tail = transform.n_samples - transform.spectrogram.frames.n_rebuilt
    assert 0.09 < tail / win_size < 0.11
    assert not transform.exact
    assert not wave[:, -tail:].any()
    # tenfold, of a noise that peaks at 4 deviations
    assert wave[:, :-tail].abs().max() < 10 * wave[:, :-tail].std() * 4


def test_published_geometry_rebuilds_every_sample():
    assert small_transform("stft", fft_size=1024, win_size=1024, hop_size=256, n_frames=64).exact


@pytest.mark.parametrize(
    ("given", "win_length", "hop_length"),
    [
        ({}, 1024, 512),
        ({"fft_size": 2048}, 1024, 512),
        ({"fft_size": 256}, 256, 128),
        ({"win_size": 600}, 600, 300),
        ({"fft_size": 2048, "win_size": None}, None, 1024),
        ({"hop_size": 100}, 1024, 100),
    ],
)
def test_window_and_hop_that_are_not_given_are_the_published_ones(given, win_length, hop_length):
    config = TRANSFORM_CONFIGS["stft"].model_validate({"transform": "stft"} | given)
    assert (config.win_length, config.hop_length) == (win_length, hop_length)
