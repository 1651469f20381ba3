"""`train.py -c COMPARISON --launcher slurm`, with jobs that submitit runs on this machine."""

import json
import os
import signal
import sys
import threading

import pytest
import submitit

from commands.train import run_jobs, run_processes
from commands.train.run_job import RunJob
from tests.commands.comparisons import run, write_comparison
from tests.training_runs import steps_done
from utils.run_lock import RunFolderLock

SLURM = ("--launcher", "slurm")
ONE = {"mag-if": "mag-if.json"}


@pytest.fixture
def write(experiment_dict, tmp_path):
    return lambda **changes: write_comparison(experiment_dict, tmp_path, **{"parameters": None} | changes)


@pytest.fixture
def submitted(monkeypatch):
    """Jobs run on this machine; gives them and the parameters they were asked for."""
    found = []

    class Executor(submitit.AutoExecutor):
        def update_parameters(self, **parameters):
            self.asked = parameters
            super().update_parameters(**parameters)

        def submit(self, function):
            job = super().submit(function)
            found.append((job, function, self.asked))
            return job

    monkeypatch.setattr(run_jobs, "_CLUSTER", "local")
    monkeypatch.setattr(submitit, "AutoExecutor", Executor)
    yield found
    for job, _, _ in found:
        job._process.wait()


def program(monkeypatch, tmp_path, text):
    """Stands in for train.py."""
    path = tmp_path / "stand_in.py"
    path.write_text(text)
    monkeypatch.setattr(run_processes, "_TRAIN", path)


@pytest.mark.slow
def test_runs_are_trained_by_jobs_and_the_same_command_finds_them_trained(write, submitted, capsys):
    path, folder = write(seeds=[0, 3], representations=ONE)
    assert run(path, *SLURM, "--jobs", 1, "--slurm", "timeout_min=5", "slurm_partition=gpu") == 0
    assert "0 of 2 runs trained, 2 submitted now" in capsys.readouterr().out
    for job, _, _ in submitted:
        job.result()
    for name in ("mag-if_seed0", "mag-if_seed3"):
        assert steps_done(folder / name) == 8
    assert run(path, *SLURM) == 0
    assert capsys.readouterr().out.startswith(f"{folder}: trained 2 runs; score them with\n")
    assert len(submitted) == 2


def test_a_job_that_failed_is_told_and_the_run_submitted_again(write, submitted, monkeypatch, tmp_path, capsys):
    program(monkeypatch, tmp_path, "import sys; print(sys.argv[1:], file=sys.stderr); sys.exit(7)")
    path, folder = write(representations=ONE)
    assert run(path, *SLURM, "-s", 5, "--jobs", 3, "--slurm", "timeout_min=5", "slurm_partition=gpu") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{folder}: 0 of 1 run trained, 1 submitted now;\n")
    assert out.endswith(f"  python train.py --status {path}\n")
    ((job, _, asked),) = submitted
    assert asked == {
        "name": "toy",
        "cpus_per_task": 1,
        "slurm_array_parallelism": 3,
        "timeout_min": 5,
        "slurm_partition": "gpu",
    }
    assert "ended with code 7" in str(job.exception())
    assert f"--config={folder}/configs/mag-if_seed0.json" in job.stderr()
    assert "--save-iter=5" in job.stderr()
    assert json.loads((folder / "jobs" / "submitted.json").read_text()) == {"mag-if_seed0": job.job_id}

    def not_yet(self, force_check=False):
        return False

    with monkeypatch.context() as patched:
        patched.setattr(submitit.LocalJob, "done", not_yet)
        assert run(path, *SLURM) == 0
    said = capsys.readouterr()
    assert "0 submitted now" in said.out
    program(monkeypatch, tmp_path, "")
    assert run(path, *SLURM) == 0
    assert f"mag-if_seed0: job {job.job_id} ended before the run was trained; " in capsys.readouterr().err
    submitted[1][0].result()
    assert len(submitted) == 2


def test_a_run_that_trains_now_is_not_submitted(write, submitted, capsys):
    path, folder = write(representations=ONE)
    lock = RunFolderLock(folder / "mag-if_seed0")
    lock.take()
    try:
        assert run(path, *SLURM) == 0
    finally:
        lock.__exit__()
    assert "0 of 1 run trained, 0 submitted now" in capsys.readouterr().out
    assert submitted == []


SAVES = """
import pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
def save(*_):
    (folder / "saved").touch()
    sys.exit(130)
signal.signal(signal.SIGTERM, save)
assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN
(folder / "begun").touch()
time.sleep(60)
"""


def test_a_job_that_makes_room_saves_and_is_what_goes_on_later(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    command = [sys.executable, "-c", SAVES, str(tmp_path)]
    job, later = RunJob(command, 3), []

    def make_room(*_):
        later.append(job.checkpoint())
        assert (tmp_path / "saved").exists()
        raise SystemExit

    def ask():
        while not (tmp_path / "begun").exists():
            pass
        os.kill(os.getpid(), signal.SIGUSR2)

    former = signal.signal(signal.SIGUSR2, make_room)
    asking = threading.Thread(target=ask)
    try:
        asking.start()
        with pytest.raises(SystemExit):
            job()
    finally:
        asking.join()
        signal.signal(signal.SIGUSR2, former)
    (submission,) = later
    assert isinstance(submission.function, RunJob)
    (tmp_path / "begun").unlink()
    submission.function._command = (sys.executable, "-c", "import os; assert os.environ['OMP_NUM_THREADS'] == '3'")
    submission.result()


def test_what_does_not_go_with_jobs_is_one_line(write, tmp_path, monkeypatch, capsys):
    path, folder = write(representations=ONE)

    def error(*flags, config=path):
        assert run(config, *flags) == 2
        (said,) = capsys.readouterr().err.splitlines()
        return said

    assert "--slurm goes with --launcher slurm" in error("--slurm", "timeout_min=5")
    assert "--stop-after: jobs of Slurm end by its limits" in error(*SLURM, "--stop-after", "1h")
    single = tmp_path / "mag-if.json"
    assert "--launcher goes with a comparison, and -c names none" in error(*SLURM, config=single)
    assert "--launcher slurm: Could not detect" in error(*SLURM)
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "submitit", None)
        assert error(*SLURM).endswith("install it with `pip install -r requirements-slurm.txt`")
    monkeypatch.setattr(run_jobs, "_CLUSTER", "local")
    assert "--slurm: Unknown argument 'partitio'" in error(*SLURM, "--slurm", "slurm_partitio=gpu")
    assert '--slurm: Parameter "timeout_min" expected type' in error(*SLURM, "--slurm", "timeout_min=1h")
    assert "'timeout': must be KEY=VALUE, such as timeout_min=600" in error(*SLURM, "--slurm", "timeout")
    assert not (folder / "mag-if_seed0").exists()
