"""What the benchmarks share: measuring in a process of its own, and the file of results."""

import json
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("RESULTS.md")
WITHOUT_AVX512 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
"""What a processor with AVX-512 must find in the environment of a process, to compute as one without it."""


def in_own_process(module: str, one: str) -> Any:
    """What `python -m benchmarks.MODULE --one ONE` prints as JSON."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--one", one]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def peak_bytes() -> int:
    """Most memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def without_avx512() -> bool:
    """Whether the environment has torch compute as on a processor without AVX-512."""
    return all(os.environ.get(name, "").lower() == value.lower() for name, value in WITHOUT_AVX512.items())


def processor() -> str:
    """Threads, the processor's name, and the vector instructions that torch uses."""
    capability = torch.backends.cpu.get_cpu_capability()
    used = f"{capability} alone, a simulation" if without_avx512() else capability
    threads = torch.get_num_threads()
    return f"{threads} thread{'s' * (threads > 1)} of {os.cpu_count()} shared cores, {_model()}, {used}"


def _model() -> str:
    """The processor's name, which only Linux tells in a file."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = [value.strip() for key, _, value in (line.partition(":") for line in lines) if key.strip() == "model name"]
    return names[0] if names else platform.processor() or platform.machine()


def show_section(heading: str, text: str, *, write: bool) -> None:
    """Print the section `text`, and with `write` put it into RESULTS.md under the line `heading`."""
    print(text)
    if write:
        write_section(heading, text if text.endswith("\n") else f"{text}\n")


def write_section(heading: str, text: str) -> None:
    """Replace the section that begins with the line `heading` in RESULTS.md by `text`, or append it."""
    head, _, rest = RESULTS.read_text(encoding="utf-8").partition(f"{heading}\n")
    following = rest.partition("\n## ")
    tail = "\n## " + following[2] if following[1] else ""
    RESULTS.write_text(f"{head.rstrip()}\n\n{text}{tail}", encoding="utf-8")
