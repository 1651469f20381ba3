import numpy as np
import pytest

from evaluation.metrics.in_tune import tuning


def hertz(pitch):
    return 440 * 2 ** ((np.asarray(pitch, dtype=float) - 69) / 12)


def test_fifty_cents_and_octaves():
    offsets = np.array([0, 0.49, -0.49, 0.51, -0.51, 12, -24.3, 6])
    found = tuning(hertz(60 + offsets)[:, None] * np.ones(5), np.full(8, 60))
    assert found.in_tune.tolist() == [True, True, True, False, False, False, False, False]
    assert found.in_tune_but_for_octaves.tolist() == [True, True, True, False, False, True, True, False]
    np.testing.assert_allclose(found.cents, 100 * offsets, atol=1e-9)
    assert found.voiced.tolist() == [1] * 8


def test_the_median_of_the_voiced_frames_counts_and_more_than_half_must_be_voiced():
    a, b = hertz([57, 69])
    found = tuning([[b, 0, b, b, a], [b, 0, 0, b, 0], [b, b, 0, 0, b], [0, 0, 0, 0, 0]], [69, 69, 69, 69])
    assert found.in_tune.tolist() == [True, False, True, False]
    assert found.voiced.tolist() == [0.8, 0.4, 0.6, 0]
    assert found.cents[:3] == pytest.approx([0, 0, 0], abs=1e-9)
    assert np.isnan(found.cents[3])
    assert not tuning([[b, 0]], [69]).in_tune.any()


@pytest.mark.parametrize("f0", [[440.0], np.zeros((0, 4)), [[np.nan]], [[-1.0]]])
def test_what_is_no_fundamental_is_refused(f0):
    with pytest.raises(ValueError, match="f0"):
        tuning(f0, [69])


@pytest.mark.parametrize("asked", [69, [69, 69], [[69]]])
def test_each_note_has_one_asked_pitch(asked):
    with pytest.raises(ValueError, match="asked must be 1 MIDI pitches"):
        tuning([[440.0]], asked)
