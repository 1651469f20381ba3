"""What may be claimed of representations, from the scores of their seeds."""

import numpy as np
import pytest
from scipy import stats

from evaluation.comparison.findings import find

CLEAR = {0: 20.0, 1: 20.1, 2: 19.9}
BASE = {0: 10.0, 1: 10.1, 2: 10.2}


def only(found, representation, score):
    (finding,) = (each for each in found if (each.representation, each.score) == (representation, score))
    return finding


def claim_of(values, base=BASE, score="pis"):
    found = find({("a", score): values, ("b", score): base}, ["b", "a"], [score], "b")
    assert only(found, "b", score).claim == ("baseline" if base else "not scored")
    return only(found, "a", score).claim


@pytest.mark.parametrize(
    ("score", "above", "below"),
    [
        ("pis", "better than b", "worse than b"),
        ("pkid", "worse than b", "better than b"),
        ("in-tune-by-both", "better than b", "worse than b"),
        ("wobble-cents", "worse than b", "better than b"),
        ("loudness", "higher than b", "lower than b"),  # nobody knows which is better
    ],
)
def test_claims_follow_the_direction_of_the_score(score, above, below):
    assert claim_of(CLEAR, BASE, score) == above
    assert claim_of(BASE, CLEAR, score) == below


def test_nothing_is_claimed_without_a_test():
    assert claim_of({0: 20.0}) == "one seed: no claim"
    assert claim_of({0: 20.0, 5: 21.0, 6: 20.5}) == "one seed in common with b: no claim"
    assert claim_of({5: 20.0, 6: 21.0}) == "no seed in common with b: no claim"
    assert claim_of(CLEAR, {}) == "no seed in common with b: no claim"
    assert claim_of({}) == "not scored"
    assert claim_of({0: 9.0, 1: 12.0, 2: 10.5}) == "no difference shown"


def test_a_representation_under_two_names_claims_nothing():
    scores = ["pis", "pkid", "loudness"]
    random = np.random.default_rng(0)
    same = {score: dict(enumerate(random.normal(size=3))) for score in scores}
    values = {(name, score): same[score] for name in ("b", "again") for score in scores}
    found = find(values, ["b", "again"], scores, "b")
    assert {each.claim for each in found} == {"baseline", "no difference shown"}
    assert {each.p_holm for each in found if each.representation == "again"} == {1.0}


def test_p_values_are_corrected_over_representations_and_scores():
    """With 2 x 2 tests a p-value of 0.02 is none; alone it would be one."""
    random = np.random.default_rng(3)
    values = {(name, score): dict(enumerate(random.normal(size=3))) for name in "bcd" for score in ("pis", "pkid")}
    shifts = (3, 4, 2.5)
    shifted = {seed: values["b", "pis"][seed] + shift for seed, shift in enumerate(shifts)}
    values["c", "pis"] = shifted
    p_value = stats.ttest_1samp(shifts, 0).pvalue
    assert 0.0125 < p_value < 0.05
    alone = find(values, ["b", "c"], ["pis"], "b")
    assert only(alone, "c", "pis").claim == "better than b"
    together = find(values, ["b", "c", "d"], ["pis", "pkid"], "b")
    assert only(together, "c", "pis").p_holm == pytest.approx(4 * p_value)
    assert only(together, "c", "pis").claim == "no difference shown"
    assert only(together, "c", "pis").difference.p_value == pytest.approx(p_value)


def test_order_is_that_of_the_comparison_and_never_that_of_the_scores():
    values = {(name, "pis"): {0: float(ord(name)), 1: ord(name) + 0.5} for name in "abc"}
    found = find(values, ["b", "c", "a"], ["pis"], "a")
    assert [each.representation for each in found] == ["b", "c", "a"]
