"""What numbers and times depend on: devices, memory of the CPU, and versions."""

import ctypes
import os
import platform
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from utils.errors import ConfigError

_CPU_INFO = Path("/proc/cpuinfo")
_LARGEST_FROM_HEAP, _KEPT_AT_THE_TOP = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of glibc's malloc.h


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` is CUDA, else Apple's MPS, else the CPU. Raises: ConfigError if not there."""
    _settle_vector_functions()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {name}: not available here ({reason}); use auto") from error
    return device


def device_name(device: torch.device) -> str:
    """The device with its processor, for reports of times."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({_processor()}, {torch.get_num_threads()} threads)"


def _processor() -> str:
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _settle_vector_functions() -> None:
    """Make the first call of MKL's vector functions on one thread.

    If several threads make it at the same time on a busy machine, the exponential sometimes (in 2 of 145 processes)
    differs in its last bits from then on, and so does every sound computed with it.
    """
    torch.exp(torch.zeros(1))


def on_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The CPU's `tensor` on `device`; the copy to a CUDA device is asynchronous, from pinned memory."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def has_float64(device: torch.device) -> bool:
    """Whether the device is known to have 64-bit floating-point numbers; Apple's MPS has none."""
    return device.type in ("cpu", "cuda")


def keep_freed_memory() -> None:
    """Make the C library keep freed memory, instead of returning it to the system and requesting it again each step.

    New pages cost a sixth of a large step on the CPU (benchmarks/train_step.py); peak memory grows by a tenth at most.
    Only glibc has this setting; elsewhere nothing happens.
    """
    if sys.platform != "linux" or not hasattr(libc := ctypes.CDLL(None), "mallopt"):
        return
    libc.mallopt(_LARGEST_FROM_HEAP, 2**31 - 1)
    libc.mallopt(_KEPT_AT_THE_TOP, -1)


def require_memory(needed: int) -> None:
    """Raise ConfigError if `needed` bytes exceed the machine's memory, where the system tells its size."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return
    if needed > total:
        raise ConfigError(
            f"needs about {needed / 1e9:,.1f} GB of memory but this machine has {total / 1e9:,.1f} GB; lower "
            "depthScales, miniBatchSize or the size of the images"
        )


def versions() -> dict[str, str]:
    """Of Python, torch and numpy."""
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
