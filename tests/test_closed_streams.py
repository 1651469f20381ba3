"""Programs whose output nobody reads, and that are interrupted at their very end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT
from utils.interrupt import LateInterrupt

FULL = Path("/dev/full")
PROGRAM = """
import contextlib, os, sys
sys.path.insert(0, {root!r})
from utils.cli import user_errors_in_one_line
from utils.errors import UserError

@user_errors_in_one_line("program")
def main(argv=None):
{body}
    return 0

if __name__ == "__main__":
    sys.exit(main())
"""
WRITES = """
    print("answer")
    sys.stderr.write("message")
    with open("made", "w") as file:
        with contextlib.suppress(BrokenPipeError):
            os.write(2, b"from a signal")
        file.write(f"work {file.fileno() > 2}")
"""


@pytest.fixture
def ended(tmp_path):
    """Run a program with the given body, with streams as a shell redirects them; gives its end and its folder."""

    def run(body, redirection=""):
        (tmp_path / "program.py").write_text(PROGRAM.format(root=str(ROOT), body=body))
        command = f'"{sys.executable}" program.py {redirection}'
        listening = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.run(
                ["bash", "-c", f"set -o pipefail; {command}"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            signal.signal(signal.SIGINT, listening)

    return run


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "| true", "2>&1 | true"])
def test_work_is_done_although_nobody_listens(ended, tmp_path, redirection):
    end = ended("    import time; time.sleep(0.2)\n" + WRITES, redirection)
    assert (end.returncode, "Traceback" in end.stderr) == (0, False)
    assert (tmp_path / "made").read_text() == "work True"


@pytest.mark.skipif(not FULL.exists(), reason="needs a file that is always full")
def test_answer_that_does_not_fit_on_the_disk_is_one_line(ended):
    end = ended(WRITES, "> /dev/full")
    assert end.returncode == 2
    assert end.stderr.endswith("standard output: cannot be written (No space left on device); send it elsewhere\n")
    assert "Traceback" not in end.stderr


def test_mistake_keeps_its_exit_code_when_nobody_reads_the_message(ended):
    for redirection in ("2>&-", "2> /dev/full" if FULL.exists() else "2>&-"):
        assert ended('    raise UserError("mistake")', redirection).returncode == 2


PRESS = "os.kill(os.getpid(), 2)"
CALLBACK = f"""
    import weakref
    class Thing: pass
    thing = Thing()
    reference = weakref.ref(thing, lambda _: {PRESS})
    del thing
"""
PLACES = {
    "once": f"    {PRESS}",
    "amid clearing away": f"    try:\n        {PRESS}\n    finally:\n        {PRESS}",
    "in a callback": CALLBACK,
    "as threads end": "    import threading; threading._register_atexit(os.kill, os.getpid(), 2)",
    "at exit": "    import atexit; atexit.register(os.kill, os.getpid(), 2)",
}


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("place", PLACES)
def test_ctrl_c_at_the_end_or_where_nothing_can_be_raised_is_one_line(ended, place):
    end = ended(PLACES[place])
    assert (end.returncode, end.stderr) == (130, "program: interrupted\n")


def test_process_that_is_told_to_ignore_ctrl_c_does_so(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        LateInterrupt("interrupted\n")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, former)
