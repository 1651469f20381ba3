"""stdout and stderr of a program that may outlive whoever reads them."""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from utils.errors import UserError

_STDOUT, _STDERR = 1, 2


def prepare_streams() -> None:
    """Make stdout and stderr of this process usable, whatever they were given.

    Ones that are closed become the null device: else the next file that is opened would take their number, and what is
    meant for the terminal would go into it. What nobody reads any more (`| head -1`) is let go, as is what stderr
    cannot take; if stdout cannot take it for another reason, such as a full disk, UserError is raised.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(number)
    sys.stdout = _lasting(sys.stdout, _STDOUT, _explain)
    sys.stderr = _lasting(sys.stderr, _STDERR, _let_go)


def _explain(error: OSError) -> None:
    raise UserError(f"standard output: cannot be written ({error.strerror}); send it elsewhere") from error


def _let_go(_: OSError) -> None:
    """Of messages nothing can be said: that would be a message."""


def _lasting(stream: Any, number: int, on_fault: Callable[[OSError], None]) -> Any:
    """The stream of a file `number`, whose faults are handled; a stream that a test or a notebook made stays."""
    if stream is None:
        return open(number, "w", encoding="utf-8", errors="backslashreplace", newline="\n", closefd=False)
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # an unbuffered stream has nothing between
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(raw, io.RawIOBase):
        return stream
    with suppress(OSError):
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(raw, on_fault)),
        encoding=stream.encoding,
        errors="backslashreplace",  # letters that it cannot show, as many of Windows cannot
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Lasting(io.RawIOBase):
    """Writes to `raw` until that fails; from then on to nowhere."""

    def __init__(self, raw: io.RawIOBase, on_fault: Callable[[OSError], None]) -> None:
        self._raw, self._on_fault, self._is_lost = raw, on_fault, False

    def writable(self) -> bool:
        """As a raw stream must say."""
        return True

    def fileno(self) -> int:
        """That of the file beneath."""
        return self._raw.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal, whose progress bars have its width."""
        return self._raw.isatty()

    def write(self, content: Any, /) -> int | None:
        """Write some of `content`; all of it counts as written once the file beneath has failed."""
        if not self._is_lost:
            try:
                return self._raw.write(content)
            except OSError as error:
                self._is_lost = True
                if not isinstance(error, BrokenPipeError):
                    self._on_fault(error)
        return len(content)
