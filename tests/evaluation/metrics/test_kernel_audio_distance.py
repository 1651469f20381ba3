import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from evaluation.metrics import kernel_audio_distance as module
from evaluation.metrics.kernel_audio_distance import gaussian_kernel, kernel_audio_distance, median_distance


def samples(n, d=6, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def test_it_is_the_sum_over_pairs():
    real, fake = samples(40), 1.5 * samples(25, shift=0.3, seed=1)
    width = np.median(pdist(real))
    within_real, within_fake, between = (
        np.exp(-(cdist(a, b) ** 2) / (2 * width**2)) for a, b in ((real, real), (fake, fake), (real, fake))
    )
    np.fill_diagonal(within_real, 0)
    np.fill_diagonal(within_fake, 0)
    expected = within_real.sum() / (40 * 39) + within_fake.sum() / (25 * 24) - 2 * between.mean()
    assert kernel_audio_distance(real, fake).value == pytest.approx(100 * expected, rel=1e-9)


def test_two_points_far_apart_have_the_closed_form():
    real, fake = np.array([[0.0], [1.0]]), np.array([[1e6], [1e6]])
    assert kernel_audio_distance(real, fake).value == pytest.approx(100 * (np.exp(-0.5) + 1))


def test_gaussians_have_their_closed_form():
    d, shift, width = 3, 1.0, 2.0
    scale = (1 + 2 / width**2) ** (-d / 2)
    expected = 200 * scale * (1 - np.exp(-(d * shift**2) / (2 * (width**2 + 2))))
    found = kernel_audio_distance(samples(1500, d), samples(1500, d, shift, seed=1), bandwidth=width)
    assert abs(found.value - expected) < 4 * found.standard_error
    assert found.standard_error < 0.1 * expected


def test_few_samples_are_no_bias_and_units_do_not_count():
    few = [kernel_audio_distance(samples(8, seed=2 * k), samples(8, seed=2 * k + 1)).value for k in range(200)]
    assert abs(np.mean(few)) < 3 * np.std(few) / np.sqrt(200)
    real, fake = samples(30), samples(30, shift=0.5, seed=1)
    assert kernel_audio_distance(7 * real, 7 * fake).value == pytest.approx(kernel_audio_distance(real, fake).value)


def test_the_median_is_over_all_pairs_whatever_the_blocks(monkeypatch):
    array = samples(50)
    assert median_distance(array) == pytest.approx(np.median(pdist(array)))
    monkeypatch.setattr(module, "BLOCK_ROWS", 7)
    assert median_distance(array) == pytest.approx(np.median(pdist(array)))


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, np.nan])
def test_a_width_that_is_none_is_refused(bandwidth):
    with pytest.raises(ValueError, match="bandwidth must be above 0"):
        gaussian_kernel(bandwidth)
    with pytest.raises(ValueError, match="are all real samples the same"):
        kernel_audio_distance(np.ones((4, 2)), samples(4, 2))
