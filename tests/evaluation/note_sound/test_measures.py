"""Each measure on tones whose value is known in closed form."""

import numpy as np
import pytest

from evaluation.note_sound.envelope import attack_seconds, loudness_lufs, onset_level, roughness_db
from evaluation.note_sound.harmonicity import LARGEST_DB, harmonic_to_noise_db, heard_pitch
from evaluation.note_sound.wobble import wobble_of_fundamental
from tests.evaluation.note_sound.tones import RATE, time, tone, with_noise

PITCHES = [24, 33, 45, 60, 72, 84, 96]


@pytest.mark.parametrize("pitch", PITCHES)
@pytest.mark.parametrize("ratio", [0, 10, 25, 40])
def test_harmonic_to_noise_ratio_is_that_of_the_white_noise_added(pitch, ratio):
    waves = [with_noise(tone(pitch), ratio, seed) for seed in range(8)]
    found = harmonic_to_noise_db(waves, RATE, [pitch])
    assert found.mean() == pytest.approx(ratio, abs=0.5)


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
def test_harmonic_to_noise_ratio_holds_at_any_sample_rate(rate):
    waves = [with_noise(tone(60, rate=rate), 20, seed) for seed in range(4)]
    assert harmonic_to_noise_db(waves, rate, [60]).mean() == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize("pitch", PITCHES)
def test_a_clean_tone_has_no_noise_even_if_it_is_out_of_tune(pitch):
    assert harmonic_to_noise_db([tone(pitch), tone(pitch, cents=-37.3)], RATE, [pitch]).min() > 60


def test_vibrato_is_no_noise():
    vibrato = 15 * np.sin(2 * np.pi * 5 * time())
    assert harmonic_to_noise_db([tone(60, partials=3, cents=vibrato)], RATE, [60])[0, 0] > 25


def test_noise_alone_has_hardly_any_harmonics():
    noise = np.random.default_rng(0).normal(size=(8, RATE))
    assert harmonic_to_noise_db(noise, RATE, [60, 72, 84]).max() < -5


def test_ratios_do_not_depend_on_the_other_notes_and_pitches():
    waves = np.array([with_noise(tone(pitch), 10) for pitch in (45, 60, 72)])
    together = harmonic_to_noise_db(waves, RATE, PITCHES)
    alone = [[harmonic_to_noise_db([wave], RATE, [pitch])[0, 0] for pitch in PITCHES] for wave in waves]
    np.testing.assert_allclose(together, alone, atol=1e-9)


@pytest.mark.parametrize("ratio", [5, 20, 60])
def test_the_pitch_is_heard_in_noise(ratio):
    pitches = np.arange(36, 97, 7)
    candidates = np.arange(24, 97)
    waves = [with_noise(tone(pitch), ratio) for pitch in pitches]
    heard = candidates[heard_pitch(harmonic_to_noise_db(waves, RATE, candidates))]
    np.testing.assert_array_equal(heard, pitches)


@pytest.mark.parametrize(("pitch", "rate"), [(28, 10), (60, 20), (84, 25)])
def test_roughness_is_that_of_the_modulation(pitch, rate):
    depth = 0.2
    modulated = (1 + depth * np.cos(2 * np.pi * rate * time())) * tone(pitch)
    level = 20 * np.log10(1 + depth * np.cos(2 * np.pi * np.linspace(0, 1, 1000, endpoint=False)))
    window = max(0.02, 2 / (440 * 2 ** ((pitch - 69) / 12)))
    cycles = rate * window
    heard = abs(np.sinc(cycles) / (1 - cycles**2))  # what the Hann window leaves of the modulation of the power
    assert roughness_db([modulated], RATE, [pitch])[0, 0] == pytest.approx(level.std() * heard, rel=0.08)


@pytest.mark.parametrize("pitch", PITCHES)
def test_steady_and_decaying_tones_are_smooth(pitch):
    steady = tone(pitch)
    found = roughness_db([steady, steady * np.exp(-4 * time())], RATE, [pitch])
    assert found.max() < 0.05


@pytest.mark.parametrize(("pitch", "depth"), [(48, 2.0), (48, 40.0), (60, 10.0), (60, 30.0), (84, 2.0), (84, 10.0)])
def test_wobble_is_that_of_the_frequency(pitch, depth):
    wave = tone(pitch, cents=depth * np.sin(2 * np.pi * 5 * time()))
    found = wobble_of_fundamental([wave], RATE, [pitch])
    assert found.cents[0, 0] == pytest.approx(depth / np.sqrt(2), rel=0.12)  # the window takes some of it
    assert found.level_db[0, 0] < 0.2


def test_wobble_of_the_level_is_that_of_the_fundamental_alone():
    depth = 0.3
    steady, wavering = tone(84, partials=1), tone(60, partials=1) * (1 + depth * np.cos(2 * np.pi * 5 * time()))
    found = wobble_of_fundamental([steady + wavering], RATE, [60, 84])
    level = 20 * np.log10(1 + depth * np.cos(2 * np.pi * np.linspace(0, 1, 1000, endpoint=False)))
    assert found.level_db[0, 0] == pytest.approx(level.std(), rel=0.1)
    assert found.level_db[0, 1] < 0.05
    assert found.cents.max() < 0.5


@pytest.mark.parametrize("pitch", PITCHES)
def test_glides_decay_and_mistuning_are_no_wobble(pitch):
    gliding = tone(pitch, cents=np.linspace(-20, 20, RATE)) * np.exp(-3 * time())
    found = wobble_of_fundamental([gliding], RATE, [pitch])
    assert found.cents[0, 0] < 1
    assert found.level_db[0, 0] < 0.1


@pytest.mark.parametrize("rise", [0.05, 0.2, 0.4])
def test_attack_takes_eight_tenths_of_a_straight_rise(rise):
    wave = tone(84) * np.minimum(1, time() / rise)
    assert attack_seconds([wave], RATE)[0] == pytest.approx(0.8 * rise, abs=0.006)


def test_a_tone_that_is_there_at_once_has_no_attack():
    wave = tone(84)
    assert attack_seconds([wave], RATE)[0] < 0.002
    assert onset_level([wave], RATE)[0] > 0.8
    assert onset_level([wave * np.minimum(1, time() / 0.1)], RATE)[0] < 0.02


def test_a_full_scale_sine_of_997_hz_has_the_loudness_that_the_standard_says():
    sine = np.sin(2 * np.pi * 997 * np.arange(48_000) / 48_000)
    found = loudness_lufs([sine, sine / 10], 48_000)
    np.testing.assert_allclose(found, [-3.01, -23.01], atol=0.05)


def test_silence_has_no_measures():
    waves = np.zeros((2, RATE))
    waves[1, :800] = tone(60)[:800]  # ends before 0.2 s
    assert np.isnan(harmonic_to_noise_db(waves, RATE, [60])).all()
    assert np.isnan(roughness_db(waves, RATE, [60])).all()
    assert np.isnan(wobble_of_fundamental(waves, RATE, [60])).all()
    np.testing.assert_array_equal(np.isnan(attack_seconds(waves, RATE)), [True, False])
    np.testing.assert_array_equal(np.isnan(onset_level(waves, RATE)), [True, False])
    assert np.isnan(loudness_lufs(waves, RATE)[0])


@pytest.mark.parametrize("faulty", [np.zeros(RATE), np.zeros((1, 9_000)), np.full((1, RATE), np.nan)])
def test_waves_that_cannot_be_measured_are_refused(faulty):
    for measure in (harmonic_to_noise_db, roughness_db, wobble_of_fundamental):
        with pytest.raises(ValueError, match="waves must"):
            measure(faulty, RATE, [60])
    for measure in (attack_seconds, onset_level, loudness_lufs):
        with pytest.raises(ValueError, match="waves must"):
            measure(faulty, RATE)


def test_a_pitch_above_half_the_sample_rate_is_refused():
    with pytest.raises(ValueError, match="needs a higher sample rate"):
        harmonic_to_noise_db([tone(60)], RATE, [120])
    with pytest.raises(ValueError, match="needs a higher sample rate"):
        wobble_of_fundamental([tone(60)], RATE, [120])


def test_the_ratio_ends_where_16_bits_end():
    assert harmonic_to_noise_db([tone(60, partials=1)], RATE, [60])[0, 0] <= LARGEST_DB
