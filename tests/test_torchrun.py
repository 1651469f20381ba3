"""torchrun: several real processes end where one does, and what becomes of a run when one of them dies."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch

import eval
import generate
import train
from tests.places import ROOT
from tests.training_runs import final_state, has_rows, steps_done, wait_until
from utils.run_log import read_log

FLAGS = ("--device", "cpu", "--n_samples", "1", "-l", "1")
SECONDS = 120
LEARNED = {"generator", "discriminator", "ema", "optimizer_g", "optimizer_d"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the processes by /proc"),
]


def children(pid):
    """Processes that `pid` has started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


@contextmanager
def torchrun(script, *flags, processes=2):
    """The real program in so many processes of its own; none of them outlives the block."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    started = subprocess.Popen(
        [*command, "--", script, *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        yield started
    finally:
        for pid in (*children(started.pid), started.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        started.communicate()


def training(path, *flags):
    return torchrun("train.py", "-c", str(path), *FLAGS, *flags)


def finish(started):
    """(exit code, stdout, stderr) of a program that ends by itself."""
    out, err = started.communicate(timeout=SECONDS)
    return started.returncode, out, err


def wait_for_rows(folder, started, n_rows):
    """Until the log has so many rows; returns the pids of the processes by rank."""
    wait_until(started, lambda: has_rows(folder, n_rows))
    return {rank_of(pid): pid for pid in children(started.pid) if rank_of(pid) is not None}


def rank_of(pid):
    found = re.search(rb"\0RANK=(\d+)", Path(f"/proc/{pid}/environ").read_bytes())
    return found and int(found[1])


def files(folder):
    return sorted(re.sub(r"tfevents.*", "", str(path.relative_to(folder))) for path in folder.rglob("*.*"))


def assert_same_run(several, one):
    """The same steps and nearly the same numbers: terms and weights within what rounding grows to."""
    rows, wanted = read_log(several), read_log(one)
    assert [row["step"] for row in rows] == [row["step"] for row in wanted]
    for row, want in zip(rows, wanted, strict=True):
        for name in row.keys() - {"notes_per_second"}:
            assert row[name] == pytest.approx(want[name], rel=3e-4, abs=3e-4), (row["step"], name)
    found, wanted = (final_state(folder) for folder in (several, one))
    assert found.keys() == wanted.keys()
    assert [name for name in found.keys() - LEARNED - {"config"} if found[name] != wanted[name]] == []
    for part in ("generator", "discriminator", "ema"):
        for name, value in wanted[part].items():
            torch.testing.assert_close(found[part][name], value, rtol=3e-4, atol=3e-4, msg=f"{part} {name}")


@pytest.fixture
def write(experiment_dict, write_config):
    """write(name): config file and run folder of an experiment of 80 steps under that name."""
    experiment_dict["loaderConfig"]["attribute_list"] = ["pitch", "instrument_family_str"]
    experiment_dict["transformConfig"]["scaling"] = "fit"
    experiment_dict["modelConfig"] |= {
        "maxIterAtScale": [10, 15, 15, 20],
        "alphaNJumps": [0, 9, 9, 9],
        "miniBatchSize": [8, 4, 4, 4],
        "attribKeysOrder": None,
        "keepCheckpoints": 0,
        # Adam's first steps have the size of the rate and the sign of a gradient, which may be one of rounding alone
        "baseLearningRate": 1e-4,
    }

    return lambda name, **published: write_config(name, modelConfig=published)


def alone(path, *flags):
    return train.main(["-c", str(path), *FLAGS, "-q", *flags])


def test_two_processes_end_where_one_does_and_rank_0_alone_writes(write):
    (one_path, one), (two_path, two) = write("one"), write("two")
    with training(two_path, "-s", "20") as started:
        code, out, err = finish(started)
    assert code == 0, err
    assert alone(one_path, "-s", "20") == 0
    assert_same_run(two, one)
    assert files(two) == files(one)
    assert out.count("trained 60 steps") == 1
    assert err.count("notes of") == 1


def test_one_process_killed_outright_ends_all_and_the_run_resumes_on_one_and_on_two(write):
    (whole_path, whole), (path, folder) = write("whole"), write("broken")
    with training(path, "-s", "5") as started:
        os.kill(wait_for_rows(folder, started, 13)[1], signal.SIGKILL)
        killed = time.monotonic()
        code, _, err = finish(started)
    assert code != 0
    assert time.monotonic() - killed < 20
    assert not list(folder.rglob("*.tmp"))
    assert "Traceback" not in err.split("torch/distributed")[0]
    kept = steps_done(folder)
    assert kept >= 10
    assert alone(path, "-s", "5", "--stop-after", "12steps") == 0
    with training(path, "-s", "5") as started:
        assert finish(started)[0] == 0
    assert alone(whole_path, "-s", "5") == 0
    assert_same_run(folder, whole)


def test_ctrl_c_stops_all_after_the_same_step_and_saves(write):
    path, folder = write("stopped")
    with training(path, "-s", "1000") as started:
        wait_for_rows(folder, started, 13)
        started.send_signal(signal.SIGINT)
        code, _, err = finish(started)
    assert code != 0
    steps = len(read_log(folder))
    assert re.search(f"stopped after step {steps} of 60; the same command resumes there", err)
    assert steps_done(folder) == steps


def test_mistakes_are_one_line_and_leave_nothing(write):
    path, folder = write("uneven", miniBatchSize=[8, 4, 3, 4])
    with training(path) as started:
        code, _, err = finish(started)
    assert code != 0
    said = "train.py: miniBatchSize: 3 notes at scale 2 cannot be divided evenly among 2 processes; give a multiple of"
    assert said in err
    assert not folder.exists()


@pytest.mark.usefixtures("with_figures")
@pytest.mark.parametrize(
    ("flags", "n_files", "told"),
    [
        (["random", "--count", "8"], 18, "8 notes in"),
        (["scale", "--seeds", "0", "3"], None, "sounds in"),
        (["interpolation", "--seeds", "0", "1", "2", "--steps", "3"], None, "sounds in"),
    ],
)
def test_sounds_of_three_processes_are_those_of_one(write, flags, n_files, told):
    path, folder = write("played", maxIterAtScale=[2, 2, 2, 2])
    assert alone(path) == 0
    flags = [*flags, "-d", str(folder), "--device", "cpu"]
    with torchrun("generate.py", *flags, "-o", str(folder / "three"), processes=3) as started:
        code, out, err = finish(started)
    assert code == 0, err
    assert generate.main([*flags, "-q", "-o", str(folder / "one")]) == 0
    three, one = ({path.name: path.read_bytes() for path in (folder / name).iterdir()} for name in ("three", "one"))
    assert any(name.endswith(".wav") for name in one)
    assert n_files in (None, len(one))
    assert three == one
    assert out.count(told) == 1


def test_scores_of_two_processes_are_those_of_one(write, tiny_nsynth):
    path, folder = write("scored", maxIterAtScale=[2, 2, 2, 2])
    assert alone(path) == 0
    flags = ["fad", "--embedding", "classifier", "--real", str(tiny_nsynth), "--run", str(folder), "--n", "20"]
    flags += ["--device", "cpu"]
    with torchrun("eval.py", *flags, "-d", str(folder / "two")) as started:
        code, out, err = finish(started)
    assert code == 0, err
    assert eval.main([*flags, "-q", "-d", str(folder / "one")]) == 0
    two, one = ((folder / name / "results.jsonl").read_text().splitlines() for name in ("two", "one"))
    # the linear algebra of the distance may add up in another order
    expected = pytest.approx([json.loads(line)["value"] for line in one], rel=1e-9)
    assert [json.loads(line)["value"] for line in two] == expected
    assert out.count("results.jsonl") == 1


def test_statistics_of_two_processes_are_those_of_one(write, tiny_nsynth):
    path, folder = write("heard", maxIterAtScale=[2, 2, 2, 2])
    assert alone(path) == 0
    for notes in (["--run", str(folder), "--n", "20"], ["--notes", str(tiny_nsynth)]):
        flags = ["statistics", *notes, "--device", "cpu"]
        with torchrun("eval.py", *flags, "-d", str(folder / "two.npz")) as started:
            code, out, err = finish(started)
        assert code == 0, err
        assert out.count("notes in") == 1
        before = files(folder)
        assert eval.main([*flags, "-q", "-d", str(folder / "one.npz")]) == 0
        assert files(folder) == sorted({*before, "one.npz"})
        assert (folder / "two.npz").read_bytes() == (folder / "one.npz").read_bytes()


@pytest.mark.parametrize("flags", [["from_midi", "-d", "RUN"], ["random", "-d", "RUN", "--from-card", "a.json"]])
def test_work_of_one_process_is_refused_to_several(tmp_path, flags):
    with torchrun("generate.py", *(str(tmp_path) if flag == "RUN" else flag for flag in flags)) as started:
        code, out, err = finish(started)
    assert code != 0
    assert not out
    assert "runs in one process; start it with python" in err
    assert not list(tmp_path.iterdir())
