"""Sound from trained runs: `load_instrument` is where to begin from Python."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generation.export.program_file import export_program
    from generation.instrument import Instrument, load_instrument
    from generation.playing.played_wave import play_midi
    from generation.sampler.pack import pack_instrument
    from generation.tuning.tuning import load_tuning

_MODULES = {
    "Instrument": "generation.instrument",
    "load_instrument": "generation.instrument",
    "load_tuning": "generation.tuning.tuning",
    "play_midi": "generation.playing.played_wave",
    "pack_instrument": "generation.sampler.pack",
    "export_program": "generation.export.program_file",
}

__all__ = ["Instrument", "export_program", "load_instrument", "load_tuning", "pack_instrument", "play_midi"]


def __getattr__(name: str) -> object:
    """What `__all__` names, imported at its first use: help on the command line starts without torch (PEP 562)."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
