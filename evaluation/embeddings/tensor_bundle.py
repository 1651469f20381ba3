"""Variables of a TensorFlow checkpoint of version 2, read without tensorflow.

Such a checkpoint is an index, a table of LevelDB whose values say where each tensor lies, and files of raw tensors.
Only what `tf.train.Saver` writes is read: one file of tensors, little-endian, float32, and an index that is not
compressed. Everything read is compared with its checksum. Other forms are for `tensorflow_weights`.
Source: tensorflow/core/protobuf/tensor_bundle.proto, and LevelDB's table_format.md.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from utils.arrays import Float32Array

_MAGIC = bytes.fromhex("57fb808b247547db")  # the last bytes of a table
_FOOTER, _TRAILER = 48, 5  # bytes: at the end of the table, and after each block
_FLOAT32 = 1  # number of the type in types.proto
_CASTAGNOLI = 0x82F63B78  # polynomial of CRC-32C, reflected
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers
_LONGEST_VARINT = 10  # bytes


class _Entry(NamedTuple):
    """Where a tensor lies in the file of tensors."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc32c: int


def read_bundle(index: bytes, data: bytes, names: Sequence[str]) -> dict[str, Float32Array]:
    """The variables `names` of the checkpoint with the files `index` and `data` (`.data-00000-of-00001`).

    Raises: ValueError, saying what is wrong, if a file is damaged or of another form, or lacks a variable.
    """
    entries = {key.decode("utf-8", "replace"): value for key, value in _table(index)}
    missing = [name for name in names if name not in entries]
    if missing:
        raise ValueError(f"lacks {missing[0]}")
    return {name: _tensor(name, _entry(entries[name]), data) for name in names}


def _tensor(name: str, entry: _Entry, data: bytes) -> Float32Array:
    if entry.dtype != _FLOAT32 or entry.shard != 0:
        raise ValueError(f"{name} is not float32, or not in the first file")
    if entry.size != 4 * math.prod(entry.shape) or entry.offset + entry.size > len(data):
        raise ValueError(f"{name} does not fit its shape, or the file")
    raw = data[entry.offset : entry.offset + entry.size]
    _require_checksum(name, raw, entry.crc32c)
    return np.frombuffer(raw, dtype="<f4").reshape(entry.shape).astype(np.float32)


def _entry(message: bytes) -> _Entry:
    """A BundleEntryProto; fields that are not there are 0, as in all protocol buffers."""
    numbers = dict.fromkeys((1, 3, 4, 5, 6), 0)
    shape: tuple[int, ...] = ()
    for field, value in _fields(message):
        if field in numbers and isinstance(value, int):
            numbers[field] = value
        elif field == 2 and isinstance(value, bytes):
            shape = tuple(_size(dim) for number, dim in _fields(value) if number == 2 and isinstance(dim, bytes))
        else:
            raise ValueError(f"an entry has the field {field}, which is not read")
    return _Entry(numbers[1], shape, numbers[3], numbers[4], numbers[5], numbers[6])


def _size(dimension: bytes) -> int:
    return next((value for field, value in _fields(dimension) if field == 1 and isinstance(value, int)), 0)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of the fields of a protocol buffer."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        wire = key & 7
        if wire == _VARINT:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            length, position = _varint(message, position)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError("an entry is no protocol buffer")
        raw, position = _slice(message, position, length), position + length
        yield key >> 3, raw if wire == _BYTES else int.from_bytes(raw, "little")


def _table(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of a table of LevelDB, in their order."""
    footer = table[-_FOOTER:]
    if len(footer) < _FOOTER or not footer.endswith(_MAGIC):
        raise ValueError("the index is no table")
    _, position = _handle(footer, 0)  # of the meta index, which TensorFlow leaves empty
    index, _ = _handle(footer, position)
    for _, handle in _block(table, *index):
        yield from _block(table, *_handle(handle, 0)[0])


def _handle(raw: bytes, position: int) -> tuple[tuple[int, int], int]:
    """((offset, size) of a block, where the handle ends)."""
    offset, position = _varint(raw, position)
    size, position = _varint(raw, position)
    return (offset, size), position


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of a block; each key is given as what differs from the key before."""
    raw = _slice(table, offset, size + _TRAILER)
    if raw[size] != 0:
        raise ValueError("the index is compressed, which is not read")
    _require_checksum("the index", raw[: size + 1], int.from_bytes(raw[size + 1 :], "little"))
    n_restarts = struct.unpack("<I", _slice(raw, size - 4, 4))[0]
    end = size - 4 * (n_restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = _varint(raw, position)
        unshared, position = _varint(raw, position)
        length, position = _varint(raw, position)
        key = key[:shared] + _slice(raw, position, unshared)
        position += unshared
        yield key, _slice(raw, position, length)
        position += length


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    """(number, where it ends): 7 bits in each byte, lowest first."""
    value = 0
    for count in range(_LONGEST_VARINT):
        byte = _slice(raw, position + count, 1)[0]
        value |= (byte & 127) << (7 * count)
        if byte < 128:
            return value, position + count + 1
    raise ValueError("a number is too long")


def _slice(raw: bytes, start: int, length: int) -> bytes:
    if start < 0 or start + length > len(raw):
        raise ValueError("it ends too early")
    return raw[start : start + length]


def _require_checksum(what: str, raw: bytes, masked: int) -> None:
    """Raise ValueError unless `masked` is the CRC-32C of `raw`, rotated and shifted as LevelDB does."""
    crc = crc32c(raw)
    if ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF != masked:
        raise ValueError(f"{what} does not fit its checksum")


def crc32c(raw: bytes) -> int:
    """CRC-32 with Castagnoli's polynomial (RFC 3720, appendix B.4).

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in raw:
        crc = _CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_CASTAGNOLI if byte & 1 else 0)
    return byte


_CRC_TABLE = tuple(_crc_of_byte(byte) for byte in range(256))
