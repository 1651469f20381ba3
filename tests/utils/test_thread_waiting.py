"""That OpenMP, when torch loads it, finds the short spin which programs ask for."""

import os
import re
import subprocess
import sys

import pytest

from tests.places import ROOT
from utils.thread_waiting import CHOICES, spin_briefly

NUMPY_FIRST = "import numpy, scipy.linalg; numpy.linalg.inv(numpy.eye(300));"
AS_PROGRAMS_DO = "from utils.thread_waiting import spin_briefly; spin_briefly();"
IN_A_WORKER = """
import importlib, multiprocessing
from utils.thread_waiting import spin_briefly
if __name__ == "__main__":
    spin_briefly()
    import torch
    worker = multiprocessing.get_context("spawn").Process(target=importlib.import_module, args=("torch",))
    worker.start()
    worker.join()
"""


def spins_of(code, tmp_path, **chosen):
    """What each process that `code` runs tells of its OpenMP: GOMP_SPINCOUNT."""
    script = tmp_path / "program.py"
    script.write_text(code)
    environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
    environment |= {"OMP_DISPLAY_ENV": "verbose", "PYTHONPATH": str(ROOT), **chosen}
    run = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
    found = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", run.stderr)
    if not found:
        pytest.skip("this torch does not compute on GNU's OpenMP")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "spins"),
    [("import torch", ["300000"]), (f"{NUMPY_FIRST} {AS_PROGRAMS_DO} import torch", ["5000"])],
    ids=["torch alone", "as programs do"],
)
def test_threads_spin_briefly_in_programs_only(code, spins, tmp_path):
    assert spins_of(code, tmp_path) == spins


@pytest.mark.slow
def test_processes_that_a_program_starts_spin_as_briefly(tmp_path):
    assert spins_of(IN_A_WORKER, tmp_path) == ["5000", "5000"]


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "PASSIVE"), ("GOMP_SPINCOUNT", "7")])
def test_what_the_user_chose_stays(name, value, monkeypatch):
    for each in CHOICES:
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    spin_briefly()
    assert {each: os.environ[each] for each in CHOICES if each in os.environ} == {name: value}


def test_environment_of_a_process_that_has_torch_already_stays_as_it_is(monkeypatch):
    for each in CHOICES:
        monkeypatch.delenv(each, raising=False)
    assert "torch" in sys.modules
    spin_briefly()
    assert not any(each in os.environ for each in CHOICES)
