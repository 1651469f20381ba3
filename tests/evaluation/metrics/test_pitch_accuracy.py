import numpy as np
import pytest

from evaluation.metrics.pitch_accuracy import pitch_accuracy, pitch_entropy

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
