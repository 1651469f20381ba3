"""Runs of train.py, in this process or in one of their own, and what they leave compared bit for bit."""

import os
import subprocess
import sys
import time

import pytest
import torch

import train
from models.checkpoint import find_checkpoint, load_checkpoint
from tests.places import ROOT
from utils.run_log import read_log

PATIENCE = 600  # s, after which a process on however busy a machine counts as stuck
FLAGS = ("-q", "--device", "cpu", "--n_samples", "1", "-l", "1")


def run(path, *flags):
    return train.main(["-c", str(path), *FLAGS, *map(str, flags)])


def start(path, *flags):
    """The real program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "train.py", "-c", str(path), *FLAGS[1:], *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_until(process, is_so):
    """Until `is_so()`; the process must not end before."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline or process.poll() is not None:
            process.kill()
            pytest.fail(f"did not come to it: {process.communicate()}")
        time.sleep(0.005)


def has_rows(folder, n_rows):
    """Whether the log has so many rows."""
    log = folder / "log.jsonl"
    return log.exists() and log.read_bytes().count(b"\n") >= n_rows


def final_state(run_folder):
    return load_checkpoint(find_checkpoint(run_folder))


def steps_done(run_folder):
    return final_state(run_folder)["step"]


def plain_rows(run_folder):
    """The log without what depends on the clock."""
    return [{k: v for k, v in row.items() if k != "notes_per_second"} for row in read_log(run_folder)]


def assert_same_bits(a, b, where="state"):
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same_bits(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for index, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same_bits(x, y, f"{where}[{index}]")
    elif isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype, where
        assert torch.equal(a, b), where
    else:
        assert a == b, where


def assert_same_run(one, other):
    """The same last checkpoint, but for the run's name and folder, and the same log, but for what the clock decides."""
    states = [final_state(folder) for folder in (one, other)]
    for state in states:
        del state["config"]["name"], state["config"]["output_path"]
    assert_same_bits(*states)
    assert plain_rows(one) == plain_rows(other)
