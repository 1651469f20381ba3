"""Curves over the steps of a training, laid out for an inline SVG that the page's colours apply to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import TypeGuard

import numpy as np
from matplotlib.ticker import MaxNLocator

from utils.config import ModelConfig
from utils.spelling import counted

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 22, 30

_MOST_POINTS = 400
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Row = Mapping[str, float]


@dataclass(frozen=True)
class Curve:
    """A curve: what it is of, its path as SVG writes it, and its last value in words."""

    title: str
    path: str
    last: str


@dataclass(frozen=True)
class Chart:
    """A chart in a box of WIDTH x HEIGHT: curves, ticks and marks as (place, text), and all of it in a sentence."""

    title: str
    curves: list[Curve]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    marks: list[tuple[float, str]]
    described: str


def chart(title: str, rows: Sequence[Row], series: Mapping[str, str], marks: Sequence[tuple[int, str]]) -> Chart | None:
    """The curves of `series`, key of the rows -> title; None if no row has a finite number for any of them.

    `marks` are (step, text). Of more than 400 rows, the least and the greatest of each of 200 stretches are drawn.
    """
    points = {name: _points(rows, key) for key, name in series.items()}
    points = {name: found for name, found in points.items() if found}
    if not points:
        return None
    steps = [step for found in points.values() for step, _ in found]
    values = [value for found in points.values() for _, value in found]
    last_step = max(steps)
    x_axis = _Axis(min(steps), last_step, LEFT, WIDTH - RIGHT)
    y_axis = _Axis(min(values), max(values), HEIGHT - BOTTOM, TOP)
    curves = [
        Curve(
            name,
            "M" + "L".join(f"{x_axis(step):g},{y_axis(value):g}" for step, value in _thinned(found)),
            in_words(found[-1][1]),
        )
        for name, found in points.items()
    ]
    shown_marks = [(x_axis(step), text) for step, text in marks if min(steps) <= step < last_step]
    lasts = ", ".join(f"{curve.title} {curve.last}" for curve in curves)
    described = f"{title} over {counted(round(last_step), 'step')}. Last values: {lasts}."
    return Chart(title, curves, x_axis.ticks(whole=True), y_axis.ticks(whole=False), shown_marks, described)


def growth_marks(model: ModelConfig) -> list[tuple[int, str]]:
    """(first step, name) of each scale of the growing networks."""
    lengths = model.max_iter_at_scale[model.start_scale :]
    return [(step, f"scale {model.start_scale + k}") for k, step in enumerate([0, *accumulate(lengths[:-1])])]


def in_words(value: float) -> str:
    """`value` in four digits, as typeset.

    >>> in_words(-0.00000512)
    '−5.12 × 10⁻⁶'
    """
    number, _, exponent = f"{value:.4g}".replace("-", "−", 1 if value < 0 else 0).partition("e")
    return f"{number} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}" if exponent else number


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    at_low: float
    at_high: float

    def __call__(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.at_low + part * (self.at_high - self.at_low), 1)

    def ticks(self, *, whole: bool) -> list[tuple[float, str]]:
        wanted = MaxNLocator(4, integer=whole).tick_values(self.low, self.high)
        return [(self(value), in_words(float(value))) for value in wanted if self.low <= value <= self.high]


def _points(rows: Sequence[Row], key: str) -> list[tuple[float, float]]:
    found = [(row.get("step"), row.get(key)) for row in rows]
    return [(step, value) for step, value in found if _is_finite(step) and _is_finite(value)]


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= _MOST_POINTS:
        return points
    edges = np.linspace(0, len(points), _MOST_POINTS // 2 + 1).astype(int)
    stretches = [points[low:high] for low, high in pairwise(edges)]
    return [
        point for part in stretches for point in sorted({min(part, key=itemgetter(1)), max(part, key=itemgetter(1))})
    ]
