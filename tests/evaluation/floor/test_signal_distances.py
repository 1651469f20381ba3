"""The measures against values that follow from their formulas."""

import numpy as np
import pytest
import torch

from evaluation.floor.signal_distances import (
    LARGEST_DB,
    log_spectral_distance_db,
    pitch_error,
    snr_db,
    spectral_convergence_db,
)

RATE = 16_000
DISTANCES = [snr_db, log_spectral_distance_db, spectral_convergence_db]
SHORTEST_PITCHED = 11_703  # samples, 70 % of which are 8192


def noise(n_samples=RATE, seed=0):
    return torch.randn(1, n_samples, generator=torch.Generator().manual_seed(seed)) / 5


def tone(hertz, n_samples=RATE):
    time = np.arange(n_samples) / RATE
    return sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3)) / 4


@pytest.mark.parametrize("gain", [0.5, 0.9, 1.1, 0.0])
def test_gain_alone_has_known_distances(gain):
    wave = noise().double()
    error = 20 * np.log10(abs(1 - gain))
    assert snr_db(wave, gain * wave).item() == pytest.approx(-error, abs=1e-9)
    assert spectral_convergence_db(wave, gain * wave).item() == pytest.approx(error, abs=1e-9)
    if gain:
        # every bin of the noise is within 80 dB of its peak, so that all of them count
        distance = log_spectral_distance_db(wave, gain * wave).item()
        assert distance == pytest.approx(abs(20 * np.log10(gain)), abs=1e-9)


def test_same_wave_is_identical_and_phase_matters_to_the_waveform_alone():
    wave = noise()
    values = [distance(wave, wave).item() for distance in DISTANCES]
    assert values == [LARGEST_DB, 0, -LARGEST_DB]
    values = [distance(wave, -wave).item() for distance in DISTANCES]
    assert values == [pytest.approx(-20 * np.log10(2)), 0, -LARGEST_DB]


def test_log_spectral_distance_is_a_mean_over_time_of_a_root_mean_square_over_frequency():
    wave = noise(64 * 512).double()
    halved = torch.cat((wave[:, : 32 * 512], wave[:, 32 * 512 :] / 2), dim=1)
    step = 20 * np.log10(2)
    # 65 frames; the four around the step see some of both
    assert log_spectral_distance_db(wave, halved).item() == pytest.approx(step * 32.5 / 65, abs=step * 2 / 65)
    low = torch.fft.rfft(wave)
    low[:, low.shape[1] // 2 :] /= 2
    tilted = torch.fft.irfft(low)
    assert log_spectral_distance_db(wave, tilted).item() == pytest.approx(step / np.sqrt(2), rel=1e-3)  # 1.1e-4


def test_what_is_80_db_below_the_peak_does_not_count():
    wave = torch.from_numpy(tone(440.0) * np.hanning(RATE))[None]
    faint = wave + 1e-6 * noise().double()
    assert log_spectral_distance_db(wave, faint) < 1e-3  # 2e-4
    audible = wave + 1e-2 * noise().double()
    assert log_spectral_distance_db(wave, audible) > 10
    assert log_spectral_distance_db(100 * wave, 100 * audible) == pytest.approx(
        log_spectral_distance_db(wave, audible).item()
    )


def test_nothing_is_left_of_a_note_that_comes_back_silent():
    wave, silence = noise(), torch.zeros(1, RATE)
    assert snr_db(wave, silence).item() == 0
    assert spectral_convergence_db(wave, silence).item() == 0
    assert 50 < log_spectral_distance_db(wave, silence) <= 80


@pytest.mark.parametrize("distance", DISTANCES)
def test_rows_are_measured_each_for_itself_and_in_any_precision(distance):
    original = torch.cat([noise(1_000, seed) for seed in range(3)])
    restored = torch.cat([noise(1_000, seed) for seed in range(3, 6)])
    values = distance(original, restored)
    assert values.shape == (3,)
    assert values.dtype == torch.float64
    alone = [distance(original[row : row + 1], restored[row : row + 1]).item() for row in range(3)]
    np.testing.assert_allclose(values, alone, rtol=1e-12)
    assert len(set(alone)) == 3


@pytest.mark.parametrize("n_samples", [1, 2, 511, 2_049])
@pytest.mark.parametrize("distance", DISTANCES)
def test_notes_of_any_length_are_measured(distance, n_samples):
    assert distance(noise(n_samples), noise(n_samples, 1)).isfinite().all()


@pytest.mark.parametrize("distance", DISTANCES)
def test_what_cannot_be_compared_is_refused(distance):
    with pytest.raises(ValueError, match="an original is silent"):
        distance(torch.zeros(1, 100), noise(100))
    with pytest.raises(ValueError, match="one shape"):
        distance(noise(100), noise(101))
    with pytest.raises(ValueError, match="one shape"):
        distance(noise(100)[0], noise(100)[0])


@pytest.mark.parametrize("cents", [0, 10, -35, 1200])
def test_pitch_error_is_the_interval_between_both(cents):
    result = pitch_error(tone(440.0), tone(440.0 * 2 ** (cents / 1200)), 69, RATE)
    assert result.pitched
    assert result.cents == pytest.approx(abs(cents), abs=0.05)  # 0.014


def test_pitch_of_the_held_part_counts():
    steady, n_samples = tone(440.0, 5 * RATE), 5 * RATE
    bent = steady.copy()
    bent[3 * RATE :] = tone(300.0, 2 * RATE)
    assert pitch_error(steady, bent, 69, RATE).cents == 0  # after 3 s
    faded = steady[:RATE].copy()
    faded[RATE * 7 // 10 :] = 0
    assert pitch_error(steady[:RATE], faded, 69, RATE).cents == 0
    faded[: RATE * 7 // 10] = tone(450.0, n_samples)[: RATE * 7 // 10]
    assert pitch_error(steady[:RATE], faded, 69, RATE).cents > 30


def test_notes_without_a_clear_pitch_do_not_count_and_lost_pitches_are_known():
    hiss = noise()[0].numpy()
    assert pitch_error(hiss, hiss, 69, RATE) == (False, None)
    assert pitch_error(tone(440.0), np.zeros(RATE), 69, RATE) == (True, None)


def test_notes_too_short_for_a_pitch_do_not_count():
    wave = tone(440.0)
    assert pitch_error(wave[: SHORTEST_PITCHED - 1], wave[: SHORTEST_PITCHED - 1], 69, RATE) == (False, None)
    assert pitch_error(wave[:SHORTEST_PITCHED], wave[:SHORTEST_PITCHED], 69, RATE) == (True, 0)
