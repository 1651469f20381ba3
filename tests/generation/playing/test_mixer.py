"""Mixing: every note on its sample, whatever the blocks; silence is 0; envelopes and velocities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.playing.latents import Latents
from generation.playing.mixer import Envelope, mix, mixed_length
from generation.playing.performance import Performance
from generation.playing.plan import velocity_gain
from generation.playing.settings import PieceSettings
from generation.playing.sounds import SoundBank
from generation.playing.sustain import prepare_sound
from tests.generation.playing.stand_in import RATE, StandIn, click, note, piece_of, sine

PLAIN = (0.0, 0.0, 1.0, 0.0)
SOFT = (0.003, 0.02, 0.6, 0.05)
NOTES = st.lists(
    st.builds(
        note,
        onset=st.floats(0, 3),
        duration=st.floats(1e-6, 2.5),
        pitch=st.integers(48, 72),
        velocity=st.integers(1, 127),
        channel=st.integers(1, 3),
    ),
    min_size=1,
    max_size=12,
)


def ready(instrument, notes, **settings):
    """The plan of `notes`, and the bank that makes its sounds."""
    performance = Performance.of(instrument, piece_of(*notes), PieceSettings(**settings))
    latents = Latents(instrument, performance.settings.latent, None)
    return performance.plan, SoundBank(latents.waves, performance.plan, RATE, performance.settings.sustain)


def mixed(instrument, notes, *, stages=PLAIN, block_size=2**15, **settings):
    plan, bank = ready(instrument, notes, **settings)
    return np.concatenate(list(mix(plan, bank.sound, Envelope.of(stages, RATE), block_size=block_size)))


@given(notes=NOTES)
@settings(deadline=None, max_examples=50)
def test_a_click_lies_on_the_sample_of_its_onset(notes):
    wave = mixed(StandIn(click), notes, sustain="none", velocity_curve="flat")
    expected = np.zeros(len(wave))
    for each in notes:
        expected[round(each.onset * RATE)] += 0.5
    np.testing.assert_array_equal(wave, expected.astype(np.float32))


@given(notes=NOTES, block_size=st.sampled_from([97, 1000, 4096, 10**6]), sustain=st.sampled_from(["loop", "retrigger"]))
@settings(deadline=None, max_examples=15)
def test_blocks_of_any_size_give_the_same_bits(notes, block_size, sustain):
    instrument = StandIn(sine, n_samples=3001)
    by_blocks = mixed(instrument, notes, stages=SOFT, block_size=block_size, sustain=sustain)
    np.testing.assert_array_equal(by_blocks, mixed(instrument, notes, stages=SOFT, sustain=sustain))


@given(notes=NOTES, sustain=st.sampled_from(["loop", "retrigger", "none"]))
@settings(deadline=None, max_examples=30)
def test_silence_is_exactly_zero_and_a_mix_is_the_sum_of_its_notes(notes, sustain):
    instrument, choices = StandIn(sine, n_samples=4000), {"stages": SOFT, "sustain": sustain}
    wave = mixed(instrument, notes, **choices)
    alone = np.zeros(len(wave))
    sounding = np.zeros(len(wave), dtype=bool)
    for each in notes:
        one = mixed(instrument, [each], **choices)
        alone[: len(one)] += one
        onset, end = round(each.onset * RATE), round((each.onset + each.duration) * RATE)
        sounding[onset : max(end, onset + 1) + round(SOFT[3] * RATE)] = True
        assert not one[:onset].any()
        assert one[onset] != 0
    np.testing.assert_allclose(wave, alone, rtol=0, atol=1e-5)
    assert not wave[~sounding].any()


@pytest.mark.parametrize("duration", [0.0001, 0.01, 0.3, 0.69, 0.9, 4.0])
def test_a_note_lasts_as_long_as_written_and_then_falls_to_silence_within_its_release(duration):
    wave = np.abs(mixed(StandIn(sine), [note(0.5, duration, 69)], stages=(0, 0, 1, 0.05)))
    gate = max(round((0.5 + duration) * RATE), 8001)
    assert len(wave) == gate + 800
    assert wave[gate + 790 :].max() < 0.5 * 0.02
    assert wave[:8000].max() == 0
    assert wave[gate - 40 : gate].max() > 0.45 or duration < 0.01
    assert wave[gate + 380 : gate + 420].max() == pytest.approx(0.25, abs=0.02)


def test_envelope_is_linear_and_goes_on_from_the_level_that_was_reached():
    envelope = Envelope(attack=3, decay=3, sustain=0.5, release=3)
    np.testing.assert_allclose(
        envelope.levels(0, 12, gate=8), [0.25, 0.5, 0.75, 0.875, 0.75, 0.625, 0.5, 0.5, 0.375, 0.25, 0.125, 0.0]
    )
    np.testing.assert_allclose(envelope.levels(0, 5, gate=2), [0.25, 0.5, 0.375, 0.25, 0.125])
    np.testing.assert_array_equal(Envelope(0, 0, 1.0, 0).levels(0, 3, gate=2), [1, 1, 0])


@given(
    stages=st.tuples(st.floats(0, 0.01), st.floats(0, 0.01), st.floats(0, 1), st.floats(0.001, 0.01)),
    gate=st.integers(1, 500),
)
def test_envelope_never_jumps_by_more_than_its_steepest_ramp(stages, gate):
    envelope = Envelope.of(stages, RATE)
    levels = envelope.levels(0, gate + envelope.release + 1, gate)
    steepest = max(1 / (n + 1) for n in (envelope.attack, envelope.decay, envelope.release))
    assert np.abs(np.diff(levels, prepend=0)).max() <= steepest + 1e-9
    assert levels.min() >= 0
    assert levels.max() <= 1
    assert levels[-1] == 0


@pytest.mark.parametrize(("curve", "decibels"), [("square", -12.04), ("linear", -6.02), ("flat", 0.0)])
def test_velocity_curves_in_decibels(curve, decibels):
    half, full = velocity_gain(np.array([63.5, 127]), curve)
    assert full == 1
    assert 20 * np.log10(half / full) == pytest.approx(decibels, abs=0.01)
    waves = [mixed(StandIn(click), [note(0, velocity=v)], sustain="none", velocity_curve=curve) for v in (127, 64)]
    assert waves[1][0] / waves[0][0] == pytest.approx(velocity_gain(np.array([64]), curve)[0], rel=1e-6)


def test_notes_that_end_by_themselves_are_released_before_they_break_off():
    steady = StandIn(lambda n, *_: np.full(n, 0.5, np.float32), n_samples=4000)
    wave = mixed(steady, [note(0, 1.0)], stages=(0, 0, 1, 0.05), sustain="none")
    assert wave[3199] == 0.5
    assert np.abs(np.diff(wave[3000:])).max() < 0.001
    assert wave[3999] > 0
    assert not wave[4000:].any()


def test_each_sound_is_made_once_ahead_and_forgotten_after_its_last_note():
    instrument = StandIn(click)
    notes = [note(k / 10, 0.05, 48 + k % 20) for k in range(60)]
    plan, bank = ready(instrument, notes, sustain="none")
    most = 0
    for _ in mix(plan, bank.sound, Envelope.of(PLAIN, RATE), block_size=500):
        most = max(most, len(bank.kept))
    assert len(instrument.made) == len(set(instrument.made)) == 20
    assert bank.kept == {}
    assert most <= 20

    moving = StandIn(click)
    plan, bank = ready(moving, notes, sustain="none", latent="linear", seeds=(0, 1))
    most = max(len(bank.kept) for _ in mix(plan, bank.sound, Envelope.of(PLAIN, RATE), block_size=500))
    assert len(moving.made) == len(set(moving.made)) == 60
    assert most <= 16


def test_a_held_note_goes_round_its_cycle():
    sound = prepare_sound(sine(RATE, 65, None), hertz=349.2, sample_rate=RATE, sustain="loop")
    turns = np.concatenate((sound.wave[: sound.held_from], np.tile(sound.cycle, 20)))
    np.testing.assert_array_equal(mixed(StandIn(sine), [note(0, 3.0, 65)]), turns[: 3 * RATE])
    by_itself = round(0.6 * RATE)
    np.testing.assert_array_equal(mixed(StandIn(sine), [note(0, 0.6, 65)]), sine(RATE, 65, None)[:by_itself])


def test_long_notes_are_not_laid_out():
    plan, bank = ready(StandIn(sine), [note(0, 3600.0, 60)])
    envelope = Envelope.of(SOFT, RATE)
    assert mixed_length(plan, envelope) == 3600 * RATE + 800
    blocks = mix(plan, bank.sound, envelope, block_size=1000)
    assert np.abs(next(blocks)).max() > 0.1
