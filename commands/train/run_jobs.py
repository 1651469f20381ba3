"""Runs of a comparison handed to Slurm, each as a job of its own, through the package submitit."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from commands.train import run_job
from commands.train.run_processes import command_of
from training.comparison_runs import PlannedRun, write_config
from utils.errors import UserError
from utils.files import explained_write_errors, read_json, write_json

logger = logging.getLogger(__name__)

JOBS = "jobs"
"""The folder, in that of the comparison, where submitit keeps what it needs, and each job says what it has to say."""

_SUBMITTED = "submitted.json"  # run -> its last job
_CLUSTER = "slurm"


class RunJobs:
    """Submits what is not trained, does not train now, and does not wait in the queue; `flags` go to every run."""

    def __init__(self, runs: Sequence[PlannedRun], *, threads: int | None, flags: Sequence[str]) -> None:
        self._runs, self._threads, self._flags = runs, threads, flags
        self._folder = runs[0].experiment.output_path / JOBS
        self.n_trained = sum(run.state() == "trained" for run in runs)

    def submit(self, *, at_once: int | None, parameters: Mapping[str, int | str]) -> int:
        """Submit one job for each run that needs one, of which `at_once` may run (None: all); returns their number.

        `parameters` are those of submitit's `update_parameters`. Raises: UserError.
        """
        submitit = _submitit()
        waiting = [run for run in self._runs if self._needs_job(run, submitit)]
        if not waiting:
            return 0
        import_module("cloudpickle").register_pickle_by_value(run_job)  # a job may begin where ours cannot be imported
        executor = self._executor(submitit, at_once, parameters)
        for run in waiting:
            write_config(run)
        with (
            explained_write_errors(self._folder),
            _explained("--launcher slurm: Slurm did not take the jobs", RuntimeError),
        ):
            with executor.batch():
                jobs = [executor.submit(run_job.RunJob(command_of(run, self._flags), self._threads)) for run in waiting]
            submitted = {run.name: str(job.job_id) for run, job in zip(waiting, jobs, strict=True)}
        write_json(self._folder / _SUBMITTED, self._submitted() | submitted)
        for name, job_id in submitted.items():
            logger.info("%s: job %s", name, job_id)
        return len(waiting)

    def _needs_job(self, run: PlannedRun, submitit: Any) -> bool:
        state = run.state()
        if state != "waiting":
            logger.info("%s: %s", run.name, "is training now" if state == "training" else "is trained")
            return False
        job_id = self._submitted().get(run.name)
        if job_id is None:
            return True
        if not _job(submitit, self._folder, job_id).done(force_check=True):
            logger.info(
                "%s: job %s is in the queue, or unknown to Slurm; to submit the run again nevertheless, remove %s",
                *(run.name, job_id, self._folder / _SUBMITTED),
            )
            return False
        logger.warning(
            "%s: job %s ended before the run was trained; %s says more; the run goes on as another job",
            *(run.name, job_id, self._folder / f"{job_id}_0_log.err"),
        )
        return True

    def _executor(self, submitit: Any, at_once: int | None, parameters: Mapping[str, int | str]) -> Any:
        own: dict[str, int | str] = {"name": self._folder.parent.name}
        own |= {} if self._threads is None else {"cpus_per_task": self._threads}
        own |= {} if at_once is None else {"slurm_array_parallelism": at_once}
        with _explained("--launcher slurm", RuntimeError):
            executor = submitit.AutoExecutor(folder=self._folder, cluster=_CLUSTER)
        with _explained("--slurm", NameError, AssertionError, ValueError, TypeError):
            executor.update_parameters(**own | dict(parameters))
        return executor

    def _submitted(self) -> dict[str, str]:
        path = self._folder / _SUBMITTED
        content = read_json(path) if path.exists() else {}
        if not isinstance(content, dict) or not all(isinstance(job_id, str) for job_id in content.values()):
            raise UserError(f"{path}: does not name the job of each run; remove it")
        return content


@contextmanager
def _explained(where: str, *errors: type[Exception]) -> Iterator[None]:
    """Errors of submitit about what a user gave it, as one line."""
    try:
        yield
    except errors as error:
        raise UserError(f"{where}: {str(error).partition(chr(10))[0]}") from error


def _submitit() -> Any:
    try:
        return import_module("submitit")
    except ImportError as error:
        raise UserError(
            "--launcher slurm: needs the package submitit; install it with `pip install -r requirements-slurm.txt`"
        ) from error


def _job(submitit: Any, folder: Path, job_id: str) -> Any:
    kinds = {"slurm": submitit.SlurmJob, "local": submitit.LocalJob}
    return kinds[_CLUSTER](folder=folder, job_id=job_id)
