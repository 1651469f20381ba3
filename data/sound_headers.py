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
_TO_THE_END = b"\xff\xff\xff\xff"  # as a length
_DS64_LENGTH = 28  # where RF64 has the length of the samples
_MOST_CHUNKS = 1_000
_MP3_START = 8_192  # bytes within which the first frame of an MP3 says how many there are
_MPEG1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kilobits per second
_MPEG2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_OGG_PAGE = 65_307  # bytes, the largest
_OGG_LAST = 0x04  # flag of the page that ends the sound


@dataclass(frozen=True)
class Promise:
    """The bytes of samples that a header promises, and those that are there."""

    length: int | None  # None: nothing says where the sound ends
    there: int
    mend: tuple[int, bytes] | None = None  # the bytes, and where, that would make libsndfile read to the end


class MendedFile:
    """A file to read, as if `mend` stood at `position`."""

    def __init__(self, file: BinaryIO, position: int, mend: bytes) -> None:
        self._file, self._position, self._mend = file, position, mend
        self.seek, self.tell = file.seek, file.tell

    def read(self, count: int) -> bytes:
        """The next `count` bytes, fewer at the end."""
        start = self._file.tell()
        content = bytearray(self._file.read(count))
        for place, byte in enumerate(self._mend, self._position - start):
            if 0 <= place < len(content):
                content[place] = byte
        return bytes(content)


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
        unknown = _is_unknown(length) or length == 0 < size - start
        return Promise(None, size - start, (8, _TO_THE_END)) if unknown else Promise(length, max(0, size - start))
    return _promise_of_ogg(file, size) if kind == b"OggS" else None


def is_sample_dump(file: BinaryIO) -> bool:
    """Whether `file` is a MIDI Sample Dump, which libsndfile may read forever if it is broken."""
    file.seek(0)
    return file.read(2) == b"\xf0\x7e"


def samples_of_uncounted_mp3(file: BinaryIO) -> int | None:
    """How many samples the MP3 `file` holds if it does not say so itself, as one written to a pipe; else None.

    libsndfile then guesses from the size of the file, tags included, and never reads beyond its guess.
    """
    file.seek(0)
    head = file.read(10)
    tag = 0
    if head[:1] != b"\xff" and head[:3] != b"ID3":
        return None
    if head[:3] == b"ID3" and len(head) == 10:
        tag = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    file.seek(tag)
    start = file.read(_MP3_START)
    if any(name in start for name in (b"Xing", b"Info", b"VBRI")):
        return None
    count = 0
    while (length := _mp3_frame_length(file, tag)) > 0:
        tag += length
        count += 1
    return count * (1152 if start[1:2] >= b"\xf8" else 576) or None


def _mp3_frame_length(file: BinaryIO, position: int) -> int:
    """Bytes of the frame of MPEG audio layer III at `position`; 0 if there is none."""
    file.seek(position)
    frame = file.read(4).ljust(4, b"\0")
    version, bits, pace = frame[1] >> 3 & 3, frame[2] >> 4, frame[2] >> 2 & 3
    if frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2 or version == 1 or bits in (0, 15) or pace == 3:
        return 0
    kilobits = (_MPEG1 if version == 3 else _MPEG2)[bits - 1]
    rate = (44_100, 48_000, 32_000)[pace] >> {3: 0, 2: 1, 0: 2}[version]
    return (144_000 if version == 3 else 72_000) * kilobits // rate + (frame[2] >> 1 & 1)


def _promise_of_chunks(
    file: BinaryIO, size: int, order: str, wanted: bytes, known: int | None = None
) -> Promise | None:
    for name, start, length in _chunks(file, 12, size, order):  # after "RIFF", its size and "WAVE"
        if name != wanted:
            continue
        there = size - start
        if _is_unknown(length) and known is not None:
            whole = (_DS64_LENGTH, there.to_bytes(8, "little"))
            return Promise(None, there, whole) if known == 0 < there or known >= 2**63 - 1 else Promise(known, there)
        if length == 0 and there > 0 and not _ends_in_chunks(file, start, size, order):
            return Promise(None, there, (start - 4, _TO_THE_END))
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
    return int(_unpack("<Q", head[_DS64_LENGTH:])[0]) if head[12:16] == b"ds64" else None


def _promise_of_wave64(file: BinaryIO, size: int) -> Promise | None:
    position = 40  # after a GUID, the size and another GUID
    for _ in range(_MOST_CHUNKS):
        if position + 24 > size:
            break
        file.seek(position)
        name, length = _unpack("<16sQ", file.read(24))  # the length counts these 24 bytes
        if name[:4] == b"data":
            there = size - position - 24
            if length <= 24 < 24 + there or length in (2**63 - 1, 2**64 - 1):
                return Promise(None, there, (position + 16, (24 + there).to_bytes(8, "little")))
            return Promise(length - 24, there)
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
            there = size - position - 12
            return Promise(length, there) if length >= 0 else Promise(None, there, (position + 4, there.to_bytes(8)))
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
