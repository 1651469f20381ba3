"""The line that says what a score means."""

import pytest

from evaluation.scoring.scores import Score
from evaluation.scoring.verdict import verdicts


def pair(name, value, baseline, error=0.3, **keys):
    return [Score(name, value, error, 9, 9, **keys), Score(name, baseline, 0.4, 9, 9, baseline=True)]


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("pis", 8.9, "worse than"),  # the interval is 10 +- 1.96 * 0.5
        ("pis", 9.1, "within"),
        ("pis", 11.1, "better than"),
        ("pkid", 8.9, "better than"),
        ("frechet-note-classifier", 11.1, "worse than"),
        ("kid-user-mine", 11.1, "worse than"),
        ("pitch-accuracy-octave-free", 11.1, "better than"),
        ("roughness", 11.1, "worse than"),
        ("harmonic-to-noise", 11.1, "better than"),
        ("loudness-spread", 11.1, "above"),
        ("loudness-spread", 8.9, "below"),
    ],
)
def test_verdict(name, value, word):
    said = verdicts(pair(name, value, 10.0))[name]
    assert said == f"{word} the baseline's interval: {value:.4g} against 10 +- 0.98 of real notes"


def test_interval_is_that_of_instruments_where_they_are_known():
    assert verdicts(pair("pis", 8.0, 10.0))["pis"].startswith("worse")
    assert verdicts(pair("pis", 8.0, 10.0, standard_error_by_instrument=2.0))["pis"].startswith("within")


def test_bins_are_compared_with_chance():
    score = Score("ndb", 3.0, None, 9, 9, details={"by_chance": 1.0, "by_chance_std": 1.1})
    assert verdicts([score])["ndb"].startswith("within the baseline's interval: 3 against 1 +- 2.2")


def test_no_interval_no_verdict():
    alone, published = Score("pis", 3.0, 0.1, None, 9), pair("pis-published", 3.0, 4.0, error=None)
    assert verdicts([alone]) == {}
    assert verdicts(published) == {}
