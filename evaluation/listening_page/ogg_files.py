"""Sounds as Ogg files, the same bytes for the same sound."""

import struct
from pathlib import Path

import numpy as np
import soundfile
import soxr

from generation.synthesis import Wave

_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_SERIAL = 0
_SERIAL_AT, _CRC_AT, _SEGMENTS_AT = 14, 22, 26  # bytes from the start of a page


def ogg_codec() -> str:
    """What Ogg files are coded with: `OPUS` where the libsndfile that is installed has it, else `VORBIS`."""
    return "OPUS" if "OPUS" in soundfile.available_subtypes("OGG") else "VORBIS"


def write_ogg(path: Path, wave: Wave, sample_rate: int) -> None:
    """Write `wave` (n_samples,), within [-1, 1], as Ogg; Opus, at 48 kHz where it lacks the wave's own rate."""
    codec = ogg_codec()
    if codec == "OPUS" and sample_rate not in _OPUS_RATES:
        wave = np.clip(soxr.resample(wave, sample_rate, 48_000, quality="VHQ"), -1, 1)
        sample_rate = 48_000
    soundfile.write(path, wave, sample_rate, format="OGG", subtype=codec)
    path.write_bytes(with_fixed_serial(path.read_bytes()))


def with_fixed_serial(ogg: bytes) -> bytes:
    """The Ogg file of one stream with serial number 0 in place of the random one that libsndfile gives it.

    Source: RFC 3533, section 6, the page header and its checksum.
    """
    fixed = bytearray(ogg)
    start = 0
    while start < len(fixed):
        table = start + _SEGMENTS_AT + 1
        n_segments = fixed[table - 1]
        end = table + n_segments + sum(fixed[table : table + n_segments])
        struct.pack_into("<I", fixed, start + _SERIAL_AT, _SERIAL)
        struct.pack_into("<I", fixed, start + _CRC_AT, 0)
        struct.pack_into("<I", fixed, start + _CRC_AT, _checksum(fixed[start:end]))
        start = end
    return bytes(fixed)


def _checksum(page: bytes | bytearray) -> int:
    remainder = 0
    for byte in page:
        remainder = (remainder << 8 & 0xFFFFFFFF) ^ _CRC_TABLE[remainder >> 24 ^ byte]
    return remainder


def _divided(remainder: int) -> int:
    for _ in range(8):
        remainder = remainder << 1 ^ (0x104C11DB7 if remainder & 0x80000000 else 0)
    return remainder


_CRC_TABLE = [_divided(byte << 24) for byte in range(256)]
