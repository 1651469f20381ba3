"""Where a note begins, and how it is held: level, pitch and spectrum across the seams."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.playing.sustain import find_attack, find_loop, prepare_sound
from tests.generation.playing.stand_in import RATE, sine


def held(sound, n_samples):
    turn = np.arange(n_samples - sound.held_from) % len(sound.cycle)
    return np.concatenate((sound.wave[: sound.held_from], sound.cycle[turn])).astype(np.float64)


def harmonic(hertz, n_samples=RATE, decay=0.0):
    time = np.arange(n_samples) / RATE
    wave = sum(np.sin(2 * np.pi * k * hertz * time + k) / k for k in range(1, 7))
    fade = np.clip((n_samples - np.arange(n_samples)) / (0.3 * n_samples), 0, 1)
    return (0.2 * wave * np.exp(-decay * time) * fade).astype(np.float32)


def levels(wave, width=800):
    frames = np.lib.stride_tricks.sliding_window_view(wave, width)[:: width // 4]
    return 10 * np.log10((frames**2 * np.hanning(width)).sum(axis=1))


def spectrum(wave):
    windowed = np.abs(np.fft.rfft(wave * np.blackman(len(wave))))
    return windowed / windowed.max()


@pytest.mark.parametrize("pitch", [36, 60, 69.3, 84, 101])
def test_a_held_sine_has_no_ripple_no_junk_and_its_own_pitch(pitch):
    wave = sine(RATE, pitch, None)
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    sound = prepare_sound(wave, hertz=hertz * 2 ** (20 / 1200), sample_rate=RATE, sustain="loop")
    steady = held(sound, 6 * RATE)[sound.held_from :]
    assert np.ptp(levels(steady, 3200)) < 0.1
    lines = spectrum(steady[: 4 * RATE])
    strongest = int(lines.argmax())
    assert 1200 * np.log2(strongest / 4 / hertz) == pytest.approx(0, abs=1200 * np.log2(1 + 0.13 / hertz) + 1)
    lines[max(strongest - 12, 0) : strongest + 13] = 0
    assert 20 * np.log10(lines.max()) < -55


@pytest.mark.parametrize("decay", [0.0, 2.0, 6.0])
@pytest.mark.parametrize("hertz", [110.0, 262.3, 987.0])
def test_a_held_tone_keeps_its_level_its_partials_and_has_no_click(hertz, decay):
    sound = prepare_sound(harmonic(hertz, decay=decay), hertz=hertz, sample_rate=RATE, sustain="loop")
    steady = held(sound, 6 * RATE)[sound.held_from :]
    assert np.ptp(levels(steady, 1600)) < 0.5
    lines = spectrum(steady[: 4 * RATE])
    for k in range(1, 7):
        place = round(4 * k * hertz)
        assert lines[place - 4 : place + 5].max() == pytest.approx(1 / k, rel=0.15)
        lines[place - 40 : place + 41] = 0
    assert 20 * np.log10(lines.max()) < -40
    steps = np.abs(np.diff(steady))
    seams = np.arange(len(sound.cycle), len(steady) - 2, len(sound.cycle))
    assert max(steps[seam - 3 : seam + 3].max() for seam in seams) <= 1.1 * steps[: len(sound.cycle) // 2].max()


def test_noise_is_held_at_its_level_also_in_the_crossfade():
    overlap, fading, rest = 320, [], []
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(0, 0.1, RATE).astype(np.float32)
        cycle = prepare_sound(noise, hertz=880, sample_rate=RATE, sustain="loop").cycle
        fading.append(np.mean(cycle[-overlap * 2 // 3 : -overlap // 3] ** 2))
        rest.append(np.mean(cycle[:-overlap] ** 2))
    assert 10 * np.log10(np.mean(fading) / np.mean(rest)) == pytest.approx(0, abs=0.7)


def test_struck_again_each_strike_is_the_note_and_nothing_jumps():
    wave = harmonic(220.0, decay=3.0)
    sound = prepare_sound(wave, hertz=220.0, sample_rate=RATE, sustain="retrigger")
    assert sound.held_from == sound.lasts == len(sound.cycle)
    whole = held(sound, 4 * RATE)
    period, ending = len(sound.cycle), len(wave) - len(sound.cycle)
    for strike in (1, 2, 3):
        alone = whole[strike * period + ending + 100 : (strike + 1) * period]
        np.testing.assert_allclose(alone, sound.wave[ending + 100 : period], atol=1e-6)
    assert np.abs(np.diff(whole)).max() <= 1.5 * np.abs(np.diff(wave)).max()


def test_struck_again_the_former_strike_goes_on_from_where_it_was():
    wave = harmonic(220.0)
    sound = prepare_sound(wave, hertz=220.0, sample_rate=RATE, sustain="retrigger")
    whole, period = held(sound, 2 * RATE), len(sound.cycle)
    at = np.abs(sound.wave[period : period + 4000]).argmax()
    fade = 1 - at / (len(sound.wave) - period - 1)
    struck = sound.wave[at] * min(1, (at + 1) / 48)
    assert whole[period + at] == pytest.approx(struck + fade * sound.wave[period + at], abs=1e-4)
    assert abs(sound.wave[period + at]) > 0.1


@given(lead=st.integers(0, 4000), level=st.floats(1e-4, 1.0), hiss=st.floats(0, 0.01))
def test_the_attack_is_found_whatever_the_level_under_a_quiet_lead_in(lead, level, hiss):
    noise = np.random.default_rng(lead).normal(0, hiss, 8000)
    noise[lead:] += np.cos(2 * np.pi * 300 * np.arange(8000 - lead) / RATE)
    assert find_attack((level * noise).astype(np.float32), RATE) == lead


def test_a_lone_click_before_the_note_is_not_its_attack():
    wave = np.pad(sine(8000, 60, None), (2000, 0))
    wave[500] = 0.05
    assert find_attack(wave, RATE) == 2000


@pytest.mark.parametrize("sustain", ["loop", "retrigger", "none"])
@pytest.mark.parametrize("n_samples", [1, 2, 7, 511])
@pytest.mark.parametrize("make", [np.zeros, np.ones])
def test_odd_notes_are_held_too(make, n_samples, sustain):
    sound = prepare_sound(make(n_samples, np.float32), hertz=30.0, sample_rate=RATE, sustain=sustain)
    assert np.isfinite(sound.cycle).all()
    assert len(sound.cycle) > 0 or sustain == "none"


def test_a_loop_ends_whole_periods_after_its_start_and_before_the_fade():
    loop = find_loop(harmonic(250.0)[: RATE * 7 // 10].astype(np.float64), period=64.0, sample_rate=RATE)
    assert len(loop.cycle) % 64 == 0
    assert loop.correlation > 0.999
    assert RATE * 7 // 40 <= loop.start < loop.start + len(loop.cycle) <= RATE * 7 // 10
