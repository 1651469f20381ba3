"""Reads files of torch.save without running code in them: only tensors, plain values, and plain classes that are named.

There are two checks, one after the other. First the opcodes of the pickle are read without executing them: every opcode
and every global must be one that a checkpoint needs. Then torch's own restricted reader builds the values
(`torch.load(weights_only=True)`). It is preferred to `pickle.Unpickler.find_class`, since it also refuses to set
attributes on objects of allowed classes, and reads the storages of both of torch's file formats. The first check is
stricter: torch also accepts sets, byte arrays of any size, subclasses of tensors and more, and any depth of nesting.
"""

import pickletools
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import torch

from utils.config_faults import short
from utils.errors import CheckpointError

OPCODES: frozenset[str] = frozenset().union(
    {"PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "NEWOBJ", "BUILD", "BINPERSID"},
    {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"},
    {"EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"},
    {"APPEND", "APPENDS", "SETITEM", "SETITEMS"},
    {"BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT"},
)
"""All opcodes that torch.save writes for tensors and plain values."""

TENSOR_GLOBALS = frozenset(
    {
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor_v2",
        "torch.FloatStorage",
        "torch.DoubleStorage",
        "torch.HalfStorage",
        "torch.BFloat16Storage",
    }
)

_ZIP_MAGIC = b"PK\x03\x04"
_LEGACY_PICKLES = 5
"""Magic number, protocol, system, the object, keys of its storages; the bytes of the storages follow."""

_PROTOCOL = 2
_MOST_OPCODES = 1_000_000
_MOST_TUPLES = 20_000  # hashing tuples nested deeper than the C stack crashes the process; 4 per tensor are usual


def read_torch_file(path: Path, classes: Mapping[str, type]) -> Any:
    """The object that torch.save wrote to `path`, in its zip format or that before torch 1.6, on the CPU.

    `classes` maps the dotted name of each further class that the file may contain to the class that is built instead,
    by `__new__` and `__setstate__`; no module is imported by name.
    Raises: CheckpointError if the file is missing, damaged, or contains anything else.
    """
    try:
        for pickle in _pickles(path):
            _require_plain(path, pickle, TENSOR_GLOBALS | classes.keys())
        with torch.serialization.safe_globals([(each, name) for name, each in classes.items()]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such checkpoint; list the folder for those there are") from error
    except CheckpointError:
        raise
    except Exception as error:  # torch's reader raises many kinds of errors on damaged files
        message = f"{path}: not a readable checkpoint ({type(error).__name__}); remove it to use the one before"
        raise CheckpointError(message) from error


def _pickles(path: Path) -> Iterator[IO[bytes]]:
    """The pickles in the file; each may be read once the one before has been read to its end."""
    with path.open("rb") as file:
        if file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC:
            _require_stored(path)
            yield BytesIO(torch._C.PyTorchFileReader(str(path)).get_record("data.pkl"))
        else:
            file.seek(0)
            for _ in range(_LEGACY_PICKLES):
                yield file


def _require_stored(path: Path) -> None:
    """Raise CheckpointError if the archive is compressed, which torch.save never does."""
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
            raise CheckpointError(f"{path}: refused: larger when unpacked, as no file of torch.save; remove it")


def _require_plain(path: Path, pickle: IO[bytes], allowed: Iterable[str]) -> None:
    tuples = 0
    for count, (opcode, argument, _) in enumerate(pickletools.genops(pickle)):
        if opcode.name == "GLOBAL" and (name := str(argument).replace(" ", ".", 1)) not in allowed:
            raise CheckpointError(
                f"{path}: refused: it names {short(name)}, but a checkpoint may hold only tensors and plain values; "
                "nothing in it was executed; remove it"
            )
        if opcode.name not in OPCODES or (opcode.name == "PROTO" and argument != _PROTOCOL):
            raise CheckpointError(
                f"{path}: refused: its pickle uses {opcode.name}, which torch.save does not write; nothing in it "
                "was executed; remove it"
            )
        tuples += opcode.name.startswith("TUPLE")
        if count >= _MOST_OPCODES or tuples > _MOST_TUPLES:
            raise CheckpointError(f"{path}: refused: longer or deeper nested than a checkpoint can be; remove it")
