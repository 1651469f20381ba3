"""Nested settings as one level, in which two metric cards are compared; imports nothing slow."""

from collections.abc import Mapping
from typing import Any


def flattened(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings as one level, under dotted keys.

    >>> flattened({"seed": 0, "windows": {"hop": 0.5}})
    {'seed': 0, 'windows.hop': 0.5}
    """
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        inner = flattened(value) if isinstance(value, Mapping) else None
        flat |= {f"{key}.{name}": each for name, each in inner.items()} if inner else {key: value}
    return flat
