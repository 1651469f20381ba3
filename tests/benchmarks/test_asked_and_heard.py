import numpy as np
import pytest

from benchmarks.asked_and_heard import mean_with_interval, rank_correlation

RNG = np.random.default_rng(3)
ASKED = np.arange(200.0)


def test_order_alone_counts():
    found, low, high = rank_correlation(ASKED, np.exp(ASKED / 10))
    assert (found, low, high) == pytest.approx((1, 1, 1))
    assert rank_correlation(ASKED, -(ASKED**3))[0] == pytest.approx(-1)


def test_interval_holds_the_correlation_of_what_the_notes_were_drawn_from():
    drawn = RNG.normal(size=(2, 400))
    found, low, high = rank_correlation(drawn[0], drawn[0] + drawn[1])
    # of two normal variables with Pearson's r, Spearman's is 6 / pi asin(r / 2)
    expected = 6 / np.pi * np.arcsin(2**-0.5 / 2)
    assert low < found < high
    assert low < expected < high
    assert high - low < 0.2


def test_no_relation_has_an_interval_around_zero():
    _, low, high = rank_correlation(ASKED, RNG.permutation(200).astype(float))
    assert low < 0 < high


def test_interval_of_a_mean_is_about_twice_its_standard_error():
    values = RNG.normal(3, 2, size=400)
    mean, low, high = mean_with_interval(values)
    assert mean == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert mean_with_interval(np.ones(5)) == (1, 1, 1)
