from itertools import combinations

import numpy as np
import pytest

from evaluation.metrics.timbre import timbre_ratio


def grid(n_latents, pitches):
    latents, notes = np.meshgrid(np.arange(n_latents), pitches, indexing="ij")
    return latents.ravel(), notes.ravel()


def brute(features, latents, pitches):
    within, between = [], []
    for i, j in combinations(range(len(features)), 2):
        distance = np.linalg.norm(features[i] - features[j])
        if latents[i] == latents[j] and 1 <= abs(int(pitches[i]) - int(pitches[j])) <= 12:
            within.append(distance)
        if latents[i] != latents[j] and pitches[i] == pitches[j]:
            between.append(distance)
    return np.mean(within) / np.mean(between)


def test_it_is_the_ratio_over_pairs_and_the_jackknife_leaves_out_a_latent():
    random = np.random.default_rng(0)
    latents, pitches = random.integers(5, size=60), random.integers(40, 70, size=60)
    features = random.normal(size=(60, 4)) + latents[:, None]
    found = timbre_ratio(features, [f"instrument {latent}" for latent in latents], pitches)
    assert found.value == pytest.approx(brute(features, latents, pitches), rel=1e-12)
    left = [brute(*(values[latents != latent] for values in (features, latents, pitches))) for latent in range(5)]
    assert found.standard_error == pytest.approx(np.sqrt(4 / 5 * np.square(left - np.mean(left)).sum()), rel=1e-9)


def test_timbre_that_is_kept_is_0_and_timbre_that_is_drawn_anew_is_1():
    latents, pitches = grid(12, range(60, 73))
    timbres = np.random.default_rng(0).normal(size=(12, 8))
    assert timbre_ratio(timbres[latents], latents, pitches).value == 0
    anew = timbre_ratio(np.random.default_rng(1).normal(size=(len(latents), 8)), latents, pitches)
    assert abs(anew.value - 1) < 4 * anew.standard_error < 0.2


def test_closed_form_of_a_feature_for_timbre_and_one_for_pitch():
    latents, pitches = grid(2, [60, 63])
    features = np.stack([10.0 * latents, pitches], axis=1)
    assert timbre_ratio(features, latents, pitches).value == pytest.approx(3 / 10)


def test_pairs_beyond_an_octave_do_not_count():
    latents, pitches = grid(2, [40, 41, 90])
    features = np.where(pitches == 90, 1000.0, latents)[:, None] + latents[:, None]
    assert timbre_ratio(features, latents, pitches).value == 0


def test_the_error_is_the_deviation_over_other_latents():
    latents, pitches = grid(20, range(60, 66))

    def draw(seed):
        random = np.random.default_rng(seed)
        timbres = random.normal(size=(20, 3)) * random.gamma(2.0, size=(20, 1))
        return timbre_ratio(timbres[latents] + 0.5 * random.normal(size=(len(latents), 3)), latents, pitches)

    found = [draw(seed) for seed in range(200)]
    deviation = np.std([each.value for each in found])
    assert np.mean([each.standard_error for each in found]) == pytest.approx(deviation, rel=0.3)


def test_notes_without_pairs_are_refused_and_two_latents_have_no_error():
    with pytest.raises(ValueError, match="no two notes"):
        timbre_ratio(np.eye(3), [0, 0, 0], [60, 61, 62])
    with pytest.raises(ValueError, match="no two notes"):
        timbre_ratio(np.eye(3), [0, 1, 2], [60, 60, 60])
    with pytest.raises(ValueError, match="each of 3 samples"):
        timbre_ratio(np.eye(3), [0, 1], [60, 60, 60])
    latents, pitches = grid(2, [60, 61])
    assert timbre_ratio(np.random.default_rng(0).normal(size=(4, 2)), latents, pitches).standard_error is None
