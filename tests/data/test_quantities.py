"""Quantities: every number has a label, by its rank among those of the notes, and every label a number."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.quantities import (
    LAST_LABEL,
    MOST_VALUES,
    is_quantity,
    label_of_quantity,
    label_of_rank,
    quantity_of_label,
    ranked_values,
)
from models.conditions import number_of_quantity

LEARNED = st.lists(
    st.floats(-1e300, 1e300, allow_subnormal=False).map(lambda value: round(value, 4)),
    min_size=1,
    max_size=60,
    unique=True,
)


@given(LEARNED)
def test_learned_values_have_labels_of_their_own_and_come_back_exactly(present):
    values = ranked_values(present)
    labels = [label_of_quantity(value, values) for value in values]
    assert labels == [label_of_rank(rank, values) for rank in range(len(values))]
    assert len(set(labels)) == len(values)
    assert (labels[0], labels[-1]) == (0, LAST_LABEL if len(values) > 1 else 0)
    assert [quantity_of_label(label, values) for label in labels] == list(values)


@given(LEARNED.filter(lambda present: len(present) > 1), st.data())
def test_labels_rise_with_their_numbers(present, data):
    values = ranked_values(present)
    between = st.floats(values[0], values[-1])
    low, high = sorted((data.draw(between), data.draw(between)))
    assert label_of_quantity(low, values) <= label_of_quantity(high, values)


@given(st.integers(0, LAST_LABEL))
def test_numbers_between_learned_ones_lie_on_straight_lines(label):
    values = (10.0, 20.0, 50.0)
    expected = np.interp(label / LAST_LABEL, [0, 0.5, 1], values)
    assert quantity_of_label(label, values) == pytest.approx(expected, rel=1e-5)
    assert abs(label_of_quantity(expected, values) - label) <= 1


@pytest.mark.parametrize("value", [9.99, 50.01, math.nan, math.inf, -math.inf])
def test_numbers_outside_those_learned_have_no_label(value):
    assert label_of_quantity(value, (10.0, 20.0, 50.0)) is None


def test_many_values_are_kept_by_evenly_spaced_ranks():
    present = [rank**2 / 7 for rank in range(5 * (MOST_VALUES - 1) + 1)]
    assert ranked_values(reversed(present)) == tuple(present[::5])


def test_only_fractions_are_quantities():
    assert is_quantity((1.0, 2.5))
    assert not any(is_quantity(values) for values in ((1, 2), ("1.0",), ()))


def test_numbers_of_the_network_have_the_spread_of_a_latent():
    values = ranked_values(np.random.default_rng(0).lognormal(5, 2, 400).tolist())
    labels = torch.tensor([label_of_quantity(value, values) for value in values])
    numbers = number_of_quantity(labels)
    assert numbers.mean().item() == pytest.approx(0, abs=1e-6)
    assert numbers.square().mean().item() == pytest.approx(1, abs=0.01)
    assert numbers.abs().max().item() == pytest.approx(math.sqrt(3))
