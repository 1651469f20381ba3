"""Ctrl-C and termination as a wish that the work can grant at its next safe point."""

import os
import signal
from types import FrameType
from typing import Self

_STDERR = 2


class StopRequest:
    """Within the block, the first SIGINT or SIGTERM sets `made`; a second SIGINT stops at once."""

    def __init__(self) -> None:
        self.made = False

    def __enter__(self) -> Self:
        self._former = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.made and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.made = True
        # not through sys.stderr: the signal may have come amid a write to it
        os.write(_STDERR, b"\nfinishing this step, then saving; Ctrl-C again stops at once\n")
