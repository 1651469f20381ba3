"""Waves read between their samples, against the sines that they should be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.tuning.resampling import at_ratio, read_at

N, RATE = 3000, 16_000


def sine(hertz, times):
    return np.sin(2 * np.pi * hertz * times / RATE + 1)


@settings(deadline=None, max_examples=25)
@given(hertz=st.floats(50, 6900), ratio=st.floats(0.5, 2.0))
def test_a_sine_is_read_as_a_faster_or_slower_one(hertz, ratio):
    hertz /= max(ratio, 1.0)
    positions = 300 + np.arange(400) * ratio
    read = read_at(sine(hertz, np.arange(1500)), positions, ratio)
    np.testing.assert_allclose(read, sine(hertz, positions), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("hertz", "ratio"), [(5000, 1.7), (7900, 1.06), (4100, 2.0), (2100, 4.0)])
def test_what_would_fold_is_taken_out(hertz, ratio):
    read = read_at(sine(hertz, np.arange(N)), 800 + np.arange(300) * ratio, ratio)
    assert np.abs(read).max() < 1e-3


def test_a_constant_stays_one_and_both_ends_are_silent():
    read = read_at(np.ones(1000), np.array([-500.0, 300.25, 500.5, 999.0 + 65, 1e9]), 1.0)
    np.testing.assert_allclose(read, [0, 1, 1, 0, 0], atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(size=st.integers(1, 500), ratio=st.floats(0.5, 3.0))
def test_each_sample_depends_on_its_own_position_alone(size, ratio):
    source, positions = np.random.default_rng(0).normal(size=N), np.arange(700) * ratio
    parts = [read_at(source, positions[k : k + size], ratio) for k in range(0, 700, size)]
    np.testing.assert_array_equal(np.concatenate(parts), read_at(source, positions, ratio))


def test_a_note_keeps_its_length_and_ends_in_silence():
    wave = sine(440, np.arange(N)).astype(np.float32)
    assert at_ratio(wave, 1.0, RATE) is wave
    higher, lower = at_ratio(wave, 2 ** (0.5 / 12), RATE), at_ratio(wave, 2 ** (-0.5 / 12), RATE)
    assert len(higher) == len(lower) == N
    assert higher.dtype == lower.dtype == np.float32
    assert not higher[int(N / 2 ** (0.5 / 12)) + 66 :].any()
    assert np.abs(lower[-400:-160]).max() > 0.9
    assert np.abs(lower[-3:]).max() < 0.01
