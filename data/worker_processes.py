"""Jobs done by this process or by several others, with the results in the order of the jobs."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any, TypeVar

from utils.errors import UserError

Job = TypeVar("Job")
Result = TypeVar("Result")


@contextmanager
def results_of_workers(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    workers: int,
    *,
    start: Callable[..., None],
    settings: tuple[Any, ...],
) -> Iterator[Iterator[Result]]:
    """The results of `work` on each of `jobs`, in their order, from `workers` new processes.

    Each process calls `start(*settings)` first. Raises: UserError if a process dies.
    """
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks of numpy and tqdm
    pool = ProcessPoolExecutor(workers, spawn, initializer=_start_worker, initargs=(start, settings))
    try:
        yield pool.map(work, jobs, chunksize=8)
    except BrokenProcessPool as error:
        raise UserError("a worker process died, perhaps for lack of memory; use fewer worker processes") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker(start: Callable[..., None], settings: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    start(*settings)


def _end_with_parent() -> None:
    """A killed parent cannot end its workers, which would then wait for jobs for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
