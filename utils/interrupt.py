"""Ctrl-C, termination and hang-up: as a wish that the work can grant at its next safe point, and at its end."""

import atexit
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn, Self

_STDERR = 2
_EXIT_INTERRUPTED = 130
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


class LateInterrupt:
    """Ctrl-C of a program outside StopRequest: KeyboardInterrupt once; then, or from `begin` on, the end at once.

    Python would print tracebacks of it where it clears a program away, and where no exception can be raised, as in the
    callback of a weak reference; there it would also go unheard. A process that is told to ignore Ctrl-C does so.
    """

    def __init__(self, message: str) -> None:
        self._message, self._has_begun = message, False
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # the last of all: nothing is left to stop
        self._former_hook, sys.unraisablehook = sys.unraisablehook, self._on_unraisable

    def begin(self) -> None:
        """The program has done all it does, and is being cleared away."""
        self._has_begun = True

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self._has_begun:
            self._end()
        self._has_begun = True
        raise KeyboardInterrupt

    def _on_unraisable(self, unraisable: "sys.UnraisableHookArgs") -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            self._end()
        self._former_hook(unraisable)

    def _end(self) -> NoReturn:
        with suppress(OSError):
            os.write(_STDERR, self._message.encode())
        os._exit(_EXIT_INTERRUPTED)


def _signals() -> list[signal.Signals]:
    """Those that this system has, and that the process is not told to ignore."""
    there = signal.Signals.__members__
    others = [there[name] for name in _UNLESS_IGNORED if name in there]
    return [*(there[name] for name in _ALWAYS), *(each for each in others if signal.getsignal(each) != signal.SIG_IGN)]
