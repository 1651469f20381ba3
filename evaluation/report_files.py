"""What the reports of eval.py have in common: refusals before the work, text files, and what they were made with."""

import os
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from utils.errors import ConfigError, UserError
from utils.files import atomic_path

_CPU_INFO = Path("/proc/cpuinfo")


def require_own_names(names: Sequence[str]) -> None:
    """Raise ConfigError if two experiments have one name: their rows could not be told apart."""
    for name, count in Counter(names).items():
        if count > 1:
            raise ConfigError(f"{name}: is the name of several of the configs; give each another name")


def require_folder(folder: Path) -> None:
    """Refuse before the work what would refuse after it. Raises: UserError if `folder` cannot be written."""
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        raise UserError(f"{place}: a file stands where a folder is needed; choose another --output")
    if not os.access(place, os.W_OK):
        raise UserError(f"{place}: no permission to write; choose another --output")


def write_text(path: Path, text: str) -> None:
    """Write the file whole, or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def device_name(device: torch.device) -> str:
    """What the device is, as a reader of times must know it."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({_processor()}, {torch.get_num_threads()} threads)"


def versions() -> dict[str, str]:
    """Of what numbers and times depend on."""
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}


def _processor() -> str:
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
