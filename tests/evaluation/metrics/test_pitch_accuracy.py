import numpy as np
import pytest

from data.note_pitch import hertz
from evaluation.metrics.pitch_accuracy import pitch_accuracy, pitch_entropy, tuning

SURE = [[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]]


def test_accuracy_is_the_share_of_hits():
    result = pitch_accuracy(SURE, [0, 1, 1, 0])
    assert result.value == 0.75
    assert result.standard_error == pytest.approx(np.sqrt(0.75 * 0.25 / 3))
    assert pitch_accuracy(SURE, [0, 1, 2, 0]) == (1, 0)


def test_entropy_has_its_closed_form():
    assert pitch_entropy(np.eye(5)) == (0, 0)
    uniform = pitch_entropy(np.full((4, 27), 1 / 27))
    assert uniform.value == pytest.approx(np.log(27), rel=1e-12)
    assert uniform.standard_error == pytest.approx(0, abs=1e-12)
    mixed = pitch_entropy([[0.5, 0.5], [1, 0]])
    assert mixed.value == pytest.approx(np.log(2) / 2)
    assert mixed.standard_error == pytest.approx(np.log(2) / 2)


def test_one_note_has_no_error():
    assert pitch_accuracy([[0.0, 1.0]], [1]) == (1, None)
    assert pitch_entropy([[0.0, 1.0]]) == (0, None)


def test_softmax_of_low_precision_is_taken():
    assert pitch_accuracy([[0.5, 0.496]], [0]).value == 1


@pytest.mark.parametrize(
    "faulty", [[[2.0, -1.0]], [[3.0, 1.0]], [[0.5, 0.4]], [[np.nan, 1.0]], np.zeros((0, 2)), [0.5]]
)
def test_what_are_no_probabilities_is_refused(faulty):
    with pytest.raises(ValueError, match="probabilities"):
        pitch_entropy(faulty)
    with pytest.raises(ValueError, match="probabilities"):
        pitch_accuracy(faulty, [0])


@pytest.mark.parametrize("asked", [[0], [0, 1, 2, 3], [0, 1, 2, -1], [0.0, 1.0, 2.0, 0.0], [[0, 1, 2, 0]]])
def test_what_are_no_classes_is_refused(asked):
    with pytest.raises(ValueError, match="asked"):
        pitch_accuracy(SURE, asked)


# By the fundamental


def test_fifty_cents_and_octaves():
    offsets = np.array([0, 0.49, -0.49, 0.51, -0.51, 12, -24.3, 6])
    found = tuning([[hertz(60 + offset)] * 5 for offset in offsets], np.full(8, 60))
    assert found.in_tune.tolist() == [True, True, True, False, False, False, False, False]
    assert found.in_tune_but_for_octaves.tolist() == [True, True, True, False, False, True, True, False]
    np.testing.assert_allclose(found.cents, 100 * offsets, atol=1e-9)
    assert found.voiced.tolist() == [1] * 8


def test_the_median_of_the_voiced_frames_counts_and_more_than_half_must_be_voiced():
    a, b = hertz(57), hertz(69)
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
