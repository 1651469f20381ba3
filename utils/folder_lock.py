"""A folder that one process alone may write, for as long as that process lives."""

import errno
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout, lock_descriptor

from utils.errors import UserError

logger = logging.getLogger(__name__)

_WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK}  # as some network file systems are mounted
_PATIENCE = 0.2  # s, which is far longer than `is_locked` holds the lock


class FolderLock:
    """From `acquire` to the end of the block, no other process acquires the lock of `folder`, which need not exist.

    The operating system locks the file `.NAME.lock` beside the folder, so that the lock ends with its process however
    that dies, and the folder may be renamed meanwhile. The holder removes the file in the end; one that a killed
    process left locks nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = _lock_path(folder)
        # a soft lock, the library's way out where the disk has no locks, would outlive a killed process
        # and a file that another user's killed process left must open for this one too
        self._lock = FileLock(self._path, mode=0o666, poll_interval=_PATIENCE / 10, fallback_to_soft=False)
        self.is_held = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_held:
            with suppress(OSError):  # Windows cannot remove an open file; there the library does it on release
                self._path.unlink()
            self._lock.release()
            self.is_held = False

    @property
    def excludes_others(self) -> bool:
        """Whether the lock is held and keeps others out, which it cannot on a disk without file locks."""
        return self._lock.is_locked

    def acquire(self, *, wait: bool = False) -> bool:
        """Lock the folder; False if another process holds the lock now, unless `wait`, which outlasts that process.

        Raises: OSError if the lock's file cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=-1 if wait else _PATIENCE)
        except Timeout:
            return False
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
            logger.warning("%s: its disk has no file locks; make sure that no other process writes there", self.folder)
        self.is_held = True
        return True


def is_locked(folder: Path) -> bool:
    """Whether a process holds the lock of `folder`; nothing is written.

    To find out it is taken for an instant, which `acquire` waits out. Raises: UserError if its file cannot be opened.
    """
    path = _lock_path(folder)
    try:
        # a network file system wants write access, which another user than the holder lacks
        descriptor = os.open(path, os.O_RDWR if os.access(path, os.W_OK) else os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UserError(f"{path}: cannot be opened ({error.strerror}); mend it or move it away") from error
    try:
        return not lock_descriptor(descriptor, blocking=False)
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS:
            return False
        raise
    finally:
        os.close(descriptor)


def _lock_path(folder: Path) -> Path:
    folder = folder.resolve()
    return folder.parent / f".{folder.name}.lock"
