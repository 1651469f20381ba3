"""How numbers stand in the tables of a comparison."""

from collections.abc import Sequence
from typing import NamedTuple

from evaluation.metrics.seeds import Interval, OverSeeds

NOTHING = "-"


class Table(NamedTuple):
    """A table of texts with its title."""

    title: str
    header: list[str]
    rows: list[list[str]]


def mean_cell(over: OverSeeds | None) -> str:
    """A mean with its interval."""
    return NOTHING if over is None else f"{over.mean:.4g}{in_brackets(over.interval)}"


def in_brackets(interval: Interval | None) -> str:
    """An interval behind its mean; nothing without one."""
    return "" if interval is None else f" [{interval.low:.4g}, {interval.high:.4g}]"


def range_cell(values: Sequence[float], form: str = ",") -> str:
    """The lowest and the highest of the values, or the one that they all are."""
    texts = list(dict.fromkeys(format(value, form) for value in (min(values), max(values)))) if values else [NOTHING]
    return " to ".join(texts)
