"""Which notes are looped, and how they sound when they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.note_pitch import hertz
from generation.playing.sustain import find_loop
from generation.sampler.regions import ranges_of
from generation.sampler.samples import LEAST_SIMILARITY, prepare_sample

RATE = 16_000


def tone(pitch, *, decay=0.0, cents=0.0, n_samples=RATE):
    """A tone of up to six partials that falls by `decay` dB per second, with the fade-out that networks learn."""
    time = np.arange(n_samples) / RATE
    wave = sum(
        np.sin(2 * np.pi * k * hertz(pitch + cents / 100) * time + k) / k
        for k in range(1, min(7, int(RATE / 2 / hertz(pitch))))
    )
    fade = np.clip((n_samples - np.arange(n_samples)) / (0.3 * n_samples), 0, 1)
    return (0.2 * wave * 10 ** (-decay * time / 20) * fade).astype(np.float32)


def prepared(wave, pitch=60):
    return prepare_sample(wave, pitch=pitch, sample_rate=RATE)


@pytest.mark.parametrize("pitch", [36, 60, 79, 100])
@pytest.mark.parametrize("cents", [0, 31])
def test_a_held_tone_is_looped_over_whole_periods_and_its_tuning_is_heard(pitch, cents):
    sample = prepared(tone(pitch, cents=cents), pitch)
    assert sample.verdict == "looped"
    assert sample.similarity > 0.99
    first, end = sample.loop
    periods = (end - first) * hertz(pitch + cents / 100) / RATE
    assert abs(periods - round(periods)) * RATE / hertz(pitch) <= 0.51  # of a sample
    assert sample.cents == pytest.approx(cents, abs=2)
    np.testing.assert_array_equal(sample.wave[end:], sample.wave[first : first + len(sample.wave) - end])
    assert len(sample.wave) - end >= 8


def test_a_looped_sample_begins_as_its_note_does():
    wave = tone(60)
    sample = prepared(wave)
    start = int(np.flatnonzero(wave == sample.wave[0])[0])
    np.testing.assert_array_equal(sample.wave[: sample.loop[0]], wave[start:][: sample.loop[0]])


def test_seams_are_no_click():
    sample = prepared(tone(60))
    first, end = sample.loop
    held = np.concatenate((sample.wave[:first], np.resize(sample.wave[first:end], 4 * RATE)))
    own = np.abs(np.diff(tone(60)[1000 : int(0.6 * RATE)])).max()
    assert np.abs(np.diff(held[1000:])).max() <= 1.01 * own


@pytest.mark.parametrize(
    ("wave", "verdict"),
    [
        (tone(60, decay=20), "one-shot: decays"),
        (np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32), "one-shot: no good loop"),
        (np.zeros(RATE, np.float32), "one-shot: silent"),
        (tone(60)[:40], "one-shot: no good loop"),
    ],
    ids=["decaying", "noise", "silence", "too short"],
)
def test_what_cannot_be_held_is_played_as_it_is(wave, verdict):
    sample = prepared(wave)
    assert (sample.verdict, sample.loop) == (verdict, None)
    np.testing.assert_array_equal(sample.wave, wave[len(wave) - len(sample.wave) :])


def test_a_note_far_from_its_key_is_not_tuned():
    assert prepared(tone(64), pitch=60).cents is None
    assert prepared(np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)).cents is None


@given(st.sets(st.integers(0, 127), min_size=1).flatmap(lambda keys: st.tuples(st.just(keys), st.just(sorted(keys)))))
def test_ranges_cover_every_value_once_by_the_nearest(case):
    keys, values = case
    ranges = ranges_of(values, 0, 127)
    covered = [key for low, high in ranges for key in range(low, high + 1)]
    assert covered == list(range(128))
    for value, (low, high) in zip(values, ranges, strict=True):
        for key in (low, high):
            assert abs(key - value) == min(abs(key - other) for other in keys)


def drifting(pitch):
    """A tone whose second partial, the loudest, is mistuned, so that it repeats best beside whole periods."""
    time = np.arange(RATE) / RATE
    partials = [(1, 0.3), (2.03, 1.0), (3.01, 0.3)]
    wave = sum(level * np.sin(2 * np.pi * k * hertz(pitch) * time + k) for k, level in partials)
    return (0.1 * wave).astype(np.float32)


@pytest.mark.parametrize("pitch", [57, 60, 66])
def test_a_loop_of_whole_periods_is_preferred_to_one_that_is_more_alike(pitch):
    steady, period = drifting(pitch).astype(np.float64), RATE / hertz(pitch)
    any_, whole = (
        find_loop(steady, period=period, sample_rate=RATE, starts=48, whole_periods=each) for each in (False, True)
    )
    off = [abs(len(loop.cycle) / period - round(len(loop.cycle) / period)) for loop in (any_, whole)]
    assert off[1] <= 0.1 < off[0]
    assert LEAST_SIMILARITY <= whole.correlation <= any_.correlation
