"""Reads `.npz` files of `np.savez` without trusting what they say about themselves."""

import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from utils.regular_files import open_regular

_SUFFIX = ".npy"
_KINDS = "fiubU"  # numbers, booleans and text; objects would be unpickled
_LONGEST_HEADER = 10_000  # bytes, numpy's own limit
_MOST_ARRAYS = 10_000
_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_DAMAGE = (OSError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, MemoryError, EOFError)
_BROKEN_ARCHIVE = (zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, SyntaxError)


def read_npz(path: Path, names: Collection[str] | None = None) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the file by name; only those of `names`, if given.

    What is read takes no more memory than twice the file's length, and nothing in it is executed. The checksums of the
    archive are compared. Raises: OSError if there is no such file; ValueError, saying what is wrong, if it is damaged,
    is compressed, lacks one of `names`, or holds other things than arrays of numbers and text.
    """
    with open_regular(path) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                return _arrays(archive, path.stat().st_size, names)
        except (*_DAMAGE, *_BROKEN_ARCHIVE) as error:
            raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def _arrays(archive: zipfile.ZipFile, size: int, names: Collection[str] | None) -> dict[str, npt.NDArray[Any]]:
    entries = {entry.filename.removesuffix(_SUFFIX): entry for entry in archive.infolist()}
    if len(archive.infolist()) > _MOST_ARRAYS or len(entries) < len(archive.infolist()):
        raise ValueError("more arrays than such a file has, or one of them twice")
    if sum(entry.file_size for entry in entries.values()) > size:
        raise ValueError("its arrays would be larger than the file")
    if missing := [name for name in names or () if name not in entries]:
        raise ValueError(f"it lacks {missing[0]}")
    return {name: _array(archive, entries[name]) for name in (entries if names is None else names)}


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> npt.NDArray[Any]:
    name = entry.filename
    if entry.compress_type != zipfile.ZIP_STORED or not name.endswith(_SUFFIX):
        raise ValueError(f"{name} is compressed, or no array")
    with archive.open(entry) as file:
        read_header = _HEADER_READERS.get(np.lib.format.read_magic(file))
        if read_header is None:
            raise ValueError(f"{name} is of another version of the format")
        with warnings.catch_warnings():  # numpy warns of headers that are no Python, which are refused next
            warnings.simplefilter("ignore")
            shape, is_fortran, dtype = read_header(file, max_header_size=_LONGEST_HEADER)
        content = file.read()  # to the end, where the checksum is compared
    if dtype.kind not in _KINDS or dtype.subdtype is not None:
        raise ValueError(f"{name} holds {dtype.kind!r}, not numbers or text")
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"{name} holds {len(content)} bytes, its header says {shape} of {dtype}")
    array = np.frombuffer(content, dtype, math.prod(shape)).reshape(shape, order="F" if is_fortran else "C")
    return np.array(array, order="C")  # a copy, since others may want to write to it
