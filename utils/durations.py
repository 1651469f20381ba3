"""Spans of time in words, and how much of a training one command may do."""

import argparse
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LIMIT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(s|m|h|steps?)?")


def in_words(seconds: float) -> str:
    """A span of time, rounded to two units at most.

    >>> in_words(8.4), in_words(754), in_words(11_130), in_words(190_000)
    ('8 s', '13 min', '3 h 06 min', '2 d 05 h')
    """
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{hours // 24} d {hours % 24:02d} h"


class TrainingLimit:
    """How much one command may train, over all its runs: so many steps, or so many seconds."""

    def __init__(self, *, steps: int | None = None, seconds: float | None = None) -> None:
        """Without either there is no limit."""
        self._steps, self._seconds = steps, seconds

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return self._steps is not None or self._seconds is not None

    @property
    def reached(self) -> bool:
        """Whether nothing is left of it."""
        return any(left is not None and left <= 0 for left in (self._steps, self._seconds))

    @contextmanager
    def counting(self, steps_done: Callable[[], int]) -> Iterator[Callable[[], bool]]:
        """Yield what says whether the limit is reached; what the block trains is taken off it."""
        first, began = steps_done(), time.monotonic()

        def left() -> TrainingLimit:
            steps = None if self._steps is None else self._steps - (steps_done() - first)
            seconds = None if self._seconds is None else self._seconds - (time.monotonic() - began)
            return TrainingLimit(steps=steps, seconds=seconds)

        yield lambda: left().reached
        self._steps, self._seconds = (rest := left())._steps, rest._seconds


def training_limit(text: str) -> TrainingLimit:
    """The argument `30s`, `90m`, `1.5h` or `500steps`; a number alone counts steps."""
    match = _LIMIT.fullmatch(text)
    if not match or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be a time such as 30s or 1.5h, or a number of steps")
    number, unit = match.groups()
    if unit in _SECONDS:
        return TrainingLimit(seconds=float(number) * _SECONDS[unit])
    if "." in number:
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be whole steps, or have a unit: s, m or h")
    return TrainingLimit(steps=int(number))
