"""The transform against the package nsgt, where that is installed (see benchmarks/nsgt_package.py)."""

import warnings

import numpy as np
import pytest
import torch

from audio_transforms.cq_nsgt import merge_mirrors
from audio_transforms.nsgt import NSGT, design_bands
from benchmarks.nsgt_package import load_nsgt

try:
    nsgt = load_nsgt()
except ImportError:
    pytest.skip("needs the package nsgt", allow_module_level=True)

RATE = 16_000
SCALES = {"log": "LogScale", "lin": "LinScale", "mel": "MelScale", "oct": "OctScale"}
CASES = [
    ("log", 20.0, 8_000.0, 96, 16_000),  # the published geometry
    ("log", 200.0, 8_000.0, 24, 1_000),
    ("log", 200.0, 8_000.0, 24, 1_023),
    ("log", 200.0, 3_000.0, 24, 1_023),
    ("log", 50.0, 7_500.0, 60, 4_000),
    ("lin", 35.0, 7_321.0, 40, 4_000),
    ("lin", 100.0, 8_000.0, 80, 2_001),
    ("mel", 20.0, 8_000.0, 96, 16_000),
    ("mel", 35.0, 7_321.0, 40, 4_001),
    ("oct", 20.0, 7_900.0, 12, 16_000),
    ("oct", 55.0, 7_040.0, 12, 8_000),
]


EVEN = [case for case in CASES if case[-1] % 2 == 0]


def both(scale, fmin, fmax, n_bins, n_samples):
    ours = NSGT(design_bands(scale, fmin=fmin, fmax=fmax, n_bins=n_bins, sample_rate=RATE, n_samples=n_samples))
    frequencies = getattr(nsgt, SCALES[scale])(fmin, fmax, n_bins)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Q-factor too high")  # of bands narrower than 8 bins
        theirs = nsgt.NSGT(frequencies, RATE, n_samples, real=False, matrixform=True)
    return ours, theirs


@pytest.mark.parametrize("case", CASES, ids=str)
def test_coefficients_are_theirs(case):
    ours, theirs = both(*case)
    wave = np.random.default_rng(0).uniform(-1, 1, ours.n_samples)
    expected = np.stack(theirs.forward(wave))
    bands = ours(torch.from_numpy(wave)[None])
    coefficients = torch.cat((bands, bands[:, 1:-1].flip(1).conj()), dim=1)[0].numpy()
    assert coefficients.shape == expected.shape
    assert np.abs(coefficients - expected).max() <= 1e-12 * np.abs(expected).max()  # 2.8e-14


@pytest.mark.parametrize("case", CASES, ids=str)
def test_their_coefficients_come_back_as_the_wave(case):
    ours, theirs = both(*case)
    wave = np.random.default_rng(0).uniform(-1, 1, ours.n_samples)
    coefficients = torch.from_numpy(np.stack(theirs.forward(wave)))[None]
    restored = ours.inverse(merge_mirrors(coefficients))[0].numpy()
    np.testing.assert_allclose(restored, wave, rtol=0, atol=1e-11)  # 6.1e-14


@pytest.mark.parametrize("case", EVEN, ids=str)
def test_inverse_of_any_coefficients_is_theirs(case):
    """Theirs is the real part of the complex signal that fits best: of odd length, not quite the best real signal."""
    ours, theirs = both(*case)
    shape = (2 * ours.n_bands - 2, ours.n_frames)
    generator = np.random.default_rng(1)
    coefficients = generator.normal(size=shape) + 1j * generator.normal(size=shape)
    expected = np.real(theirs.backward(list(coefficients)))
    wave = ours.inverse(merge_mirrors(torch.from_numpy(coefficients)[None]))[0].numpy()
    assert np.abs(wave - expected).max() <= 1e-11 * np.abs(expected).max()  # 1.0e-14
