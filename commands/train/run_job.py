"""One run of a comparison as a job of Slurm: what the job does, and what it does when it is to make room."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

_PREEMPTED = getattr(signal, "SIGUSR2", None)  # by it, submitit is told that the job ends soon


class RunJob:
    """Trains one run by its `command` in a process of its own; is pickled, and called where the job runs.

    Where the job ends before the run does, since its time is up or others need the machine, the run saves, and the job
    goes back into the queue: submitit calls `checkpoint`, and later what that gives.
    """

    def __init__(self, command: Sequence[str], threads: int | None) -> None:
        self._command, self._threads = tuple(command), threads
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        """Train to the end. Raises: RuntimeError if it was not reached."""
        environment = (
            dict(os.environ) if self._threads is None else os.environ | {"OMP_NUM_THREADS": str(self._threads)}
        )
        # Slurm signals all processes of a job; this signal is for submitit, and would kill the training before it saves
        handler = None if _PREEMPTED is None else signal.signal(_PREEMPTED, signal.SIG_IGN)
        try:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, env=environment)
        finally:
            if _PREEMPTED is not None:
                signal.signal(_PREEMPTED, handler)
        with self._process:
            code = self._process.wait()
        if code:
            raise RuntimeError(f"the training ended with code {code}; what it said stands above")

    def checkpoint(self) -> Any:
        """Let the run save and end; gives what submitit calls when the job has its turn again."""
        if self._process is not None:
            self._process.terminate()
            with suppress(ChildProcessError):  # has ended already
                # not Popen.wait: this interrupts that of `__call__`, which holds its lock
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        return import_module("submitit.helpers").DelayedSubmission(RunJob(self._command, self._threads))
