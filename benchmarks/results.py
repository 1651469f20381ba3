"""What the benchmarks share: measuring in a process of its own, and the file of results."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("RESULTS.md")


def in_own_process(module: str, one: str) -> Any:
    """What `python -m benchmarks.MODULE --one ONE` prints as JSON."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--one", one]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def peak_bytes() -> int:
    """Most memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def write_section(heading: str, text: str) -> None:
    """Replace the section that begins with the line `heading` in RESULTS.md by `text`, or append it."""
    head, _, rest = RESULTS.read_text(encoding="utf-8").partition(f"{heading}\n")
    following = rest.partition("\n## ")
    tail = "\n## " + following[2] if following[1] else ""
    RESULTS.write_text(f"{head.rstrip()}\n\n{text}{tail}", encoding="utf-8")
