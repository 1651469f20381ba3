"""Where notes come from: `import_sounds` is where to begin from Python."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data.importing.sound_import import ImportOptions, import_sounds

__all__ = ["ImportOptions", "import_sounds"]


def __getattr__(name: str) -> object:
    """What `__all__` names, imported at its first use: help on the command line starts without torch (PEP 562)."""
    if name in __all__:
        return getattr(import_module("data.importing.sound_import"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
