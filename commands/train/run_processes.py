"""Runs of a comparison, each trained by `train.py` in a process of its own."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from training.comparison_runs import PlannedRun, write_config
from utils.cli import EXIT_INTERRUPTED, EXIT_USER_ERROR, show_progress
from utils.files import explained_write_errors
from utils.run_lock import read_holder

logger = logging.getLogger(__name__)

LOGS = "logs"
"""The folder, in that of the comparison, where each process says what it has to say."""

_TRAIN = Path(__file__).resolve().parents[2] / "train.py"
_STOPPED = (EXIT_INTERRUPTED, -signal.SIGTERM)  # the latter before training began
_WAIT = 0.2  # s between two looks at the processes
_LOOK = 25  # of these between two looks at what others train, and at the logs of the runs


def command_of(run: PlannedRun, flags: Sequence[str]) -> list[str]:
    """What trains the `run` in a process of its own, by its kept config."""
    return [sys.executable, str(_TRAIN), f"--config={run.config_path}", f"--seed={run.seed}", *flags]


@dataclass(frozen=True)
class _Process:
    run: PlannedRun
    popen: "subprocess.Popen[bytes]"
    log: Path
    log_start: int  # bytes that earlier processes wrote there

    def why_it_ended(self) -> str:
        """The last line that it wrote."""
        with self.log.open("rb") as file:
            file.seek(self.log_start)
            lines = file.read().decode("utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        code = self.popen.returncode
        if code == EXIT_USER_ERROR and last:
            return last.removeprefix("train.py: ")
        ending = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"{ending}; {self.log} says more" + (f": {last}" if last else "")


class RunProcesses:
    """Trains runs, at most `jobs` at once, each on so many `threads`; `flags` go to every process.

    What is trained already is left alone; what another process trains now is waited for.
    """

    def __init__(self, runs: Sequence[PlannedRun], *, jobs: int, threads: int, flags: Sequence[str]) -> None:
        self._runs = runs
        self._flags = flags
        self._jobs = jobs
        self._environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        self._trained = {run.name for run in runs if run.state() == "trained"}
        self._waiting = [run for run in runs if run.name not in self._trained]
        self._processes: dict[str, _Process] = {}
        self._elsewhere: set[str] = set()  # the runs of which it is said already that others train them
        self.failed: dict[str, str] = {}  # the name of the run -> why

    @property
    def n_trained(self) -> int:
        """How many of the runs are trained to the end."""
        return len(self._trained)

    def steps_done(self) -> int:
        """Training steps that all runs together have done, as their logs say."""
        return sum(run.total_steps if run.name in self._trained else run.logged_steps() for run in self._runs)

    def train(self, asked_to_stop: Callable[[], bool]) -> None:
        """Go on until every run is trained or has failed, or `asked_to_stop()`: then all processes save and end."""
        total = sum(run.total_steps for run in self._runs)
        bar = tqdm(total=total, initial=self.steps_done(), unit="step", desc="all runs", disable=not show_progress())
        try:
            while (self._waiting or self._processes) and not asked_to_stop():
                self._begin_more()
                for _ in range(_LOOK):
                    time.sleep(_WAIT)
                    if self._collect() or asked_to_stop():
                        break
                bar.update(self.steps_done() - bar.n)
        finally:
            bar.close()
            self._stop()

    def _begin_more(self) -> None:
        for run in list(self._waiting):
            if len(self._processes) == self._jobs:
                break
            state = run.state()
            if state == "waiting":
                self._waiting.remove(run)
                self._processes[run.name] = self._begun(run)
            elif state == "trained":
                self._waiting.remove(run)
                self._note_trained(run)
            elif run.name not in self._elsewhere:
                self._elsewhere.add(run.name)
                logger.info("%s: %s trains it now; it is waited for", run.name, read_holder(run.run_folder))

    def _begun(self, run: PlannedRun) -> _Process:
        write_config(run)
        log = run.experiment.output_path / LOGS / f"{run.name}.txt"
        command = command_of(run, self._flags)
        with explained_write_errors(log):
            log.parent.mkdir(exist_ok=True)
            with log.open("ab") as file:
                log_start = file.tell()  # before the process writes: both have one position in the file
                # away from the terminal, whose Ctrl-C would reach it twice: through the terminal and through us
                popen = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    start_new_session=True,
                    creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                )
                logger.info("%s: %s", run.name, "resumes" if run.saved_steps() else "begins")
                return _Process(run, popen, log, log_start)

    def _collect(self, *, stopping: bool = False) -> bool:
        """Take note of the processes that have ended; whether there were any."""
        ended = [process for process in self._processes.values() if process.popen.poll() is not None]
        for process in ended:
            run = process.run
            del self._processes[run.name]
            state = run.state()
            if state == "trained":
                self._note_trained(run)
            elif state == "training" or (stopping and process.popen.returncode in _STOPPED):
                self._waiting.append(run)  # or another comparison was faster to begin it
            else:
                self.failed[run.name] = process.why_it_ended()
                logger.error("%s: %s", run.name, self.failed[run.name])
        return bool(ended)

    def _note_trained(self, run: PlannedRun) -> None:
        self._trained.add(run.name)
        logger.info("%s: trained (%d of %d)", run.name, self.n_trained, len(self._runs))

    def _stop(self) -> None:
        """Ask all processes to save and end, and wait for that; a KeyboardInterrupt meanwhile ends them at once."""
        processes = list(self._processes.values())
        for process in processes:
            process.popen.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
        try:
            for process in processes:
                process.popen.wait()
        except BaseException:
            for process in processes:
                process.popen.kill()
            raise
        self._collect(stopping=True)
