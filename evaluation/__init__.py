"""Judging notes and representations: `score_notes` is where to begin from Python."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.scoring.score_notes import score_notes

__all__ = ["score_notes"]


def __getattr__(name: str) -> object:
    """What `__all__` names, imported at its first use: help on the command line starts without torch (PEP 562)."""
    if name in __all__:
        return getattr(import_module("evaluation.scoring.score_notes"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
