"""Which notes are looped, and how they sound when they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.note_pitch import hertz
from generation.playing.sustain import find_loop
from generation.sampler.regions import ranges_of
from generation.sampler.samples import prepare_sample

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


def test_only_whole_periods_count_where_they_are_asked_for():
    """In a noise, which repeats nowhere, the stretch that is most alike has any length."""
    off = {False: [], True: []}
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(size=8_000)
        for whole, found in off.items():
            loop = find_loop(noise, period=40.3, sample_rate=RATE, whole_periods=whole)
            found.append(abs(len(loop.cycle) / 40.3 - round(len(loop.cycle) / 40.3)))
    assert max(off[True]) <= 0.1
    assert max(off[False]) > 0.2


def test_a_note_whose_best_loop_is_no_whole_number_of_periods_gets_one_that_is():
    """A loud partial that drifts: the best stretch of the whole note is one of its periods, not of the note's."""
    time = np.arange(RATE) / RATE
    wave = tone(60) + 0.1 * np.sin(2 * np.pi * 3.5 * hertz(60) * time).astype(np.float32)
    first, end = prepared(wave.astype(np.float32)).loop
    periods = (end - first) * hertz(60) / RATE
    assert abs(periods - round(periods)) <= 0.11
