"""Reads files of torch.save without running code in them: only tensors, plain values, and plain classes that are named.

There are two checks, one after the other. First the opcodes of the pickle are read without executing them: every opcode
and every global must be one that a checkpoint needs. Then torch's own restricted reader builds the values
(`torch.load(weights_only=True)`). It is preferred to `pickle.Unpickler.find_class`, since it also refuses to set
attributes on objects of allowed classes, and reads the storages of both of torch's file formats. The first check is
stricter: torch also accepts sets, byte arrays of any size, subclasses of tensors and more, and any depth of nesting.

Archives have a checksum for each of their records, which is compared first.
"""

import pickletools
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

import torch
from torch import Tensor

from utils.config_faults import short
from utils.errors import CheckpointError
from utils.regular_files import require_regular

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
        "torch._utils._rebuild_parameter",
        *(f"torch.{kind}Storage" for kind in ("Float", "Double", "Half", "BFloat16")),
        *(f"torch.{kind}Storage" for kind in ("Long", "Int", "Short", "Char", "Byte", "Bool")),
    }
)

_ZIP_MAGIC = b"PK\x03\x04"
_LEGACY_PICKLES = 5
"""Magic number, protocol, system, the object, keys of its storages; the bytes of the storages follow."""

_PROTOCOL = 2
_MOST_OPCODES = 1_000_000
_MOST_TUPLES = 20_000  # hashing tuples nested deeper than the C stack crashes the process; 4 per tensor are usual
_MOST_PICKLED = 64_000_000  # bytes beside those of the tensors
_DEEPEST = 100
_MOST_VIEWS = 4  # bytes of all tensors per byte of the file: some of them may share their storage
_NUMBERS = frozenset({"BININT", "BININT1", "BININT2", "LONG1"})
_STORES = frozenset({"BINPUT", "LONG_BINPUT"})
_END = object()
_TOO_LONG = "longer or deeper nested than a checkpoint can be"
_NOT_RUN = "nothing in it was executed"


class Refused(ValueError):  # noqa: N818 - the file is the mistake, not the program
    """What the file holds is nothing that torch.save writes for tensors and plain values."""


class Damaged(ValueError):  # noqa: N818 - as above
    """The file's own checksums say that its bytes have changed."""


def read_torch_file(path: Path, classes: Mapping[str, type]) -> Any:
    """The checkpoint that torch.save wrote to `path`: see `load_plain`.

    Raises: CheckpointError if the file is missing, damaged, or contains anything else.
    """
    try:
        require_regular(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such checkpoint; list the folder for those there are") from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    try:
        return load_plain(path, classes)
    except Refused as error:
        raise CheckpointError(f"{path}: refused: {error}; remove it") from error
    except Damaged as error:
        raise CheckpointError(f"{path}: damaged: {error}; remove it to use the one before") from error
    except Exception as error:  # torch's reader raises many kinds of errors on damaged files
        message = f"{path}: not a readable checkpoint ({type(error).__name__}); remove it to use the one before"
        raise CheckpointError(message) from error


def why_unreadable(error: Exception) -> str:
    """In words for a message, why `load_plain` could not read a file: our own reason, or the kind of torch's error."""
    return str(error) if isinstance(error, Refused | Damaged) else type(error).__name__


def load_plain(path: Path, classes: Mapping[str, type] | None = None) -> Any:
    """The object that torch.save wrote to `path`, in its zip format or that before torch 1.6, on the CPU.

    `classes` maps the dotted name of each further class that the file may contain to the class that is built instead,
    by `__new__` and `__setstate__`; no module is imported by name. Memory and time are bounded by the file's size.
    Raises: OSError if it cannot be read, or is no file; Damaged; Refused; any other kind of Exception, which torch's
    reader raises on other damaged files.
    """
    named = classes or {}
    size = require_regular(path)
    for pickle in _pickles(path):
        _require_plain(pickle, TENSOR_GLOBALS | named.keys(), size)
    with torch.serialization.safe_globals([(each, name) for name, each in named.items()]):
        content = torch.load(path, map_location="cpu", weights_only=True)
    _require_bounded(content, size)
    return content


def require_whole_archive(path: Path, spare: int = 0) -> None:
    """Compare the checksums of the zip file `path`, which torch itself does not.

    Raises: Refused if it is more than `spare` bytes larger when unpacked, or holds a name twice; Damaged.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > path.stat().st_size + spare:
            raise Refused("larger when unpacked, as no file of torch.save")
        if len({entry.filename for entry in entries}) < len(entries):
            raise Refused("it holds a record twice")
        if any(entry.filename.endswith("/data.pkl") and entry.file_size > _MOST_PICKLED for entry in entries):
            raise Refused(_TOO_LONG)
        try:
            broken = archive.testzip()
        except Exception as error:  # damaged headers break Python's reader in many ways
            raise Damaged(f"its archive cannot be read ({type(error).__name__})") from error
    if broken:
        raise Damaged(f"the bytes of {broken.rpartition('/')[2]!r} in it have changed")


def _pickles(path: Path) -> Iterator[IO[bytes]]:
    """The pickles in the file; each may be read once the one before has been read to its end."""
    with path.open("rb") as file:
        if file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC:
            require_whole_archive(path)
            yield BytesIO(torch._C.PyTorchFileReader(str(path)).get_record("data.pkl"))
        else:
            file.seek(0)
            for _ in range(_LEGACY_PICKLES):
                yield cast(IO[bytes], _Limited(file))


class _Limited:
    """What follows in `file`, as far as a pickle may reach: one of its opcodes could ask for all of a huge file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, _MOST_PICKLED

    def read(self, size: int) -> bytes:
        content = self._file.read(min(size, self._left))
        self._left -= len(content)
        return content

    def readline(self) -> bytes:
        line = self._file.readline(self._left)
        self._left -= len(line)
        return line


def _require_plain(pickle: IO[bytes], allowed: Iterable[str], size: int) -> None:
    tuples = 0
    largest = 0  # number since the last mark: the size of a storage is one of those
    former = ""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(pickle)):
        name = opcode.name
        if name == "GLOBAL" and (named := str(argument).replace(" ", ".", 1)) not in allowed:
            what = "a checkpoint may hold only tensors and plain values"
            raise Refused(f"it names {short(named)}, but {what}; {_NOT_RUN}")
        if name not in OPCODES or (name == "PROTO" and argument != _PROTOCOL):
            raise Refused(f"its pickle uses {name}, which torch.save does not write; {_NOT_RUN}")
        if name in _NUMBERS:
            largest = max(largest, int(str(argument)))
        if name == "BINPERSID" and largest > size:
            raise Refused("a storage in it would be larger than the file")
        if name in _STORES and former in _NUMBERS:
            raise Refused(f"it remembers a number, as torch.save does not; {_NOT_RUN}")
        largest = 0 if name in ("MARK", "BINPERSID") else largest
        former = name
        tuples += name.startswith("TUPLE")
        if count >= _MOST_OPCODES or tuples > _MOST_TUPLES:
            raise Refused(_TOO_LONG)


def _require_bounded(content: Any, size: int) -> None:
    """Raise Refused if values repeat others until they are huge or endless, or tensors repeat their storage."""
    levels = [iter((content,))]
    tensor_bytes = 0
    for _ in range(2 * _MOST_OPCODES):
        value = next(levels[-1], _END)
        if value is _END:
            levels.pop()
            if not levels:
                return
        elif isinstance(value, Tensor):
            tensor_bytes += value.nbytes
            if value.nbytes > value.untyped_storage().nbytes() or tensor_bytes > _MOST_VIEWS * size:
                raise Refused("its tensors would be larger than the file")
        elif isinstance(value, dict):
            levels.append(iter(value.values()))
        elif isinstance(value, list | tuple):
            levels.append(iter(value))
        if len(levels) > _DEEPEST:
            break
    raise Refused(_TOO_LONG)
