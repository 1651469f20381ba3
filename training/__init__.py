"""Training: `train_run` is where to begin from Python."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.single_run import TrainedRun, train_run

__all__ = ["TrainedRun", "train_run"]


def __getattr__(name: str) -> object:
    """What `__all__` names, imported at its first use: help on the command line starts without torch (PEP 562)."""
    if name in __all__:
        return getattr(import_module("training.single_run"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
