"""Whether the machine has enough memory."""

import os

from utils.errors import ConfigError


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
