"""Writes checkpoints of version 2 as TensorFlow does, for tests without it."""

import struct

import numpy as np

from evaluation.embeddings.tensor_bundle import crc32c

FLOAT32 = 1
_MAGIC = bytes.fromhex("57fb808b247547db")


def write_bundle(arrays, *, dtype=FLOAT32, shard=0, block_entries=3):
    """(index, data) of a checkpoint with the float32 `arrays` by name."""
    data, entries = b"", {b"": b"\x08\x01"}  # the header: one file
    for name, array in sorted(arrays.items()):
        raw = np.asarray(array, dtype="<f4").tobytes()
        shape = b"".join(_bytes(2, _number(1, size)) for size in np.shape(array))
        fields = _number(1, dtype) + _bytes(2, shape) + _number(3, shard) + _number(4, len(data)) + _number(5, len(raw))
        entries[name.encode()] = fields + varint(6 << 3 | 5) + struct.pack("<I", masked(raw))
        data += raw
    return write_table(list(entries.items()), block_entries), data


def write_table(entries, block_entries):
    """A table of LevelDB with blocks of `block_entries` entries each."""
    table, handles = b"", []
    for start in range(0, len(entries), block_entries):
        part = entries[start : start + block_entries]
        table, handle = _added(table, part)
        handles.append((part[-1][0], handle))
    table, meta = _added(table, [])
    table, index = _added(table, handles)
    return table + (meta + index).ljust(40, b"\0") + _MAGIC


def varint(number):
    """7 bits in each byte, lowest first."""
    head = b""
    while number > 127:
        head += bytes([number & 127 | 128])
        number >>= 7
    return head + bytes([number])


def masked(raw):
    """The checksum as LevelDB keeps it."""
    crc = crc32c(raw)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _added(table, entries):
    """`table` with one more block, and that block's handle."""
    block, before = b"", b""
    for key, value in entries:
        shared = next((place for place, pair in enumerate(zip(key, before, strict=False)) if len(set(pair)) > 1), None)
        shared = min(len(key), len(before)) if shared is None else shared
        block += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    block += struct.pack("<II", 0, 1)  # one restart, at the beginning
    handle = varint(len(table)) + varint(len(block))
    return table + block + b"\0" + struct.pack("<I", masked(block + b"\0")), handle


def _number(field, number):
    return varint(field << 3) + varint(number)


def _bytes(field, raw):
    return varint(field << 3 | 2) + varint(len(raw)) + raw
