"""A WAV file that says which key it was recorded at, and which of its samples repeat."""

import struct
from pathlib import Path

from generation.sampler.regions import Region
from generation.sampler.riff import chunk, group
from utils.files import atomic_path

_PCM, _MONO, _BYTES = 1, 1, 2


def write_looped_wav(path: Path, region: Region, sample_rate: int) -> None:
    """Write the samples of `region` as 16-bit mono with a `smpl` chunk, whole or not at all. Raises: UserError.

    Source: IBM and Microsoft 1994, New Multimedia Data Types and Data Techniques 3.0, the sampler chunk.
    """
    form = struct.pack("<HHIIHH", _PCM, _MONO, sample_rate, _BYTES * sample_rate, _BYTES, 8 * _BYTES)
    data = region.samples.astype("<i2").tobytes()
    # no maker, no product; nanoseconds per sample; key and fraction of it; no SMPTE time; loops; no further bytes
    head = (0, 0, round(1e9 / sample_rate), region.key, 0, 0, 0, int(region.loop is not None), 0)
    sampler = struct.pack("<9I", *head)
    if region.loop:
        first, end = region.loop
        sampler += struct.pack("<6I", 0, 0, first, end - 1, 0, 0)  # forward, for ever; the last sample is part of it
    with atomic_path(path) as temporary:
        parts = [chunk(b"fmt ", form), chunk(b"data", data), chunk(b"smpl", sampler)]
        temporary.write_bytes(group(b"RIFF", b"WAVE", parts))
