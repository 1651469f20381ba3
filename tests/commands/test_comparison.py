"""`train.py -c` with a comparison: every run is trained once, wherever it was stopped, and a failed one stops none."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import ClassVar

import pytest

import train
from commands.train import run_processes
from models.networks import count_parameters
from tests.commands.comparisons import FLAGS, Here, run, write_comparison
from tests.places import ROOT
from tests.training_runs import PATIENCE, assert_same_run, has_rows, steps_done, wait_until
from training.training_step import TrainingStep
from utils.config_file import load_experiment
from utils.folder_lock import is_locked
from utils.run_lock import RunFolderLock, read_holder
from utils.run_log import read_log

ONE = {"mag-if": "mag-if.json"}


@pytest.fixture
def write(experiment_dict, tmp_path):
    return lambda name="toy", **changes: write_comparison(experiment_dict, tmp_path, name, **changes)


@pytest.fixture
def here(monkeypatch, _no_previews):
    """Runs are trained in this process; gives their command lines and numbers of threads."""
    monkeypatch.setattr(run_processes.subprocess, "Popen", Here)
    monkeypatch.setattr(run_processes, "_WAIT", 0)
    monkeypatch.setattr(Here, "commands", [])
    return Here.commands


def named(commands):
    return [command[0].rpartition("/")[2] for command, _ in commands]


def test_every_run_is_trained_once_from_a_config_of_its_own(write, here, capsys):
    path, folder = write(seeds=[3, 0], representations=ONE, parameters=20_000)
    assert run(path, "-s", "5") == 0
    out = capsys.readouterr().out
    assert out == f"{folder}: trained 2 runs; score them with\n  python eval.py comparison {path} -d toy_scores\n"
    runs = ["mag-if_seed3", "mag-if_seed0"]
    assert named(here) == [f"{name}.json" for name in runs]
    assert "--save-iter=5" in here[0][0]
    assert {threads for _, threads in here} == {"1"}
    for name in runs:
        experiment = load_experiment(folder / "configs" / f"{name}.json")
        assert experiment == load_experiment(folder / name / "config.json")
        assert experiment.run_folder == folder / name
        assert experiment.model.max_iter_at_scale == (2, 2, 2, 2)
        # images of two channels, four pitches
        sizes = count_parameters(experiment.model, (2, 32, 16), (4,))
        assert sum(sizes.values()) == pytest.approx(20_000, rel=0.1)
        assert steps_done(folder / name) == 8
        assert len(read_log(folder / name)) == 8
    assert sorted(each.name for each in folder.iterdir()) == sorted(["configs", "logs", "note_cache", *runs])
    first, second = (read_log(folder / name)[-1]["d_total"] for name in ("mag-if_seed3", "mag-if_seed0"))
    assert first != second
    here.clear()
    assert run(path, "-s", "5") == 0
    assert here == []


def test_threads_of_the_machine_are_divided_and_short_fades_are_told(write, here, monkeypatch, capsys):
    fades = {"modelConfig": {"miniBatchSize": 2, "alphaNJumps": [0, 9, 1, 1]}}
    path, _ = write(threads=None, representations=ONE, shared=fades)
    monkeypatch.setattr("commands.train.comparison.torch.get_num_threads", lambda: 7)
    assert run(path, "--jobs", "3") == 0
    assert [threads for _, threads in here] == ["2"]
    assert "mag-if_seed0: scale 1 ends before its fade-in is complete" in capsys.readouterr().err


def test_run_that_diverges_is_reported_and_stops_no_other(write, here, capsys):
    diverging = {"config": "stft.json", "modelConfig": {"baseLearningRate": 10.0, "lambdaGP": 1e9, "epsilonD": 1e9}}
    path, folder = write(representations={"wild": diverging, "mag-if": "mag-if.json"})
    assert run(path) == 1
    assert steps_done(folder / "mag-if_seed0") == 8
    said = capsys.readouterr()
    assert said.out == ""
    assert "\n1 of 2 runs failed:\n  wild_seed0: " in said.err
    assert "is no longer a finite number; the last checkpoint is kept; try a lower baseLearningRate" in said.err
    assert "Traceback" not in said.err
    here.clear()
    assert run(path) == 1
    assert named(here) == ["wild_seed0.json"]


def test_what_a_process_says_at_once_is_reported(write, monkeypatch, capsys):
    class Quick(subprocess.Popen):
        """Says why, and has ended before it is looked at."""

        def __init__(self, command, **options):
            says = "import sys; sys.stderr.write('train.py: no room'); sys.exit(2)"
            super().__init__([command[0], "-c", says], **options)
            self.wait()

    monkeypatch.setattr(run_processes.subprocess, "Popen", Quick)
    path, _ = write(representations=ONE)
    assert run(path) == 1
    assert "  mag-if_seed0: no room\n" in capsys.readouterr().err


def test_run_that_was_stopped_from_outside_goes_on(write, here, monkeypatch, capsys):
    path, folder = write()
    whole_path, whole = write("whole", representations=ONE)
    original, calls = TrainingStep.launch, []

    def counted(*args):
        calls.append(1)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGTERM)
        return original(*args)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingStep, "launch", counted)
        assert run(path) == 1
    assert "mag-if_seed0: ended with code 130;" in capsys.readouterr().err
    assert steps_done(folder / "mag-if_seed0") == 5
    assert steps_done(folder / "complex_seed0") == 8
    assert train.main(["--status", str(path)]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in table[2].split("|")[1:6]] == ["mag-if", "0", "stopped", "5", "8"]
    assert [cell.strip() for cell in table[3].split("|")[1:7]] == ["complex", "0", "trained", "8", "8", ""]
    assert run(path) == run(whole_path) == 0
    assert_same_run(folder / "mag-if_seed0", whole / "mag-if_seed0")


def test_stop_after_ends_it_early(write, here, capsys):
    path, folder = write()
    assert run(path, "--stop-after", "1steps") == 0
    assert "stopped with 1 of 2 runs trained; the same command goes on there" in capsys.readouterr().err
    assert not (folder / "complex_seed0").exists()


def test_run_that_another_process_trains_is_waited_for(write, here, capsys):
    path, folder = write()
    lock = RunFolderLock(folder / "mag-if_seed0")
    lock.take()

    def release():
        deadline = time.monotonic() + 60
        while not has_rows(folder / "complex_seed0", 8) and time.monotonic() < deadline:
            time.sleep(0.01)
        lock.__exit__()

    other = threading.Thread(target=release)
    other.start()
    try:
        assert train.main(["-c", str(path), *FLAGS[1:]]) == 0
    finally:
        other.join()
    assert named(here) == ["complex_seed0.json", "mag-if_seed0.json"]
    assert steps_done(folder / "mag-if_seed0") == 8
    assert f"mag-if_seed0: process {os.getpid()} on " in capsys.readouterr().err


def test_run_that_another_process_was_faster_to_begin_has_not_failed(write, here, monkeypatch):
    path, folder = write()
    lock = RunFolderLock(folder / "mag-if_seed0")
    original = Here.__init__

    def late(self, command, **settings):
        if len(here) == 0:
            lock.take()
            original(self, command, **settings)
            assert self.returncode == 2
        else:
            lock.__exit__()
            original(self, command, **settings)

    monkeypatch.setattr(Here, "__init__", late)
    assert run(path) == 0
    assert named(here) == ["mag-if_seed0.json", "complex_seed0.json", "mag-if_seed0.json"]


def test_changed_comparison_is_refused_before_anything_is_trained(write, here, capsys):
    path, folder = write(representations=ONE)
    assert run(path) == 0
    here.clear()
    changes = {"representations": ONE, "seeds": [0, 1], "notes_seen": 32, "count": 12}
    write(**changes)
    capsys.readouterr()
    assert run(path) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"train.py: {folder}: was begun as another comparison (mag-if_seed0: modelConfig.maxIterAt")
    assert said.endswith("; give the file those values, or another name\n")
    assert here == []
    write(**changes | {"notes_seen": 16})  # more seeds and other scores change no run
    assert run(path) == 0
    assert named(here) == ["mag-if_seed1.json"]


def test_networks_that_do_not_fit_are_all_said(write, here, capsys):
    path, folder = write(parameters=1_000, representations={"a": "stft.json", "b": "mag-if.json"}, baseline="a")
    assert run(path) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for title in "ab":
        assert f"representations.{title}: parameters=1,000 cannot be reached within 10%" in said
    assert not folder.exists()


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["-n", "x"], "--name"),
        (["-d", "x"], "--output"),
        (["--data-path", "x"], "--data-path"),
        (["--seed", "0"], "--seed"),
        (["--restart"], "--restart"),
        (["--continue-from", "x"], "--continue-from"),
        (["--fine-tune-from", "x"], "--fine-tune-from"),
        (["--smoke-test"], "--smoke-test"),
        (["--profile"], "--profile"),
        (["--lambdaGP", "1", "--seed", "2"], "--seed and --lambdaGP"),
    ],
)
def test_flags_of_single_runs_are_refused(write, capsys, flags, named):
    path, folder = write()
    assert run(path, *flags) == 2
    said = f"train.py: {named}: for a single run, but {path} is a comparison; leave it out, or change the file\n"
    assert capsys.readouterr().err == said
    assert not folder.exists()


def test_comparison_is_trained_alone_and_jobs_are_of_comparisons(write, tmp_path, capsys):
    path, _ = write()
    single = tmp_path / "stft.json"
    assert train.main(["-c", str(single), str(path)]) == 2
    assert "is a comparison, which is trained alone" in capsys.readouterr().err
    assert run(single, "--jobs", "2") == 2
    assert capsys.readouterr().err == "train.py: --jobs goes with a comparison, and -c names none; leave it out\n"


def test_torchrun_is_refused(write, monkeypatch, capsys):
    path, _ = write()
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert run(path) == 2
    assert capsys.readouterr().err == "train.py: torchrun: a comparison runs in one process; start it with python\n"


def test_status_and_cost_before_anything_is_trained(write, capsys):
    path, folder = write(parameters=20_000)
    assert train.main(["--status", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"title": title, "seed": 0, "run": str(folder / f"{title}_seed0"), "status": None}
        for title in ("mag-if", "complex")
    ]
    assert train.main(["-c", str(path), "--dry-run", "--json"]) == 0
    costs = json.loads(capsys.readouterr().out)
    assert [(cost["name"], cost["total_steps"]) for cost in costs] == [("mag-if_seed0", 8), ("complex_seed0", 8)]
    for cost in costs:
        total = cost["generator_parameters"] + cost["discriminator_parameters"]
        assert total == pytest.approx(20_000, rel=0.1)
    assert not folder.exists()


class Endless(Here):
    """A process that trains until it is asked to stop, and then saves for one more look."""

    begun: ClassVar[list] = []
    ctrl_cs: ClassVar[int] = 1

    def __init__(self, *_, **__):
        self.returncode, self.signals = None, []
        self.begun.append(self)

    def poll(self):
        if len(self.begun) == 2 and self is self.begun[0] and not self.signals:
            signal.raise_signal(signal.SIGINT)
        return self.returncode

    def send_signal(self, number):
        self.signals.append(number)

    def wait(self, timeout=None):
        if self.ctrl_cs == 2:
            signal.raise_signal(signal.SIGINT)
        self.returncode = 130

    def kill(self):
        self.signals.append("kill")


@pytest.fixture
def endless(here, monkeypatch):
    monkeypatch.setattr(Endless, "begun", [])
    monkeypatch.setattr(run_processes.subprocess, "Popen", Endless)
    return Endless


def test_ctrl_c_asks_every_process_once_to_save_and_waits_for_it(write, endless, capsys):
    path, _ = write()
    assert run(path, "--jobs", "2") == 130
    assert [process.signals for process in endless.begun] == [[signal.SIGTERM]] * 2
    said = capsys.readouterr().err
    assert "stopped with 0 of 2 runs trained; the same command goes on there" in said
    assert "failed" not in said


def test_second_ctrl_c_ends_every_process_at_once(write, endless, monkeypatch, capsys):
    monkeypatch.setattr(endless, "ctrl_cs", 2)
    path, _ = write()
    assert run(path, "--jobs", "2") == 130
    assert [process.signals for process in endless.begun] == [[signal.SIGTERM, "kill"]] * 2
    assert capsys.readouterr().err.endswith("train.py: interrupted\n")


LONG = {"notes_seen": 240, "shared": {"modelConfig": {"miniBatchSize": 2, "alphaNJumps": [0, 9, 9, 9]}}}
RUNS = ("mag-if_seed0", "complex_seed0")


def start(path, *flags):
    """The real program, whose runs are processes of their own."""
    command = [sys.executable, "train.py", "-c", str(path), *FLAGS[1:], *flags]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(*processes):
    """Wait for them, which must end well; what they said on stderr."""
    said = [process.communicate(timeout=PATIENCE)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return said


@contextmanager
def paused(process, folders, n_rows):
    """Until all of them have so many rows, each run that has them stands still; all of them do within the block.

    How soon its process begins, and how fast it trains, is up to the machine.
    """
    pids = {}

    def pause_those_with_rows():
        for folder in folders:
            if folder not in pids and has_rows(folder, n_rows):
                pids[folder] = read_holder(folder).pid
                os.kill(pids[folder], signal.SIGSTOP)
        return len(pids) == len(folders)

    try:
        wait_until(process, pause_those_with_rows)
        yield
    finally:
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
def test_processes_that_are_stopped_or_killed_go_on_to_the_end_of_unbroken_ones(write):
    path, folder = write(**LONG)
    process = start(path, "--jobs", "2")
    with paused(process, [folder / name for name in RUNS], 5):
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "stopped with 0 of 2 runs trained; the same command goes on there" in errors
    assert "Traceback" not in errors
    steps = {name: steps_done(folder / name) for name in RUNS}
    for name in RUNS:
        assert 5 <= steps[name] < 120
        assert not is_locked(folder / name)
        assert "Traceback" not in (folder / "logs" / f"{name}.txt").read_text(encoding="utf-8")

    process = start(path, "-s", "3")
    wait_until(process, lambda: has_rows(folder / RUNS[0], steps[RUNS[0]] + 5))
    os.kill(read_holder(folder / RUNS[0]).pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"{RUNS[0]}: was ended by signal 9; " in errors
    assert steps_done(folder / RUNS[0]) < 120
    assert steps_done(folder / RUNS[1]) == 120

    whole_path, whole = write("whole", **LONG)
    finish(start(path, "--jobs", "2"))
    finish(start(whole_path))  # one after the other
    for name in RUNS:
        assert_same_run(folder / name, whole / name)


@pytest.mark.slow
def test_two_commands_at_once_train_no_run_twice(write):
    path, folder = write(**LONG)
    finish(start(path), start(path))
    logs = [(folder / "logs" / f"{name}.txt").read_text(encoding="utf-8") for name in RUNS]
    assert [log.count("trained 120 steps") for log in logs] == [1, 1]
    assert [len(read_log(folder / name)) for name in RUNS] == [120, 120]
