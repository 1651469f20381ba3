"""What may be said of scores side by side: where their intervals lie, and whether one is the best beyond doubt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.96  # 95 % of a normal distribution lie within so many standard errors


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def interval(value: float, standard_error: object) -> Interval | None:
    """The 95 % interval of `value`; None if one of the two is not a finite number."""
    if not isinstance(standard_error, int | float) or not math.isfinite(value) or not math.isfinite(standard_error):
        return None
    half = _Z * abs(standard_error)
    return Interval(value, value - half, value + half)


def clear_best(intervals: Sequence[Interval | None], *, higher: bool) -> int | None:
    """The place of the best of two or more `intervals`, if it overlaps none of the others; else None.

    One of them that is not known could be anywhere, so that there is none then.

    >>> clear_best([Interval(3, 2.5, 3.5), Interval(2, 1.5, 2.4)], higher=True)
    0
    >>> clear_best([Interval(3, 2.5, 3.5), Interval(2, 1.5, 2.6)], higher=True)
    """
    known = [each for each in intervals if each is not None]
    if len(known) < 2 or len(known) < len(intervals):
        return None
    best = (max if higher else min)(range(len(known)), key=lambda place: known[place].value)
    rivals = [each for place, each in enumerate(known) if place != best]
    apart = (
        all(rival.high < known[best].low for rival in rivals)
        if higher
        else all(rival.low > known[best].high for rival in rivals)
    )
    return best if apart else None


def bars(intervals: Sequence[Interval | None]) -> list[tuple[float, float, float] | None]:
    """(low, value, high) of each interval as percentages of the way from the lowest end of all to the highest."""
    known = [each for each in intervals if each is not None]
    if not known:
        return [None] * len(intervals)
    lowest, highest = min(each.low for each in known), max(each.high for each in known)
    span = highest - lowest

    def part(value: float) -> float:
        return round(100 * (value - lowest) / span, 1) if span > 0 else 50.0

    return [None if each is None else (part(each.low), part(each.value), part(each.high)) for each in intervals]
