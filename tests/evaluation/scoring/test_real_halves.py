"""How real notes are divided for baselines."""

import numpy as np
import pytest

from evaluation.scoring.real_halves import halves_of

INSTRUMENTS = np.repeat(np.arange(40), 6)
FEATURES = np.random.default_rng(0).normal(size=(240, 3))


@pytest.mark.parametrize(("n_fake", "n_other"), [(50, 50), (200, 120)])
def test_no_instrument_is_on_both_sides(n_fake, n_other):
    halves = halves_of(FEATURES, n_fake, 0, INSTRUMENTS)
    assert len(halves.other) == len(set(halves.other)) == n_other
    assert 240 - n_other - 5 <= len(halves.real) == len(set(halves.real)) <= 240 - n_other
    sides = [set(INSTRUMENTS[rows]) for rows in (halves.real, halves.other)]
    assert not sides[0] & sides[1]
    assert halves.details == {"split": "by instrument", "instruments": [len(side) for side in sides]}


def test_notes_that_nothing_names_are_instruments_of_their_own():
    some = np.where(np.arange(240) < 30, -1, INSTRUMENTS)
    halves = halves_of(FEATURES, 120, 0, some)
    assert not set(some[halves.real]) & set(some[halves.other]) - {-1}
    assert len(halves.other) == 120


@pytest.mark.parametrize(
    "instruments",
    [None, np.full(240, -1), np.repeat(np.arange(19), [12] * 18 + [24]), np.r_[np.zeros(150, int), np.arange(90)]],
)
def test_too_few_instruments_or_a_large_one_are_divided_by_note(instruments):
    halves = halves_of(FEATURES, 50, 0, instruments)
    assert sorted([*halves.real, *halves.other]) == list(range(240))
    assert (len(halves.other), halves.details) == (50, {"split": "by note"})


def test_the_order_of_the_notes_changes_nothing():
    mixed = np.random.default_rng(1).permutation(240)
    renamed = np.random.default_rng(2).permutation(40)[INSTRUMENTS]
    one, other = halves_of(FEATURES, 70, 0, INSTRUMENTS), halves_of(FEATURES[mixed], 70, 0, renamed[mixed])
    assert set(one.other) == set(mixed[other.other])
    assert set(one.real) == set(mixed[other.real])
    assert set(one.other) != set(halves_of(FEATURES, 70, 1, INSTRUMENTS).other)
