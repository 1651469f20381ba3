"""Attributes that are quantities, such as brightness: numbers that are learned by their rank among those of the notes.

A rank needs no choice of unit, of logarithm or of what to do with outliers: the numbers of the training notes are
spread evenly, whatever their distribution.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TypeGuard

from data.nsynth import Value
from data.sampling import evenly_spaced_to_last

QUANTITY = 0
"""What stands for the number of values of a quantity, where those of other attributes are counted."""
LAST_LABEL = 2**22
"""Labels of a quantity go from 0, its smallest value, to this; float32 holds all of them exactly."""
MOST_VALUES = 1001


def is_quantity(values: Sequence[Value]) -> TypeGuard[Sequence[float]]:
    """Whether these are the values of a quantity, and not of classes."""
    return bool(values) and all(isinstance(value, float) for value in values)


def ranked_values(present: Iterable[float]) -> tuple[float, ...]:
    """The distinct values, ascending: all, or 1001 of evenly spaced ranks, the smallest and the largest among them."""
    distinct = sorted(set(present))
    return tuple(distinct[rank] for rank in evenly_spaced_to_last(len(distinct), MOST_VALUES))


def label_of_rank(rank: int, values: Sequence[float]) -> int:
    """The label of `values[rank]`."""
    return round(rank * LAST_LABEL / max(len(values) - 1, 1))


def label_of_quantity(value: float, values: Sequence[float]) -> int | None:
    """The label of `value`, by a straight line between the two of `values` around it; None outside their range."""
    if not values[0] <= value <= values[-1]:
        return None
    rank = bisect_right(values, value) - 1
    if value == values[rank]:
        return label_of_rank(rank, values)
    low, high = values[rank] / 2, values[rank + 1] / 2  # halves: no difference of floats is beyond them
    return round((rank + (value / 2 - low) / (high - low)) * LAST_LABEL / (len(values) - 1))


def quantity_of_label(label: int, values: Sequence[float]) -> float:
    """The value with this label: one of `values` exactly, or one between two of them, rounded to 6 digits."""
    place = label * (len(values) - 1) / LAST_LABEL
    if label == label_of_rank(round(place), values):
        return values[round(place)]
    rank = math.floor(place)
    low, high = values[rank], values[rank + 1]
    between = (rank + 1 - place) * low + (place - rank) * high
    return min(max(float(f"{between:.6g}"), low), high)
