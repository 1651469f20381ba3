import numpy as np
import pytest

from evaluation.metrics.inception_score import inception_score, inception_score_of_splits, published_inception_score
from tests.evaluation.metrics.samples import SETS, golden, normal, shuffled


@pytest.mark.parametrize("name", SETS)
def test_golden(name):
    _, fake, published, exact = golden(name)
    # reached 2e-15
    assert inception_score(fake).value == pytest.approx(exact["inception_score_single_split_float64"], rel=1e-13)
    # their sums are float32: reached 5e-7
    running = published_inception_score(fake)
    assert running.mean == pytest.approx(published["inception_score_running_mean_batch50"], abs=1e-6)
    assert running.std == pytest.approx(published["inception_score_running_std_batch50"], abs=1e-6)
    at_once = published_inception_score(fake, batch_size=len(fake))
    assert at_once.mean == pytest.approx(published["inception_score_all"], abs=1e-6)
    assert at_once.std == 0


def test_known_values():
    assert inception_score(np.eye(27) * 1000).value == pytest.approx(27, rel=1e-12)
    assert inception_score(np.zeros((10, 27))).value == pytest.approx(1, rel=1e-12)
    assert inception_score(np.tile([5.0, 1.0, 0.0], (10, 1))).value == pytest.approx(1, rel=1e-12)
    p = np.array([[0.9, 0.1], [0.3, 0.7]])
    divergence = np.mean((p * np.log(p / p.mean(axis=0))).sum(axis=1))
    assert inception_score(np.log(p)).value == pytest.approx(np.exp(divergence), rel=1e-12)


def test_huge_logits_do_not_overflow():
    result = inception_score([[1e30, 0.0], [-1e30, 0.0], [0.0, 1e300]])
    assert result.value == pytest.approx(np.exp(np.log(3) - 2 / 3 * np.log(2)))
    assert np.isfinite(result.standard_error)


def test_order_does_not_matter():
    logits = normal(200, 11, 0, scale=3)
    np.testing.assert_allclose(inception_score(shuffled(logits)), inception_score(logits), rtol=1e-12)
    assert inception_score_of_splits(shuffled(logits)) == inception_score_of_splits(logits)
    assert inception_score_of_splits(logits, seed=1) != inception_score_of_splits(logits)


def test_splits_are_inception_scores_of_the_parts():
    logits = normal(41, 6, 0, scale=3)
    one = inception_score_of_splits(logits, n_splits=1)
    assert one.mean == pytest.approx(inception_score(logits).value, rel=1e-12)
    assert one.std == 0
    assert inception_score_of_splits(logits, n_splits=41).mean == pytest.approx(1)  # one sample each
    # balanced classes, so that every part sees about all of them
    many = np.tile(np.eye(3) * 50, (1000, 1))
    assert inception_score_of_splits(many).mean == pytest.approx(3, rel=0.02)
    assert 0 < inception_score_of_splits(many).std < 0.01


def test_published_score_depends_on_the_batches_and_ours_does_not():
    logits = shuffled(np.tile(np.eye(27) * 50, (20, 1)))
    assert published_inception_score(logits, batch_size=10).mean == pytest.approx(25, abs=0.5)  # reached 24.7
    assert published_inception_score(logits, batch_size=540).mean == pytest.approx(27, abs=0.01)
    assert inception_score(logits).value == pytest.approx(27, abs=1e-9)


def test_standard_error_is_the_jackknife_by_loops():
    logits = normal(25, 4, 0, scale=2)
    left_out = np.array([inception_score(np.delete(logits, i, axis=0)).value for i in range(25)])
    loops = np.sqrt(24 / 25 * ((left_out - left_out.mean()) ** 2).sum())
    assert inception_score(logits).standard_error == pytest.approx(loops, rel=1e-10)


def test_one_sample_has_no_error():
    assert inception_score([[1.0, 2.0]]) == (pytest.approx(1), None)
    with pytest.raises(ValueError, match="logits has 3 samples, 10"):
        inception_score_of_splits(np.zeros((3, 2)))


@pytest.mark.parametrize("score", [inception_score, inception_score_of_splits, published_inception_score])
@pytest.mark.parametrize("logits", [np.zeros((0, 3)), np.full((20, 3), np.nan), np.zeros(20)])
def test_faulty_logits_are_refused(score, logits):
    with pytest.raises(ValueError, match="logits"):
        score(logits)


def test_faulty_settings_are_refused():
    with pytest.raises(ValueError, match="n_splits must be 1 or more"):
        inception_score_of_splits(np.zeros((3, 2)), n_splits=0)
    with pytest.raises(ValueError, match="batch_size must be 1 or more"):
        published_inception_score(np.zeros((3, 2)), batch_size=0)
