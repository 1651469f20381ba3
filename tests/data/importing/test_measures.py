import numpy as np
import pytest

from data.importing.measures import MEASURES, loudness_lufs, tracked_pitch
from data.note_pitch import hertz

RATE = 16_000
TIME = np.arange(RATE) / RATE


def sine(frequency, level=0.5, n=RATE):
    return (level * np.sin(2 * np.pi * frequency * TIME[:n])).astype(np.float32)


NOISE = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)


def measured(name, sound):
    return MEASURES[name](sound)[name]


def test_pitch_and_confidence_of_a_tone_and_of_noise():
    heard = MEASURES["pitch"](sine(hertz(64.3)))
    assert heard["measured_pitch"] == pytest.approx(64.3, abs=0.1)
    pitch, confidence = tracked_pitch(heard)
    assert pitch == 64
    assert confidence > 0.7 > MEASURES["pitch"](NOISE)["pitch_confidence"]


def test_loudness_of_a_full_tone():
    # BS.1770: a 997 Hz sine at full scale in one channel has -3.01 LUFS
    assert loudness_lufs(sine(997, 0.999)) == pytest.approx(-3.02, abs=0.1)
    assert measured("loudness", sine(997, 0.0999)) == pytest.approx(-23.02, abs=0.1)


def test_loudness_of_a_short_note_and_of_almost_nothing():
    assert loudness_lufs(sine(997, 0.5, 2_000)) is not None
    assert MEASURES["loudness"](np.full(RATE, 1e-6, np.float32)) == {}


def test_brightness_lies_between_two_tones():
    assert measured("brightness", sine(1000) + sine(3000)) == pytest.approx(2000, rel=0.01)
    assert measured("spread", sine(1000) + sine(3000)) == pytest.approx(1000, rel=0.02)
    assert measured("brightness", sine(500)) == pytest.approx(500, rel=0.05)


def test_rolloff_and_flatness_tell_noise_from_tones():
    assert measured("rolloff", NOISE) == pytest.approx(0.85 * RATE / 2, rel=0.05)
    assert measured("rolloff", sine(1000)) == pytest.approx(1000, abs=20)
    assert measured("flatness", NOISE) > 0.8 > 0.01 > measured("flatness", sine(1000))


@pytest.mark.parametrize("name", MEASURES)
def test_a_few_samples_are_measured(name):
    values = MEASURES[name](sine(997, 0.5, 100))
    assert all(np.isfinite(value) for value in values.values())


@pytest.mark.parametrize("name", ["brightness", "spread", "rolloff", "flatness"])
def test_level_changes_no_measure_of_the_spectrum(name):
    assert measured(name, NOISE / 8) == pytest.approx(measured(name, NOISE), rel=1e-4)
