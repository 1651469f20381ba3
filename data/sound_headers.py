"""What the header of a sound file promises, where libsndfile reads a shorter file without a word.

A program that writes to a pipe cannot go back to enter the length. It leaves 0, or a number near 2 or 4 GB.
Sources: WAVE, https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html; RF64, EBU Tech 3306; AIFF,
https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/AIFF/AIFF.html; Ogg, RFC 3533.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

_MAGIC = 64  # bytes, at most, that tell the format and the length
_UNKNOWN_FROM = 0x7FFF_0000  # bytes; sox writes 7FFFF000, arecord 80000000, ffmpeg FFFFFFFF
_MOST_CHUNKS = 1_000
_MP3_START = 8_192  # bytes within which the first frame of an MP3 says how many there are
_OGG_PAGE = 65_307  # bytes, the largest
_OGG_LAST = 0x04  # flag of the page that ends the sound


@dataclass(frozen=True)
class Promise:
    """The bytes of samples that a header promises, and those that are there."""

    length: int | None  # None: nothing says where the sound ends
    there: int


def promise_of(file: BinaryIO, size: int) -> Promise | None:
    """What the header of `file` of `size` bytes promises; None for formats whose reader notices a missing end."""
    file.seek(0)
    head = file.read(_MAGIC)
    kind = head[:4]
    if kind in (b"RIFF", b"RIFX", b"FORM"):
        order = "<" if kind == b"RIFF" else ">"
        return _promise_of_chunks(file, size, order, b"SSND" if kind == b"FORM" else b"data")
    if kind == b"RF64":
        return _promise_of_chunks(file, size, "<", b"data", _ds64_length(head))
    if kind == b"riff":
        return _promise_of_wave64(file, size)
    if kind == b"caff":
        return _promise_of_caf(file, size)
    if kind in (b".snd", b"dns."):
        start, length = _unpack(">II" if kind == b".snd" else "<II", head[4:])
        return Promise(None if _is_unknown(length) else length, max(0, size - start))
    return _promise_of_ogg(file, size) if kind == b"OggS" else None


def has_count_of_frames(file: BinaryIO) -> bool:
    """Whether the MP3 `file` says how long it is; of others libsndfile guesses it from the size, tags included."""
    file.seek(0)
    head = file.read(10)
    tag = 0
    if head[:3] == b"ID3" and len(head) == 10:
        tag = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    file.seek(tag)
    start = file.read(_MP3_START)
    return b"Xing" in start or b"Info" in start or b"VBRI" in start


def _promise_of_chunks(
    file: BinaryIO, size: int, order: str, wanted: bytes, known: int | None = None
) -> Promise | None:
    for name, start, length in _chunks(file, 12, size, order):  # after "RIFF", its size and "WAVE"
        if name != wanted:
            continue
        there = size - start
        if _is_unknown(length) and known:
            return Promise(known, there)
        if length == 0 and there > 0:
            return Promise(0 if _ends_in_chunks(file, start, size, order) else None, there)
        return Promise(None if _is_unknown(length) and length > there else length, there)
    return None


def _chunks(file: BinaryIO, position: int, size: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of each chunk from `position` on."""
    for _ in range(_MOST_CHUNKS):
        if position + 8 > size:
            return
        file.seek(position)
        name, length = _unpack(f"{order}4sI", file.read(8))
        yield name, position + 8, length
        position += 8 + length + length % 2


def _ends_in_chunks(file: BinaryIO, position: int, size: int, order: str) -> bool:
    """Whether chunks with names of letters fill the file from `position` to its end."""
    for name, start, length in _chunks(file, position, size, order):
        if not (name.isascii() and name.decode("ascii").isprintable()):
            return False
        position = start + length
    return size - 1 <= position <= size  # there may be a byte of padding


def _ds64_length(head: bytes) -> int | None:
    """The length of the samples in the chunk ds64, which comes first in RF64."""
    return int(_unpack("<Q", head[28:])[0]) if head[12:16] == b"ds64" else None


def _promise_of_wave64(file: BinaryIO, size: int) -> Promise | None:
    position = 40  # after a GUID, the size and another GUID
    for _ in range(_MOST_CHUNKS):
        if position + 24 > size:
            break
        file.seek(position)
        name, length = _unpack("<16sQ", file.read(24))  # the length counts these 24 bytes
        if name[:4] == b"data":
            unknown = length <= 24 < size - position or length >= 2**63 - 1
            return Promise(None if unknown else length - 24, size - position - 24)
        position += max(24, (length + 7) // 8 * 8)
    return None


def _promise_of_caf(file: BinaryIO, size: int) -> Promise | None:
    position = 8
    for _ in range(_MOST_CHUNKS):
        if position + 12 > size:
            break
        file.seek(position)
        name, length = _unpack(">4sq", file.read(12))
        if name == b"data":
            return Promise(None if length < 0 else length, size - position - 12)
        position += 12 + max(0, length)
    return None


def _promise_of_ogg(file: BinaryIO, size: int) -> Promise | None:
    """The bytes of the last page, which libsndfile leaves out if it was cut off; no length if no page is the last."""
    tail_start = max(0, size - _OGG_PAGE)
    file.seek(tail_start)
    tail = file.read(_OGG_PAGE)
    page = tail.rfind(b"OggS")
    if page < 0:
        return None
    start = tail_start + page
    flags, segments = tail[page + 5 : page + 6], int.from_bytes(tail[page + 26 : page + 27])
    length = 27 + segments + sum(tail[page + 27 : page + 27 + segments])
    there = size - start
    return Promise(length if there < length or flags[0] & _OGG_LAST else None, there)


def _is_unknown(length: int) -> bool:
    return length >= _UNKNOWN_FROM


def _unpack(form: str, content: bytes) -> tuple[Any, ...]:
    """The numbers at the start of `content`; zeros for bytes that are missing."""
    length = struct.calcsize(form)
    return struct.unpack(form, content[:length].ljust(length, b"\0"))
