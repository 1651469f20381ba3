"""Files opened for reading, once it is known that they are files and end: a pipe would block, a device never end."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_OTHER_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def require_regular(path: Path) -> int:
    """The size in bytes of the file `path`. Raises: OSError, whose `strerror` says what `path` is if it is no file."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        kind = _OTHER_KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
    return found.st_size


def open_regular(path: Path) -> BufferedReader:
    """The file `path`, opened to read its bytes. Raises: OSError, as `require_regular` does."""
    require_regular(path)
    return path.open("rb")


def read_regular(path: Path, most_bytes: int) -> bytes:
    """All bytes of the file `path`. Raises: OSError, also if there are more than `most_bytes`."""
    with open_regular(path) as file:
        content = file.read(most_bytes + 1) if require_regular(path) <= most_bytes else None
    if content is None or len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {most_bytes / 1e6:,.0f} MB", str(path))
    return content
