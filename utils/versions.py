"""Versions of what numbers and times depend on."""

import platform

import numpy as np
import torch


def versions() -> dict[str, str]:
    """Of Python, torch and numpy."""
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
