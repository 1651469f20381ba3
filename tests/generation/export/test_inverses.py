"""Inverses in real arithmetic against those of the representations, and their parts against numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audio_transforms import TRANSFORMS
from audio_transforms.phase_locking import nearest_peak as by_running_maxima
from audio_transforms.scaling import ScaledTransform
from generation.export.fourier import Fourier, InverseOfHalf
from generation.export.inverses import exportable_inverse
from generation.export.peaks import nearest_peak
from tests.audio_transforms.small import knows, noise, small_transform
from utils.errors import UserError

REFUSED = {
    "mel": "estimates phases in many iterations",
    "mfcc": "estimates phases in many iterations",
    "mag-pghi": "orders the bins of each note by their level",
}
CASES = [
    *((name, {}) for name in sorted(TRANSFORMS) if name not in REFUSED),
    ("stft", {"keep_dc": True, "keep_nyquist": False}),
    ("stft", {"win_size": 200, "hop_size": 70}),
    ("mag", {"log_mag": False}),
    ("mag-if", {"phase_locking": True}),
    ("mag-if", {"phase_locking": True, "win_size": 100, "hop_size": 50, "frequency_floor": 0.1}),
    ("cqt", {"ifreq": False, "hop_size": 96, "fmin": 300.0}),
    ("cq-nsgt", {"real": True}),
    ("cq-nsgt", {"fold_cqt": True, "n_bins": 25}),
    ("cq-nsgt", {"audio_length": 1_001, "nsgt_scale": "mel"}),
]


@given(st.integers(1, 130), st.booleans(), st.integers(0, 2**32 - 1))
def test_fourier_transform_is_that_of_numpy(size, inverse, seed):
    x = np.random.default_rng(seed).normal(size=(2, 3, size)).astype(np.float32)
    wanted = (np.fft.ifft(x[0] + 1j * x[1], norm="forward") if inverse else np.fft.fft(x[0] + 1j * x[1])) / size
    real, imag = Fourier(size, inverse=inverse, gain=1 / size)(*torch.from_numpy(x))
    np.testing.assert_allclose(real.numpy() + 1j * imag.numpy(), wanted, atol=2e-6)


@given(st.integers(1, 130), st.integers(0, 2**32 - 1))
def test_signal_of_half_a_spectrum_is_that_of_numpy(size, seed):
    x = np.random.default_rng(seed).normal(size=(2, 3, size // 2 + 1)).astype(np.float32)
    wave = InverseOfHalf(size, gain=1 / size)(*torch.from_numpy(x))
    np.testing.assert_allclose(wave.numpy(), np.fft.irfft(x[0] + 1j * x[1], n=size), atol=2e-6)


def test_large_transforms_without_factors_are_refused():
    with pytest.raises(UserError, match="a transform of 16381 samples has too few factors"):
        Fourier(16_381, inverse=True)


@given(st.integers(1, 40), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_peaks_are_those_of_running_maxima(bins, frames, reach, seed):
    levels = np.random.default_rng(seed).integers(0, 5, size=(2, bins, frames))  # with ties, and silent frames
    magnitude = torch.from_numpy(levels * (levels > 1)).float()
    torch.testing.assert_close(nearest_peak(magnitude, reach), by_running_maxima(magnitude, reach))


@pytest.mark.parametrize(("name", "keys"), CASES, ids=str)
def test_inverse_is_that_of_the_representation(name, keys):
    transform = small_transform(name, **keys)
    image = transform(0.1 * noise(2, transform.n_samples, dtype=torch.float32))
    image = image + 0.01 * noise(*image.shape, dtype=torch.float32)  # what no sound has
    wanted = transform.inverse(image)
    made = exportable_inverse(transform, name)(image)
    assert wanted.abs().max() > 0.05
    torch.testing.assert_close(made, wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


def test_scaling_is_undone():
    transform = ScaledTransform(small_transform("stft"), [2.0, 0.5], [0.1, -0.3])
    image = transform(noise(2, transform.n_samples, dtype=torch.float32))
    made = exportable_inverse(transform, "stft")(image)
    torch.testing.assert_close(made, transform.inverse(image), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_fixed_program_is_refused_with_the_reason(name):
    with pytest.raises(UserError, match=rf"export: the inverse of {name} {REFUSED[name]}"):
        exportable_inverse(small_transform(name), name)


def test_every_representation_is_exported_or_refused_by_name():
    assert {name for name, _ in CASES} | set(REFUSED) == set(TRANSFORMS)
    assert knows("mag-if", "phase_locking")
