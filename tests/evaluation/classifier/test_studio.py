import math

import numpy as np
import pytest
import torch

from evaluation.classifier.studio import MOST_CENTS, MOST_GAIN, coded, detuned, equalised, in_rooms

TIME = torch.arange(16_000) / 16_000
EVERY = [equalised, in_rooms, detuned, coded]


def tones(count=64, hertz=440.0):
    return (0.5 * torch.sin(2 * math.pi * hertz * TIME)).repeat(count, 1)


def clicks(count=64, at=2000):
    waves = torch.zeros(count, 16_000)
    waves[:, at] = 1
    return waves


def changed(before, after, least=1e-4):
    """Which notes differ by more than rounding."""
    return (before - after).abs().amax(1) > least


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("function", EVERY)
def test_same_draws_same_notes_and_the_input_is_left_alone(function):
    waves = tones(16)
    one, other = function(waves, rng(3)), function(waves, rng(3))
    assert torch.equal(one, other)
    assert not torch.equal(one, function(waves, rng(4)))
    assert torch.equal(waves, tones(16))
    assert one.shape == waves.shape
    assert one.dtype == torch.float32


@pytest.mark.parametrize("function", EVERY)
def test_silence_stays_silent(function):
    assert (function(torch.zeros(16, 16_000), rng()) == 0).all()


@pytest.mark.parametrize(("function", "share"), [(equalised, 0.75), (in_rooms, 0.4), (detuned, 0.5), (coded, 0.25)])
def test_share_of_the_notes_that_change(function, share):
    found = float(changed(tones(400), function(tones(400), rng())).float().mean())
    assert abs(found - share) < 0.08  # more than three standard deviations


def test_an_equaliser_is_smooth_and_changes_no_frequency_by_more_than_its_parts_can():
    gains = 20 * torch.log10(torch.fft.rfft(equalised(clicks(), rng())).abs() + 1e-9)
    assert gains.abs().max() < 6 * MOST_GAIN
    assert gains.abs().max() > MOST_GAIN / 2
    by_octave = gains[:, [250, 500, 1000, 2000, 4000]]
    assert (by_octave.std(0) > 3).all()  # dB: every octave differs from note to note
    assert gains[:, 101:].diff(dim=1).abs().max() < 1  # dB from one hertz to the next


def test_an_equaliser_keeps_the_moment():
    assert (equalised(clicks(), rng()).abs().argmax(1) == 2000).all()


def test_a_room_answers_after_the_sound_and_dies_away():
    found = in_rooms(clicks(200), rng())
    reverberant = changed(clicks(200), found)
    tails = found[reverberant]
    assert tails[:, :2000].abs().max() < 1e-5  # nothing before the click
    torch.testing.assert_close(tails[:, 2000], torch.ones(len(tails)), atol=1e-4, rtol=0)
    energy = tails.square()
    early, late = energy[:, 2001:4000].sum(1), energy[:, 8000:10_000].sum(1)
    assert (late < 0.5 * early).all()
    wet = 10 * torch.log10(energy[:, 2001:].sum(1))
    assert wet.max() < -1.9
    assert wet.min() > -24.1


def test_detuning_moves_the_pitch_by_20_cents_at_most():
    spectra = torch.fft.rfft(detuned(tones(200, 2000.0), rng()) * torch.hann_window(16_000), n=2**18).abs()
    cents = 1200 * torch.log2(spectra.argmax(1) * 16_000 / 2**18 / 2000)
    assert cents.abs().max() < MOST_CENTS + 0.1
    assert cents.max() > 15
    assert cents.min() < -15


def test_detuning_adds_little_but_the_new_pitch():
    """Of a tone of 1 kHz, all but a thousandth of the energy stays within 15 Hz of it."""
    spectra = torch.fft.rfft(detuned(tones(32, 1000.0), rng()) * torch.hann_window(16_000)).abs().square()
    beside = spectra[:, :985].sum(1) + spectra[:, 1016:].sum(1)
    assert (beside < 1e-3 * spectra.sum(1)).all()


def test_codes_are_coarse_and_keep_the_level():
    waves = 0.01 * tones(400)
    found = coded(waves, rng())
    coarse = found[changed(waves, found, least=1e-6)]
    error = (coarse - waves[0]).square().mean(1) / waves[0].square().mean()
    assert 10 * torch.log10(error.max()) < -28  # dB: the mu-law, and 7 bits
    assert 10 * torch.log10(error.min()) > -80
    assert max(len(row.unique()) for row in coarse) <= 4097
    assert float((coarse.abs().amax(1) / 0.005 - 1).abs().max()) < 1e-3
