"""Loudness and true peak against the standard's own figures."""

import math
from itertools import pairwise

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.playing.levels import LoudnessMeter, TruePeakMeter, k_weighting
from tests.generation.playing.stand_in import tone


def loudness(wave, rate, block_size=4096):
    meter = LoudnessMeter(rate)
    for start in range(0, len(wave), block_size):
        meter.add(wave[start : start + block_size])
    return meter.loudness()


def true_peak(wave, rate):
    meter = TruePeakMeter(rate)
    meter.add(wave, last=False)
    meter.add(wave[:0], last=True)
    return meter.true_peak()


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000])
def test_blocks_are_measured_as_pyloudnorm_measures_the_whole(rate):
    levels = np.random.default_rng(1).uniform(-60, 0, 30)  # dB, of each second: some stay below the gate
    noise = np.random.default_rng(0).normal(0, 0.1, 30 * rate)
    wave = (noise * np.repeat(10 ** (levels / 20), rate)).astype(np.float32)
    whole = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(wave.astype(np.float64))
    assert loudness(wave, rate) == pytest.approx(whole, abs=1e-4)


def test_filters_at_48_khz_are_those_that_the_standard_prints():
    """ITU-R BS.1770-5, tables 1 and 2."""
    printed = [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1, -1.99004745483398, 0.99007225036621],
    ]
    np.testing.assert_allclose(k_weighting(48_000), printed, rtol=0, atol=1e-8)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_a_full_scale_sine_of_997_hz_has_minus_3_01(rate):
    assert loudness(tone(rate, 5, 0.0), rate) == pytest.approx(-3.01, abs=0.05 if rate > 8000 else 0.1)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(20, -23)], -23.0),  # case 1, for one channel: 3 dB less than the standard's two
        ([(20, -33)], -33.0),  # case 2
        ([(10, -36), (60, -23), (10, -36)], -23.0),  # case 3: the relative gate
        ([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], -23.0),  # case 4: the absolute one
        ([(20, -26), (20.1, -20), (20, -26)], -23.0),  # case 5
    ],
)
def test_cases_of_ebu_tech_3341(parts, expected):
    rate = 48_000
    wave = np.concatenate([tone(rate, seconds, decibels, 1000.0) for seconds, decibels in parts])
    assert loudness(wave, rate) == pytest.approx(expected - 3.01, abs=0.1)


@given(cuts=st.lists(st.integers(0, 30_000), max_size=8), rate=st.sampled_from([11_025, 16_000]))
@settings(deadline=None, max_examples=30)
def test_blocks_of_any_size_are_heard_alike(cuts, rate):
    wave = np.random.default_rng(0).normal(0, 0.1, 30_000).astype(np.float32)
    meter = LoudnessMeter(rate)
    edges = [0, *sorted(cuts), len(wave)]
    for first, last in pairwise(edges):
        meter.add(wave[first:last])
    assert meter.loudness() == pytest.approx(loudness(wave, rate, 30_000), abs=1e-9)


def test_silence_has_no_loudness_and_no_peak_and_short_sound_is_one_block():
    assert loudness(np.zeros(16_000, np.float32), 16_000) == -math.inf
    assert true_peak(np.zeros(16_000, np.float32), 16_000) == -math.inf
    short = tone(16_000, 0.2, 0.0)
    assert loudness(short, 16_000) == pytest.approx(-3.01 - 3.01, abs=0.2)


@pytest.mark.parametrize(("phase", "between"), [(0.0, 0.0), (math.pi / 4, 3.01)])
def test_true_peak_lies_between_samples(phase, between):
    """A sine of a quarter of the rate: at 45 degrees its samples are 3 dB below its crests."""
    wave = tone(16_000, 1, -6.0, 4000.0, phase)[4000:12_000]
    assert 20 * np.log10(np.abs(wave).max()) == pytest.approx(-6.0 - between, abs=0.01)
    wave *= np.hanning(len(wave)) ** 0.25
    assert true_peak(wave.astype(np.float32), 16_000) == pytest.approx(-6.0, abs=0.2)
