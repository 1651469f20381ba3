import math

import pytest
import torch

from evaluation.embeddings.semitone_spectrogram import (
    BINS_PER_SEMITONE,
    LOWEST_PITCH,
    N_BINS,
    SAMPLE_RATE,
    SemitoneSpectrogram,
    transposed,
)


def sine(pitch, n_samples=16_000):
    time = torch.arange(n_samples, dtype=torch.float64) / SAMPLE_RATE
    return torch.sin(2 * math.pi * 440 * 2 ** ((pitch - 69) / 12) * time).float()[None]


@pytest.fixture(scope="module")
def spectrogram():
    return SemitoneSpectrogram()


@pytest.mark.parametrize("pitch", [24, 36, 48, 60, 72, 84, 100])
def test_a_sine_is_loudest_at_its_pitch(spectrogram, pitch):
    loudest = int(spectrogram(sine(pitch))[0].mean(0).argmax())
    assert abs((loudest - 1) / BINS_PER_SEMITONE + LOWEST_PITCH - pitch) <= 1 / BINS_PER_SEMITONE


@pytest.mark.parametrize(("n_samples", "frames"), [(16_000, 32), (16_384, 32), (16_385, 33), (1, 1)])
def test_one_frame_for_each_hop_begun(spectrogram, n_samples, frames):
    assert spectrogram(torch.ones(2, n_samples)).shape == (2, frames, N_BINS)


def test_levels_are_relative_to_the_loudest_and_reach_80_db_down(spectrogram):
    levels = spectrogram(sine(60))
    assert levels.max() == 2
    assert levels.min() == 0
    loud = levels > 1  # within 40 dB, far from the level that stands for silence
    torch.testing.assert_close(spectrogram(0.1 * sine(60))[loud], levels[loud], atol=5e-3, rtol=0)


def test_20_db_less_is_half_a_step(spectrogram):
    # a sine at pitch 96 beside a sine at pitch 60, of a tenth of its amplitude: 20 of 80 dB are 0.5 of 2
    levels = spectrogram(sine(60) + 0.1 * sine(96))[0].mean(0)
    at = [int(BINS_PER_SEMITONE * (pitch - LOWEST_PITCH) + 1) for pitch in (60, 96)]
    assert float(levels[at[0]] - levels[at[1]]) == pytest.approx(0.5, abs=0.15)  # the shorter window spreads it wider


def test_silence_is_even(spectrogram):
    assert (spectrogram(torch.zeros(1, 16_000)) == 2).all()


def test_transposed_sine_is_the_sine_transposed(spectrogram):
    moved = transposed(spectrogram(sine(60)), torch.tensor([5]))
    expected = spectrogram(sine(65))
    loud = expected > 1.5
    assert loud.sum() > 50
    assert float((moved - expected)[loud].abs().max()) < 0.25  # windows do not scale with pitch: 10 dB of 80


def test_transposition_is_by_row_and_brings_in_silence():
    levels = torch.rand(3, 2, N_BINS)
    moved = transposed(levels, torch.tensor([0, 2, -2]))
    assert torch.equal(moved[0], levels[0])
    assert torch.equal(moved[1, :, 6:], levels[1, :, :-6])
    assert (moved[1, :, :6] == 0).all()
    assert torch.equal(moved[2, :, :-6], levels[2, :, 6:])
    assert (moved[2, :, -6:] == 0).all()
