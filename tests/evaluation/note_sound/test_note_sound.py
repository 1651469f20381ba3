"""Faults are ranked as an ear would; what is measured does not depend on the way to it."""

import numpy as np
import pytest
import torch

from evaluation.note_sound.note_sound import NoteSoundEmbedding, note_sound, sound_of_features
from tests.evaluation.note_sound.tones import RATE, time, tone, with_noise

PITCHES = np.arange(36, 90, 6)


def plucked(pitch):
    """A clean note as of a string: a quick attack, and a decay."""
    return tone(pitch) * np.minimum(1, time() / 0.005) * np.exp(-2 * time())


def medians(make):
    found = note_sound([make(pitch) for pitch in PITCHES], RATE, PITCHES)
    return {name: np.median(values) for name, values in found._asdict().items()}


def bursts(pitch):
    """Every other twentieth of a second is nearly silent."""
    return plucked(pitch) * np.where(np.floor(time() * 20) % 2, 0.05, 1)


@pytest.mark.parametrize(
    ("measure", "fault", "least"),
    [
        ("harmonic_to_noise_db", lambda pitch: with_noise(plucked(pitch), 10), -20.0),
        ("harmonic_to_noise_db", lambda pitch: tone(pitch) + 0.5 * tone(pitch + 0.6), -15.0),
        ("roughness_db", bursts, 3.0),
        ("wobble_cents", lambda pitch: tone(pitch, cents=25 * np.sin(2 * np.pi * 7 * time())), 10.0),
        ("wobble_db", bursts, 1.0),
        ("attack_seconds", lambda pitch: plucked(pitch)[::-1], 0.3),
        ("onset_level", lambda pitch: np.roll(plucked(pitch), -400), 0.2),
        ("loudness_lufs", lambda pitch: plucked(pitch) / 10, -15.0),
    ],
    ids=["noise", "detuned double", "bursts", "vibrato", "bursts of the fundamental", "reversed", "cut", "quiet"],
)
def test_a_fault_is_heard_by_its_measure(measure, fault, least):
    difference = medians(fault)[measure] - medians(plucked)[measure]
    assert difference / least > 1


def test_more_of_a_fault_is_worse():
    noises = [medians(lambda pitch, ratio=ratio: with_noise(plucked(pitch), ratio)) for ratio in (40, 20, 10, 0)]
    ratios = [each["harmonic_to_noise_db"] for each in noises]
    assert ratios == sorted(ratios, reverse=True)
    wobbles = [each["wobble_cents"] for each in noises]
    assert wobbles == sorted(wobbles)


def test_notes_without_a_pitch_are_measured_at_the_one_that_is_heard():
    waves = [with_noise(plucked(pitch), 30) for pitch in PITCHES]
    for known, heard in zip(note_sound(waves, RATE, PITCHES), note_sound(waves, RATE), strict=True):
        np.testing.assert_allclose(heard, known, rtol=1e-9)


def test_the_embedding_measures_the_same():
    waves = np.stack([with_noise(plucked(pitch), 20) for pitch in PITCHES]).astype(np.float32)
    arrays = {name: array.numpy() for name, array in NoteSoundEmbedding().embed(torch.from_numpy(waves)).items()}
    asked = PITCHES.copy()
    asked[:2] = -1  # unknown: heard
    for expected, found in zip(note_sound(waves, RATE, PITCHES), sound_of_features(arrays, asked), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_features_of_silent_notes_are_finite_and_their_measures_are_not():
    waves = np.zeros((3, RATE), dtype=np.float32)
    waves[1] = plucked(60)
    waves[2] = 1e-5 * tone(60)  # held, but below the gate of the loudness
    arrays = {name: array.numpy() for name, array in NoteSoundEmbedding().embed(torch.from_numpy(waves)).items()}
    assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in arrays.values())
    found = sound_of_features(arrays, np.array([60, 60, 60]))
    assert all(np.isnan(values[0]) for values in found)
    assert all(np.isfinite(values[1]) for values in found)
    assert [name for name, values in found._asdict().items() if np.isnan(values[2])] == ["loudness_lufs"]


def test_one_pitch_for_each_note_is_asked_for():
    with pytest.raises(ValueError, match="2 MIDI pitches"):
        note_sound([tone(60), tone(62)], RATE, [60])
