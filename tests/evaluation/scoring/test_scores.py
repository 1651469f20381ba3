"""What scores add to their formulas: baselines, uncertainty, and notes that stay whole."""

import numpy as np
import pytest

from evaluation.metrics.frechet_distance import GaussianStatistics, frechet_distance
from evaluation.metrics.kernel_distance import polynomial_kernel
from evaluation.scoring.scores import score_bins, score_coverage, score_frechet, score_kernel
from utils.errors import DataError


def features(n, seed, *shape):
    return np.random.default_rng(seed).normal(size=(n, *shape))


def frechet(real, fake):
    return score_frechet("frechet", real, fake, infinite=True, seed=0)


def kernel(real, fake):
    return score_kernel("kid", real, fake, kernel=polynomial_kernel, published=False, seed=0)


def neighbours(real, fake):
    return score_coverage("coverage", real, fake, seed=0)


def bins(real, fake):
    return score_bins("ndb", real, fake, seed=0)


@pytest.mark.parametrize("score", [frechet, kernel, neighbours, bins])
def test_baselines_are_the_scores_of_one_half_against_the_other_where_notes_are_few(score):
    real = features(201, 0, 3)
    scores = score(real, features(150, 1, 3))
    found = [each for each in scores if not each.baseline]
    baselines = [each for each in scores if each.baseline]
    assert [each.name for each in baselines] == [each.name for each in found]
    assert all((each.n_real, each.n_fake) == (100, 101) for each in baselines)
    assert all((each.n_real, each.n_fake) == (201, 150) for each in found)
    assert all(each.standard_error >= 0 for each in scores if each.name != "ndb")
    reversed_order = score(real[::-1], features(150, 1, 3))
    assert [each.value for each in reversed_order] == pytest.approx([each.value for each in scores], rel=1e-9)


@pytest.mark.parametrize("score", [frechet, kernel, neighbours, bins])
def test_baselines_have_as_many_real_notes_as_there_are_generated(score):
    found = score(features(301, 0, 3), features(66, 1, 3))
    baselines = [each for each in found if each.baseline]
    assert baselines
    assert all((each.n_real, each.n_fake) == (235, 66) for each in baselines)


def test_a_perfect_generator_reaches_the_baseline_of_coverage():
    """66 against 660: about half of the real notes are covered, where halves of 330 cover nearly all."""
    found = {
        each.baseline: each.value
        for each in neighbours(features(660, 0, 3), features(66, 1, 3))
        if each.name == "coverage"
    }
    assert found[False] == pytest.approx(found[True], abs=0.1)
    assert found[True] < 0.7


@pytest.mark.parametrize("score", [frechet, kernel])
def test_alike_sides_are_as_near_as_their_uncertainty_says(score):
    for seed in range(5):
        for each in score(features(400, 2 * seed, 3), features(400, 2 * seed + 1, 3)):
            bias = 0.1 if each.name == "frechet" else 0
            assert abs(each.value) < bias + 5 * each.standard_error


def test_windows_of_a_note_stay_in_one_half():
    notes = np.array([0.0, 1, 3, 7])
    windows = np.repeat(notes, 2).reshape(4, 2, 1)
    whole = []
    for other in (1, 2, 3):
        halves = notes[[0, other]], np.delete(notes, [0, other])
        sides = [GaussianStatistics.from_features(np.repeat(half, 2)[:, None]) for half in halves]
        whole.append(frechet_distance(*sides))
    for seed in range(5):
        baseline = score_frechet("fad", windows, windows, infinite=False, seed=seed)[1]
        assert (baseline.baseline, baseline.n_real, baseline.n_fake) == (True, 4, 4)
        assert np.isclose(whole, baseline.value).sum() == 1


@pytest.mark.parametrize(("score", "least"), [(frechet, 20), (kernel, 2), (neighbours, 6), (bins, 50)])
def test_too_few_notes_are_refused(score, least):
    with pytest.raises(DataError, match=f"needs {least} "):
        score(features(least - 1, 0, 3), features(least, 1, 3))
    assert score(features(least, 0, 3), features(least, 1, 3))


@pytest.mark.parametrize(("n_fake", "said"), [(499, True), (500, False)])
def test_few_notes_for_each_bin_are_said(n_fake, said):
    found = bins(features(500, 0, 3), features(n_fake, 1, 3))[0]
    assert any("fewer than 10 notes per bin" in remark for remark in found.remarks) == said
