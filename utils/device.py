"""Where tensors live."""

import ctypes
import platform
import sys
from pathlib import Path

import torch
from torch import Tensor

from utils.errors import ConfigError

_CPU_INFO = Path("/proc/cpuinfo")
_LARGEST_FROM_HEAP, _KEPT_AT_THE_TOP = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of glibc's malloc.h


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` is CUDA, else Apple's MPS, else the CPU. Raises: ConfigError."""
    _settle_vector_functions()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--device {name}: not available here ({reason}); use --device auto") from error
    return device


def device_name(device: torch.device) -> str:
    """What the device is, as a reader of times must know it."""
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
    """Have one thread make the first call of MKL's vector functions.

    Where several threads make it at once on a busy machine, now and then (2 of 145 processes) the exponential differs
    in its last bits from then on, and with it every sound that is computed by it.
    """
    torch.exp(torch.zeros(1))


def on_device(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor`, of the CPU, on `device`; CUDA gets it without anyone waiting for it, through memory that stays put."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def keep_freed_memory() -> None:
    """Have the C library keep memory that tensors give back, instead of fetching it anew from the system each step.

    Fresh pages cost a sixth of a large step on the CPU (benchmarks/train_step.py); the peak is what it was, or a tenth
    more. Only glibc has this switch; elsewhere nothing happens.
    """
    if sys.platform != "linux" or not hasattr(libc := ctypes.CDLL(None), "mallopt"):
        return
    libc.mallopt(_LARGEST_FROM_HEAP, 2**31 - 1)
    libc.mallopt(_KEPT_AT_THE_TOP, -1)
