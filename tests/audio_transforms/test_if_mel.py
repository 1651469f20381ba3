"""The mel axis, and the inverse against the signal."""

import numpy as np
import pytest
import torch

from audio_transforms import if_mel
from audio_transforms.if_mel import mel_interpolation, regularised_inverse
from tests.audio_transforms.small import decaying_notes, noise, small_config, small_transform

PUBLISHED = {"fft_size": 2048, "win_size": 2048, "hop_size": 512, "n_frames": 32}
BINS = np.arange(1, 1025) * 16_000 / 2048


def notes(n_samples):
    """(3, n_samples) in float64, with a little noise."""
    return decaying_notes(n_samples) + 1e-3 * noise(3, n_samples)


def centres(n_mels):
    mel = 2595 * np.log10(1 + np.array([BINS[0], BINS[-1]]) / 700)
    return 700 * (10 ** (np.linspace(*mel, n_mels) / 2595) - 1)


def snr(waves, restored):
    """Decibels, (B,)."""
    return 10 * torch.log10(waves.square().sum(dim=1) / (waves - restored).square().sum(dim=1))


def spectrum_of(transform, waves):
    return transform.polar.decode(transform(waves))


@pytest.mark.parametrize("n_mels", [1, 2, 40, 256, 1024])
def test_every_mel_bin_is_a_weighted_mean_of_bins(n_mels):
    weights = mel_interpolation(BINS, n_mels)
    assert weights.shape == (n_mels, 1024)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=0, atol=1e-12)


def test_axis_runs_evenly_in_mel_from_the_lowest_bin_to_the_highest():
    weights = mel_interpolation(BINS, 256)
    peak = BINS[weights.argmax(axis=1)]
    assert (peak[0], peak[-1]) == (BINS[0], BINS[-1])
    centre = centres(256)
    assert np.abs(peak - centre).max() <= BINS[0] / 2 + 1e-9


def test_low_mel_bins_interpolate_between_two_bins():
    weights = mel_interpolation(BINS, 1024)
    centre = centres(1024)
    dense = np.diff(centre, append=np.inf) < BINS[0]
    assert 300 < dense.sum() < 800
    assert ((weights[dense] > 0).sum(axis=1) <= 2).all()
    np.testing.assert_allclose((weights @ BINS)[dense], centre[dense], rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_mels", [40, 256, 512, 1024])
def test_inverse_of_the_weights_does_not_magnify_errors(n_mels):
    weights = mel_interpolation(BINS, n_mels)
    inverse = regularised_inverse(weights)
    assert np.abs(inverse).sum(axis=1).max() < 7  # 5.9, of 256
    assert np.abs(weights @ inverse @ weights - weights).max() < 0.02 * weights.max()


# Decibels of the signal over its error, the worst of three notes; in brackets what was reached.
@pytest.mark.parametrize(
    ("n_mels", "keys", "least"),
    [
        (None, {}, 53),  # (56.6)
        (512, {}, 27),  # (30.5)
        (256, {}, 17),  # (20.2)
        (None, {"keep_dc": True}, 53),  # (57.5)
        (None, {"fft_size": 1024, "win_size": 1024, "hop_size": 256}, 53),  # (57.2)
        (None, {"win_size": 1024, "hop_size": 256}, 74),  # (78.0)
    ],
)
def test_sound_comes_back(n_mels, keys, least):
    transform = small_transform("if-mel", n_mels=n_mels, **(PUBLISHED | keys))
    waves = notes(transform.n_samples)
    assert snr(waves, transform.inverse(transform(waves))).min() > least


def test_overlap_of_the_frames_refines_the_inverse(monkeypatch):
    transform = small_transform("if-mel", n_mels=512, **PUBLISHED)
    waves = notes(transform.n_samples)
    refined = snr(waves, transform.inverse(transform(waves)))
    monkeypatch.setattr(if_mel, "REFINEMENTS", 0)
    assert (refined - snr(waves, transform.inverse(transform(waves)))).min() > 3  # 4.0


def test_map_is_linear_up_to_the_polar_form():
    transform = small_transform("if-mel")
    one, other = notes(transform.n_samples)[:2, None]
    together = spectrum_of(transform, one - 2 * other)
    apart = spectrum_of(transform, one) - 2 * spectrum_of(transform, other)
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-9)


def test_partial_keeps_its_magnitude_where_mels_are_dense():
    transform = small_transform("if-mel", n_mels=None, **PUBLISHED)
    linear = small_transform("mag", **PUBLISHED)
    tone = torch.sin(2 * torch.pi * 40 / 2048 * torch.arange(transform.n_samples, dtype=torch.float64))[None]
    peaks = [image[0, 0, :, 8:-8].amax(dim=0) for image in (transform(tone), linear(tone))]
    torch.testing.assert_close(*peaks, rtol=0, atol=1e-2)  # 4e-3


def test_neighbours_of_a_partial_agree_in_phase():
    """The reference to the frame's centre: else they would alternate, and wide bands average them to nothing."""
    transform = small_transform("if-mel", n_mels=256, ifreq=False, **PUBLISHED)
    tone = torch.sin(2 * torch.pi * 700.4 / 2048 * torch.arange(transform.n_samples, dtype=torch.float64))[None]
    magnitude, phase = transform(tone)[0, :, :, 8:-8]
    row = int(magnitude.mean(dim=1).argmax())
    for neighbour in (row - 1, row + 1):
        assert torch.cos(phase[row] - phase[neighbour]).min() > 0.99


def test_steady_tone_has_one_instantaneous_frequency():
    transform = small_transform("if-mel", **PUBLISHED)
    hertz = 1003.0
    tone = torch.sin(2 * torch.pi * hertz * torch.arange(transform.n_samples, dtype=torch.float64) / 16_000)[None]
    magnitude, frequency = transform(tone)[0, :, :, 8:-8]
    row = frequency[int(magnitude.mean(dim=1).argmax())]
    expected = 2 * hertz * 512 / 16_000  # half turns per hop
    torch.testing.assert_close(row, torch.full_like(row, (expected + 1) % 2 - 1), rtol=0, atol=1e-7)


@pytest.mark.parametrize("phase", [0.0, 0.5])
def test_largest_image_gives_finite_sound_at_full_size(phase):
    transform = small_transform("if-mel", n_mels=None, **PUBLISHED)
    image = torch.full((1, *transform.shape), 1e4)
    image[:, 1] = phase
    assert transform.inverse(image).isfinite().all()


@pytest.mark.parametrize(("ifreq", "phase_scale"), [(True, 0.8), (False, 0.8 / torch.pi)])
def test_scaling_is_that_of_mag(ifreq, phase_scale):
    ours, theirs = (small_transform(name, ifreq=ifreq).gansynth_affine() for name in ("if-mel", "mag"))
    assert ours == theirs
    assert ours["scale"][1] == phase_scale


def test_as_many_mel_bins_as_bins_unless_told():
    assert small_config("if-mel", n_mels=None, keep_nyquist=False).mels == 127
    assert small_transform("if-mel", n_mels=None, keep_nyquist=False).shape == (2, 127, 16)


def test_too_many_mel_bins_are_refused():
    with pytest.raises(ValueError, match="n_mels=129 must not exceed the 128 bins kept of fft_size=256"):
        small_config("if-mel", n_mels=129)
    with pytest.raises(ValueError, match="n_mels=8192 times the 8192 bins of fft_size=16384 must not exceed 16777216"):
        small_config("if-mel", n_mels=None, fft_size=16_384, win_size=16_384, n_frames=None, audio_length=64_000)
