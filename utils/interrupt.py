"""Ctrl-C, termination and hang-up as a wish that the work can grant at its next safe point."""

import os
import signal
from contextlib import suppress
from types import FrameType
from typing import Self

_STDERR = 2
_ALWAYS = ("SIGINT", "SIGTERM")
_UNLESS_IGNORED = ("SIGHUP", "SIGUSR1", "SIGXCPU", "SIGBREAK")
"""Of terminals that close, and of batch systems; `nohup` makes a process ignore the first, which must stay so."""


class StopRequest:
    """Within the block, the first signal that asks to end sets `made`; a second SIGINT stops at once."""

    def __init__(self) -> None:
        self.made = False

    def __enter__(self) -> Self:
        self._former = {number: signal.signal(number, self._note) for number in _signals()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.made and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.made = True
        # not through sys.stderr: the signal may have come amid a write to it
        with suppress(OSError):  # of a terminal that has closed
            os.write(_STDERR, b"\nfinishing this step, then saving; Ctrl-C again stops at once\n")


def _signals() -> list[signal.Signals]:
    """Those that this system has, and that the process is not told to ignore."""
    there = signal.Signals.__members__
    others = [there[name] for name in _UNLESS_IGNORED if name in there]
    return [*(there[name] for name in _ALWAYS), *(each for each in others if signal.getsignal(each) != signal.SIG_IGN)]
