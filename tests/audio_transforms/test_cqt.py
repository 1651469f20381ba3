"""The constant-Q transform against the published arrays, librosa, and what it must do to tones and shifts."""

import math

import librosa
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from audio_transforms import build_transform
from audio_transforms.cqt import CQTConfig
from data.note_dataset import fade_window
from tests.audio_transforms.small import RATE, noise, snr
from tests.audio_transforms.test_golden import FILES, cases

NOTES = [case.values[::2] for case in cases("forward", ("cqt",))]


def cqt(**keys):
    return build_transform(CQTConfig.model_validate({"transform": "cqt", "sample_rate": RATE} | keys))


@pytest.fixture(scope="module")
def published():
    return cqt(hop_size=512, n_frames=32)


def golden(path, case):
    """Faded wave (1, 16383), published image (1, 2, 84, 32), and what the published inverse made of it."""
    with np.load(path) as arrays:
        wave = arrays[f"audio/{case.rpartition('/')[2]}"][:16_383] * fade_window(16_383)
        image, restored = (arrays[f"{case}/{way}"] for way in ("forward", "inverse"))
    return tuple(torch.from_numpy(array)[None] for array in (wave, image, restored))


@pytest.mark.parametrize(("path", "case"), NOTES)
def test_coefficients_are_the_published_ones(published, path, case):
    wave, image, _ = golden(path, case)
    expected, actual = published.polar.decode(image), published.polar.decode(published(wave))
    strong = expected.abs() > expected.abs().max() * 10 ** (-60 / 20)
    assert strong.double().mean() > 0.1
    assert snr(expected[strong], actual[strong]) > 60  # 67 dB; 32 where halved signals keep what precedes the start
    apart = (published(wave) - image).transpose(0, 1)
    assert apart[0][strong].abs().max() < 0.1  # 0.06 of a natural logarithm
    strong[..., 1:] &= strong[..., :-1].clone()
    assert (apart[1] - 2 * torch.round(apart[1] / 2))[strong].abs().max() < 0.06  # 0.032 half turns per frame


@pytest.mark.parametrize(("path", "case"), NOTES)
def test_inverse_is_nearer_to_the_note_than_the_published_one(published, path, case):
    wave, image, restored = golden(path, case)
    wave, ours = wave[:, : restored.shape[1]], published.inverse(image)[:, : restored.shape[1]]
    assert snr(wave, ours) > snr(wave, restored) + 7  # 7.1 to 19.7 dB against -0.5 to 9.5; the least gain is 7.6


@pytest.mark.parametrize(
    ("keys", "least"),
    [
        ({"hop_size": 64, "n_frames": 256}, 60),  # 66
        ({"hop_size": 64, "n_frames": 17, "n_cqt": 24, "fmin": 200}, 50),  # 58, two halvings first
        ({"hop_size": 512, "n_frames": 32, "n_cqt": 60}, 60),  # 68, one halving first
        ({"hop_size": 128, "n_frames": 64, "n_cqt": 140, "bins_per_octave": 24, "fmin": 60}, 60),  # 67, partial octave
        ({"hop_size": 100, "n_frames": 160, "n_cqt": 36, "fmin": 500}, 60),  # 75, hop no power of two
        ({"hop_size": 512, "n_frames": 32, "n_cqt": 84, "sample_rate": 44_100}, 60),  # 65
        ({"hop_size": 1024, "n_frames": 16, "n_cqt": 30, "fmin": 40}, 40),  # 48: librosa halves four times at once
    ],
)
@pytest.mark.filterwarnings("ignore:n_fft=.*is too large")  # librosa, where its lowest octave is shorter than a kernel
def test_coefficients_of_noise_are_librosas_at_other_sizes(keys, least):
    transform = cqt(**keys)
    wave = noise(1, transform.n_samples)
    grid = transform.constant_q.grid
    expected = librosa.cqt(
        wave[0].numpy(),
        sr=grid.sample_rate,
        hop_length=grid.hop_length,
        fmin=grid.fmin,
        n_bins=grid.n_bins,
        bins_per_octave=grid.bins_per_octave,
        res_type="soxr_hq",
        dtype=np.complex128,
    )
    actual = transform.constant_q(wave)[0]
    assert snr(torch.from_numpy(expected)[:, : actual.shape[1]], actual) > least


def test_steady_tone_has_its_amplitude_and_its_frequency():
    transform = cqt(hop_size=64, n_frames=64, n_cqt=24, fmin=250.0, log_mag=False)
    hertz, amplitude = 250.0 * 2 ** (7 / 12), 0.3
    time = torch.arange(transform.n_samples, dtype=torch.float64) / RATE
    magnitude, frequency = transform(amplitude * torch.cos(2 * math.pi * hertz * time)[None])[0, :, 7, 20:-20]
    expected = amplitude / 2 * math.sqrt(transform.constant_q.grid.q * RATE / hertz)
    torch.testing.assert_close(magnitude, torch.full_like(magnitude, expected), rtol=1e-4, atol=0)  # 1.2e-5
    half_turns = (2 * hertz * 64 / RATE + 1) % 2 - 1
    torch.testing.assert_close(frequency, torch.full_like(frequency, half_turns), rtol=0, atol=1e-6)  # 1e-8


def test_transform_and_inverse_are_linear():
    constant_q = cqt(hop_size=64, n_frames=32).constant_q
    one, other = noise(1, 2047, seed=1), noise(1, 2047, seed=2)
    both, apart = constant_q(2 * one - 3 * other), (constant_q(one), constant_q(other))
    torch.testing.assert_close(both, 2 * apart[0] - 3 * apart[1], rtol=0, atol=1e-11)
    waves = [constant_q.inverse(coefficients) for coefficients in (both, *apart)]
    torch.testing.assert_close(waves[0], 2 * waves[1] - 3 * waves[2], rtol=0, atol=1e-11)


def test_shift_by_a_hop_shifts_the_frames_by_one():
    constant_q = cqt(hop_size=128, n_frames=64, n_cqt=24, fmin=250.0).constant_q
    wave = torch.nn.functional.pad(noise(1, 2_000), (3_000, 8_191 - 5_000))
    before, after = constant_q(wave), constant_q(wave.roll(128, dims=1))
    assert snr(before[..., :-1], after[..., 1:]) > 120  # 145: what the low-pass spreads beyond the ends


def in_band(n_samples, low, high):
    """Noise between `low` and `high` Hz that rises from silence and falls back to it: (1, n_samples)."""
    spectrum = torch.fft.rfft(noise(1, n_samples))
    hertz = torch.fft.rfftfreq(n_samples, 1 / RATE)
    band = torch.fft.irfft(spectrum * ((hertz > low) & (hertz < high)), n=n_samples)
    return band * torch.hann_window(n_samples, dtype=torch.float64).square()


@pytest.mark.parametrize(("hop_size", "least"), [(64, 45), (128, 43), (256, 15), (512, 5)])
def test_short_hops_restore_nearly_all_of_what_lies_within_the_bins(hop_size, least):
    transform = cqt(hop_size=hop_size, n_frames=16_384 // hop_size, n_cqt=36, fmin=200.0)
    wave = in_band(transform.n_samples, 250, 1300)
    assert snr(wave, transform.inverse(transform(wave))) > least  # 48, 46, 16.8, 6.0 dB


def test_inverse_gives_way_gently_to_images_that_are_off(published):
    wave, image, _ = golden(FILES[0], "cqt_84_512/1")
    coefficients = published.polar.decode(image)
    generator = torch.Generator().manual_seed(0)
    factor = 1 + 0.1 * torch.randn(2, *coefficients.shape, generator=generator)
    off = coefficients * torch.complex(factor[0], factor[1] - 1)
    # 11.3 dB; 14.8 of the image as it is, and 1.1 with a hundredth of the regularisation
    assert snr(wave, published.constant_q.inverse(off)) > 10


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"n_cqt": 96}, r"n_cqt=96 with bins_per_octave=12 and fmin=32\.7032 reaches 8\d{3} Hz.*at most n_cqt=95"),
        ({"fmin": 9000}, r"fmin=9000 reaches .* Hz, above half of sample_rate=16000: lower fmin"),
        ({"audio_length": 500}, r"hop_size=512 is longer than the 500 samples"),
        ({"n_frames": 2**20}, r"n_frames=1048576 with hop_size=512 makes \d+ samples; at most"),
        ({"fmin": 0.001, "n_cqt": 12}, r"fmin=0\.001 with .* makes transforms of \d+ samples, at most .*a higher fmin"),
        (
            {"hop_size": 65_537, "audio_length": 100_000},
            r"hop_size=65537 makes transforms of .*a power of two as hop_size",
        ),
        ({"hop_size": 8_191}, r"n_cqt=84 with 16000 samples makes an array of .*a power of two as hop_size"),
        ({"n_frames": 2**11}, r"n_cqt=84 with 1048575 samples makes an array of \d+ numbers, at most .*fewer bins"),
        ({"fft_size": 1024}, r"fft_size"),
    ],
)
def test_config_that_cannot_be_met_is_refused_with_a_remedy(keys, message):
    with pytest.raises(ValidationError, match=message):
        CQTConfig.model_validate({"transform": "cqt"} | keys)


def test_most_bins_that_the_message_names_are_accepted():
    assert cqt(n_cqt=95, n_frames=32)(torch.rand(1, 16_383) - 0.5).isfinite().all()
