"""Phases from magnitudes: the slopes against true phases, the tree against a field that is known, the sound."""

import numpy as np
import pytest
import torch

from audio_transforms.phase_integration import integrate_phase, phase_steps, sum_along_tree
from audio_transforms.spectrogram import Spectrogram
from tests.audio_transforms.small import decaying_notes, small_config, small_transform

FINE = {"fft_size": 256, "win_size": 256, "hop_size": 16, "n_frames": 128}
TIME = np.arange(FINE["n_frames"] * FINE["hop_size"] - 1)
LAST = len(TIME)
WAVES = {
    "tone": np.sin(2 * np.pi * 40.3 / 256 * TIME),
    "chirp": np.sin(2 * np.pi * (0.05 + 0.15 * TIME / LAST) * TIME),
    "click": (TIME == 1013).astype(float),
}


def turned_apart(one, other):
    """Difference of two angles in radians, whole turns left aside: in [0, pi]."""
    return np.abs(np.angle(np.exp(1j * (one - other))))


def spectral_convergence(transform, waves):
    """Decibels of the error of each magnitude that the restored sound has, against the magnitudes: (B,)."""
    spectrogram = transform.spectrogram
    wanted, got = spectrogram(waves).abs(), spectrogram(transform.inverse(transform(waves))).abs()
    return 20 * torch.log10((got - wanted).flatten(1).norm(dim=1) / wanted.flatten(1).norm(dim=1))


# Mean error in radians where both bins are above -20 dB of the peak. Reached: tone 9e-7 and 0.035, chirp 0.069 and
# 0.066, click 0.47 and 1e-15: the slopes are those of a Gaussian, not of a Hann window. Slopes of the wrong sign would
# give 0.58 along the time of the tone and 1.6 along the frequency of the click.
@pytest.mark.parametrize(
    ("signal", "along_frequency", "along_time"), [("tone", 1e-5, 0.06), ("chirp", 0.12, 0.1), ("click", 0.6, 1e-9)]
)
@pytest.mark.parametrize("keep_dc", [True, False])
def test_steps_are_those_of_the_true_phases(signal, along_frequency, along_time, keep_dc):
    spectrogram = Spectrogram(small_config("mag-pghi", keep_dc=keep_dc, **FINE))
    spectrum = spectrogram(torch.from_numpy(WAVES[signal])[None])[0, :, 10:-10].numpy()
    magnitude, phase = np.abs(spectrum), np.angle(spectrum)
    level = np.log(np.maximum(magnitude / magnitude.max(), 1e-6))
    upward, onward = phase_steps(level, n_fft=256, win_length=256, hop_length=16, lowest_bin=1 - keep_dc)
    strong = magnitude > magnitude.max() / 10
    above, after = strong[1:] & strong[:-1], strong[:, 1:] & strong[:, :-1]
    assert above.sum() > 10
    assert after.sum() > 10
    assert turned_apart(np.diff(phase, axis=0), upward)[above].mean() < along_frequency
    assert turned_apart(np.diff(phase, axis=1), onward)[after].mean() < along_time


def test_magnitudes_are_mirrored_at_the_edges():
    """As those of a real signal are about 0 Hz, and those of a signal reflected at its ends about these."""
    level, sizes = np.random.default_rng(0).normal(size=(20, 10)), {"n_fft": 256, "win_length": 256, "hop_length": 64}
    wider = phase_steps(np.pad(level, 3, mode="reflect"), lowest_bin=2, **sizes)
    for steps, of_wider in zip(phase_steps(level, lowest_bin=5, **sizes), wider, strict=True):
        np.testing.assert_allclose(steps, of_wider[3:-3, 3:-3], rtol=0, atol=1e-9)


@pytest.mark.parametrize("shape", [(7, 5), (1, 9), (9, 1), (1, 1), (40, 30)])
def test_steps_of_a_known_field_are_summed_to_it(shape):
    rng = np.random.default_rng(0)
    field, level = rng.normal(size=shape), rng.normal(size=shape)
    total = sum_along_tree(level, np.diff(field, axis=0), np.diff(field, axis=1))
    np.testing.assert_allclose(total, field - field.flat[level.argmax()], rtol=0, atol=1e-12)


def test_sum_goes_through_the_strong_bins():
    """A strong ring around a weak hole: no step that touches the hole counts, though the way through is shorter."""
    field = np.random.default_rng(0).normal(size=(7, 9))
    level = np.zeros((7, 9))
    level[2:5, 2:7] = -10.0
    level[0, 0] = 1.0
    upward, onward = np.diff(field, axis=0), np.diff(field, axis=1)
    upward[1:5, 2:7] += 100
    onward[2:5, 1:7] += 100
    total = sum_along_tree(level, upward, onward)
    ring = level >= 0
    np.testing.assert_allclose(total[ring], (field - field[0, 0])[ring], rtol=0, atol=1e-12)


def test_phases_lie_within_one_turn_and_the_strongest_bin_has_none():
    magnitude = np.random.default_rng(0).uniform(size=(129, 16))
    phase = integrate_phase(magnitude, n_fft=256, win_length=256, hop_length=64)
    assert -np.pi < phase.min() < -3
    assert 3 < phase.max() <= np.pi
    assert phase.flat[magnitude.argmax()] == 0


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1e30])
def test_phases_do_not_depend_on_loudness(size):
    magnitude = np.random.default_rng(0).uniform(size=(129, 16))
    one, other = (integrate_phase(factor * magnitude, n_fft=256, win_length=256, hop_length=64) for factor in (1, size))
    assert turned_apart(one, other).max() < 1e-9


# Of the worst of three notes, in brackets what was reached; phases of 0 give -3 at the best, random ones -5.
@pytest.mark.parametrize(
    ("keys", "worst"),
    [
        ({"fft_size": 512, "win_size": 512, "hop_size": 64, "n_frames": 128}, -22),  # (-24.1)
        ({"fft_size": 1024, "win_size": 1024, "hop_size": 128, "n_frames": 64}, -17),  # (-18.4)
        ({"fft_size": 1024, "win_size": 1024, "hop_size": 256, "n_frames": 32}, -13),  # (-14.3)
        ({"fft_size": 2048, "win_size": 1024, "hop_size": 256, "n_frames": 32}, -14),  # (-15.3)
        ({"fft_size": 1024, "win_size": 1024, "hop_size": 256, "n_frames": 32, "keep_dc": True}, -13),  # (-14.3)
    ],
)
def test_restored_sound_has_the_magnitudes(keys, worst):
    transform = small_transform("mag-pghi", **keys)
    waves = decaying_notes(transform.n_samples)
    assert spectral_convergence(transform, waves).max() < worst


def test_linear_magnitudes_give_the_same_sound():
    logarithmic, linear = small_transform("mag-pghi"), small_transform("mag-pghi", log_mag=False)
    waves = decaying_notes(linear.n_samples)
    torch.testing.assert_close(
        logarithmic.inverse(logarithmic(waves)), linear.inverse(linear(waves)), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("log_mag", [True, False])
def test_image_is_the_first_channel_of_mag(log_mag):
    wave = decaying_notes(small_transform("mag").n_samples)
    alone, pair = (small_transform(name, log_mag=log_mag)(wave) for name in ("mag-pghi", "mag"))
    torch.testing.assert_close(alone, pair[:, :1], rtol=0, atol=1e-9)


def test_scaling_is_that_of_the_first_channel_of_mag():
    alone, pair = (small_transform(name).gansynth_affine() for name in ("mag-pghi", "mag"))
    assert alone == {key: values[:1] for key, values in pair.items()}


def test_gradients_are_those_of_differences():
    """Of the inverse with the phases that it found held constant."""
    tiny = {"fft_size": 8, "win_size": 8, "hop_size": 3, "n_frames": 4, "keep_dc": True, "log_offset": 1e-3}
    transform = small_transform("mag-pghi", **tiny)
    wave = torch.rand(1, transform.n_samples, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) - 0.5
    assert torch.autograd.gradcheck(transform, wave.requires_grad_(), eps=1e-7, atol=1e-4)

    image = transform(wave).detach().requires_grad_()
    spectrum = (image.detach().exp() - 1e-3)[:, 0]
    phase = integrate_phase(spectrum[0].numpy(), n_fft=8, win_length=8, hop_length=3)
    weights = torch.randn(1, transform.n_samples, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    (got,) = torch.autograd.grad((weights * transform.inverse(image)).sum(), image)
    turn = torch.from_numpy(np.exp(1j * phase))
    again = transform.spectrogram.inverse((image.exp() - 1e-3)[:, 0] * turn)
    (expected,) = torch.autograd.grad((weights * again).sum(), image)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


def test_scaling_made_for_logarithms_is_refused_for_magnitudes():
    with pytest.raises(ValueError, match="scaling=gansynth is made for logarithmic magnitudes; set log_mag to true"):
        small_config("mag-pghi", log_mag=False, scaling="gansynth")
