"""Curves over the steps of a training, as the page's script draws them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Any, TypeGuard

import numpy as np

from utils.config import ModelConfig
from utils.spelling import counted

_MOST_POINTS = 400
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Row = Mapping[str, float]


@dataclass(frozen=True)
class Curve:
    """A curve: what it is of, its value at each step of its chart (None where there is none), the last one in words."""

    title: str
    values: list[float | None]
    last: str


@dataclass(frozen=True)
class Chart:
    """Curves over `steps`, which ascend, with marks as (step, text), and all of it in a sentence."""

    title: str
    steps: list[float]
    curves: list[Curve]
    marks: list[tuple[int, str]]
    described: str

    def to_plain(self) -> dict[str, Any]:
        """What the script needs, as JSON values."""
        curves = [{"title": curve.title, "values": curve.values} for curve in self.curves]
        return {"steps": self.steps, "curves": curves, "marks": self.marks}


def chart(title: str, rows: Sequence[Row], series: Mapping[str, str], marks: Sequence[tuple[int, str]]) -> Chart | None:
    """The curves of `series`, key of the rows -> title; None if no row has a finite number for any of them.

    A row may lack some of them. `marks` are (step, text). Of more than 400 rows of a curve, the least and the greatest
    of each of 200 stretches are drawn.
    """
    points = {name: _points(rows, key) for key, name in series.items()}
    points = {name: found for name, found in points.items() if found}
    if not points:
        return None
    drawn = {name: dict(_thinned(found)) for name, found in points.items()}
    steps = sorted({step for curve in drawn.values() for step in curve})
    curves = [
        Curve(name, [curve.get(step) for step in steps], in_words(points[name][-1][1])) for name, curve in drawn.items()
    ]
    shown_marks = [(step, text) for step, text in marks if steps[0] <= step < steps[-1]]
    lasts = ", ".join(f"{curve.title} {curve.last}" for curve in curves)
    described = f"{title} over {counted(round(steps[-1]), 'step')}. Last values: {lasts}."
    return Chart(title, steps, curves, shown_marks, described)


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
