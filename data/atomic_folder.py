"""A folder of data is written whole or not at all."""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from utils.errors import UserError
from utils.files import explained_write_errors

logger = logging.getLogger(__name__)


@contextmanager
def atomic_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `target`; rename it to `target` if the block succeeds, else remove it.

    A killed writer leaves a hidden `.NAME.partial`, which the next one clears away. With `replace` a `target`
    that holds something gives way at the end; without, it must be absent or empty.
    Raises: UserError if another process is writing `target` now, the disk is full or writing is not allowed.
    """
    target = target.resolve()
    partial = target.with_name(f".{target.name}.partial")
    with explained_write_errors(target):
        partial.mkdir(parents=True, exist_ok=True)
        with _locked(partial, target):
            try:
                _clear(partial)
                yield partial
                if replace:
                    _replace(partial, target)
                else:
                    partial.replace(target)
            finally:
                shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _locked(partial: Path, target: Path) -> Iterator[None]:
    # A lock of the operating system, unlike a lock file, ends with its process however that dies.
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise UserError(f"{target}: another process is writing it now; wait for it to end") from error
    finally:
        os.close(descriptor)


def _clear(folder: Path) -> None:
    left = list(folder.iterdir())
    if left:
        logger.info("%s: clearing away what an interrupted run left", folder)
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _replace(partial: Path, target: Path) -> None:
    former = target.with_name(f".{target.name}.former")
    shutil.rmtree(former, ignore_errors=True)
    if target.exists():
        target.replace(former)
    partial.replace(target)
    shutil.rmtree(former, ignore_errors=True)
