"""Partials that hold together where a generator's frequencies do not."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from audio_transforms.phase_locking import locked_phase, main_lobe_reach, nearest_peak
from tests.audio_transforms.small import RATE, decaying_notes, noise, small_transform, snr

GEOMETRY = {"fft_size": 1024, "win_size": 1024, "hop_size": 256, "n_frames": 32, "ifreq": True}


def transform(**keys):
    return small_transform("mag-if", **(GEOMETRY | keys))


def tones(n_samples, hertz):
    time = torch.arange(n_samples, dtype=torch.float64) / RATE
    return torch.stack([0.5 * torch.sin(2 * math.pi * each * time + 0.3) for each in hertz])


def middle(wave):
    """Without the ends, where the mirrored signal is no steady tone."""
    return wave[:, 1024:-1024]


@pytest.mark.parametrize("keys", [{}, {"win_size": 512, "hop_size": 128}])
@pytest.mark.parametrize("hertz", [200.0, 437.3, 1003.9, 3000.0])
def test_steady_tones_keep_frequency_and_level(hertz, keys):
    locking = transform(phase_locking=True, **keys)
    restored = middle(locking.inverse(locking(tones(locking.n_samples, [hertz]))))[0]
    angle = 2 * math.pi * hertz * torch.arange(len(restored), dtype=torch.float64) / RATE
    basis = torch.stack((angle.sin(), angle.cos()), dim=1)  # the phase starts from that of a mirrored beginning
    weights = torch.linalg.lstsq(basis, restored[:, None]).solution
    assert weights.norm().item() == pytest.approx(0.5, rel=0.01)
    assert snr(basis @ weights, restored[:, None]) > 30


def test_partials_do_not_beat_where_frequencies_of_their_bins_differ():
    locking, plain = transform(phase_locking=True), transform()
    wave = tones(plain.n_samples, [500.0])
    image = plain(wave)
    image[:, 1, :, 1:] += 0.03 * noise(*image[:, 1, :, 1:].shape)
    flutter = {}
    for name, each in (("locking", locking), ("plain", plain)):
        power = middle(each.inverse(image)).square().unfold(1, 512, 64).mean(dim=2)  # 16 periods
        flutter[name] = (10 * power.log10()).std().item()
    assert flutter["locking"] < 0.05
    assert flutter["plain"] > 10 * flutter["locking"]


def test_notes_keep_their_spectrum():
    locking = transform(phase_locking=True, n_frames=48)
    wave = decaying_notes(locking.n_samples)
    restored = locking.spectrogram(locking.inverse(locking(wave))).abs()
    assert snr(locking.spectrogram(wave).abs(), restored) > 15


def test_frequency_of_a_peak_is_the_mean_over_its_bins_by_power():
    magnitude = torch.zeros(1, 9, 2, dtype=torch.float64)
    magnitude[0, 3:6] = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)[:, None]
    frequency = torch.zeros_like(magnitude)
    frequency[0, 3:6, 1] = torch.tensor([0.9, -0.9, -0.6], dtype=torch.float64)  # 0.9 is -1.1
    phase = locked_phase(magnitude, frequency, reach=2)
    mean = (-1.1 - 0.9 * 4 - 0.6) / 6
    assert phase[0, 4, 1].item() == pytest.approx(math.pi * mean)
    turn = torch.remainder(phase[0, 3, 1] - phase[0, 4, 1], 2 * math.pi)
    assert turn.item() == pytest.approx(math.pi)  # neighbours of a tone are half a turn apart


def test_a_peak_that_moves_goes_on_from_the_bin_where_it_was():
    magnitude = torch.zeros(1, 9, 2, dtype=torch.float64)
    magnitude[0, 3:6, 0] = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    magnitude[0, 4:7, 1] = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    frequency = torch.full_like(magnitude, 0.25)
    phase = locked_phase(magnitude, frequency, reach=2)
    assert phase[0, 5, 1].item() == pytest.approx((phase[0, 5, 0] + math.pi / 4).item())


def test_every_bin_has_its_nearest_peak_and_silence_has_none():
    magnitude = torch.tensor([0.0, 3.0, 1.0, 0.5, 0.4, 1.0, 4.0, 0.0])[None, :, None].repeat(1, 1, 2)
    magnitude[..., 1] = 0
    peak = nearest_peak(magnitude, 2)
    assert peak[0, :, 0].tolist() == [1, 1, 1, 1, 6, 6, 6, 6]
    assert peak[0, :, 1].tolist() == list(range(8))


def test_silence_stays_silent():
    locking = transform(phase_locking=True)
    wave = torch.zeros(2, locking.n_samples)
    assert locking.inverse(locking(wave)).abs().max() < 1e-15  # the offset of the logarithm, by rounding


def test_phases_do_not_depend_on_the_batch_and_stay_within_half_a_turn():
    magnitude, frequency = noise(3, 33, 8).abs().float(), noise(3, 33, 8, seed=1).float()
    together = locked_phase(magnitude, frequency, reach=2)
    alone = torch.cat(
        [locked_phase(*each, reach=2) for each in zip(magnitude.split(1), frequency.split(1), strict=True)]
    )
    assert torch.equal(together, alone)
    assert together.abs().max() <= np.float32(math.pi)


def test_gradients_are_finite():
    locking = transform(phase_locking=True, frequency_floor=0.1)
    wave = tones(locking.n_samples, [440.0]).float()
    wave[:, : locking.n_samples // 2] = 0
    wave.requires_grad_()
    locking.inverse(locking(wave)).square().sum().backward()
    assert wave.grad is not None
    assert wave.grad.isfinite().all()
    assert wave.grad.abs().max() > 0


def test_a_padded_window_has_a_wider_lobe():
    assert [main_lobe_reach(1024, length) for length in (1024, 512, 400)] == [2, 4, 6]


def test_frequencies_fade_below_the_floor():
    plain, faded = transform(), transform(frequency_floor=0.5)
    wave = decaying_notes(plain.n_samples)
    magnitude = plain.spectrogram(wave).abs()
    share = faded(wave)[:, 1] / plain(wave)[:, 1].where(plain(wave)[:, 1] != 0, 1)
    known = plain(wave)[:, 1].abs() > 1e-6
    expected = magnitude.square() / (magnitude.square() + 0.25)
    torch.testing.assert_close(share[known], expected[known], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(faded(wave)[:, 0], plain(wave)[:, 0])


@pytest.mark.parametrize("keys", [{"phase_locking": True}, {"frequency_floor": 0.5}])
def test_neither_is_exact_and_neither_goes_with_raw_phase(keys):
    assert transform().exact
    assert not transform(**keys).exact
    with pytest.raises(ValidationError, match="ifreq"):
        small_transform("mag", **(GEOMETRY | {"ifreq": False} | keys))


def test_a_floor_makes_the_constant_q_image_inexact():
    assert small_transform("cq-nsgt").exact
    assert not small_transform("cq-nsgt", frequency_floor=0.1).exact
