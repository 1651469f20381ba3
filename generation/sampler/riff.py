"""Chunks of RIFF, the container of WAV files and of sound fonts.

Source: IBM and Microsoft 1991, Multimedia Programming Interface and Data Specifications 1.0.
"""

import struct
from collections.abc import Iterable

LARGEST = 2**32 - 1  # bytes that the length of a chunk can count


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk: `name` of four letters, the length of `content`, and that, filled up to an even length."""
    return struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)


def group(name: bytes, kind: bytes, chunks: Iterable[bytes]) -> bytes:
    """A chunk `name` (RIFF or LIST) of this `kind` that holds `chunks`."""
    return chunk(name, kind + b"".join(chunks))
