"""One thread for the network: notes wait for each other, and torch starts its helper threads only once."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class NetworkThread:
    """Runs one call at a time, in the order in which they come.

    concurrent.futures has such a thread too, but Python waits at its end for whatever that thread computes. Python does
    not wait for this one.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="network", daemon=True)
        self._thread.start()

    def result_of(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises, once its turn has come. Raises: CancelledError if this is closed."""
        future: Future[T] = Future()
        self._calls.put((future, call))
        if self._closed:
            future.cancel()
        return future.result()

    def close(self, seconds: float) -> bool:
        """Cancel what has not begun; True if what has begun ends within `seconds`."""
        self._closed = True
        with suppress(queue.Empty):
            while called := self._calls.get_nowait():
                called[0].cancel()
        self._calls.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (called := self._calls.get()) is not None:
            future, call = called
            if self._closed:
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
