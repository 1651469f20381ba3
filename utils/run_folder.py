"""The folder of one run: its config, who may write it, and how a run begins anew without losing the one before."""

import errno
import fcntl
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from utils.errors import CheckpointError, ConfigError, UserError
from utils.files import explained_write_errors, read_json, write_json

logger = logging.getLogger(__name__)

CONFIG_NAME = "config.json"
HOLDER_NAME = "trainer.json"

_WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK}  # as some network file systems are mounted
_PATIENCE = 0.2  # s, which is far longer than `is_trained_now` holds the lock

_FREE_TO_CHANGE = {
    "": {"comments", "output_path", "name"},
    "loaderConfig": {"data_path", "att_dict_path"},
    "modelConfig": {"keepCheckpoints"},
}
"""Per section, keys that a resumed run may have otherwise than before: they do not shape what is learned."""


@dataclass(frozen=True)
class Holder:
    """The process that trains in a run folder, or that was killed there."""

    pid: int
    host: str
    since: str  # ISO 8601, in UTC, to the second

    def __str__(self) -> str:
        """In words."""
        return f"process {self.pid} on {self.host}, since {self.since}"


class RunFolderLock:
    """From `take` to the end of the block, no other process may train in `run_folder`.

    The folder itself is locked by the operating system, so that the lock ends with its process however that dies.
    `trainer.json` only tells people who holds it; one that a killed process left locks nothing.
    """

    def __init__(self, run_folder: Path) -> None:
        self.run_folder = run_folder
        self._descriptors: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptors:
            with suppress(OSError):  # a run that never began leaves no empty folder behind
                (self.run_folder / HOLDER_NAME).unlink(missing_ok=True)
                self.run_folder.rmdir()
        for descriptor in self._descriptors:
            os.close(descriptor)

    def take(self) -> None:
        """Lock the folder, made first if need be. Raises: CheckpointError if another process trains in it now."""
        deadline = time.monotonic() + _PATIENCE
        while (descriptor := self._try_to_lock()) is None:
            if time.monotonic() > deadline:
                holder = read_holder(self.run_folder)
                raise CheckpointError(
                    f"{self.run_folder}: another process trains there now{f' ({holder})' if holder else ''}; wait for "
                    "it, or give another name with -n"
                )
            time.sleep(_PATIENCE / 10)
        self._descriptors.append(descriptor)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(self.run_folder / HOLDER_NAME, asdict(Holder(os.getpid(), socket.gethostname(), now)))

    def _try_to_lock(self) -> int | None:
        """The descriptor that holds the lock, if it could be had at once."""
        with explained_write_errors(self.run_folder):
            self.run_folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.run_folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # by now its former holder may have removed the folder, or have renamed it
            if os.path.samestat(os.fstat(descriptor), self.run_folder.stat()):
                return descriptor
        except OSError as error:
            if error.errno in _WITHOUT_LOCKS:
                logger.warning(
                    "%s: its disk knows no locks; see to it that no other process trains there", self.run_folder
                )
                return descriptor
            if not isinstance(error, BlockingIOError | FileNotFoundError):
                os.close(descriptor)
                raise
        os.close(descriptor)
        return None

    def set_aside(self) -> None:
        """Rename the locked folder to the first free `<name>.before-<n>`, say so, and lock an empty one in its place.

        Nothing is deleted; an empty folder stays.
        """
        folder = self.run_folder
        holder = folder / HOLDER_NAME
        if all(path == holder for path in folder.iterdir()):
            return
        number = 1
        while (kept := folder.with_name(f"{folder.name}.before-{number}")).exists():
            number += 1
        with explained_write_errors(folder):
            holder.unlink(missing_ok=True)
            folder.rename(kept)
        logger.info("the earlier run is kept as %s", kept)
        self.take()


def is_trained_now(run_folder: Path) -> bool:
    """Whether a process holds the lock of the folder; it is asked for an instant only, which `take` waits out."""
    with explained_write_errors(run_folder):
        descriptor = os.open(run_folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS:
            return False
        if isinstance(error, BlockingIOError):
            return True
        raise
    finally:
        os.close(descriptor)
    return False


def read_holder(run_folder: Path) -> Holder | None:
    """Who trains in the folder, or was killed there; None if no file tells, or none that can be read."""
    try:
        holder = read_json(run_folder / HOLDER_NAME)
        pid, host, since = holder["pid"], holder["host"], holder["since"]
    except (UserError, KeyError, TypeError):
        return None
    return Holder(pid, host, since) if type(pid) is int and type(host) is type(since) is str else None


def write_config(run_folder: Path, plain: Mapping[str, Any]) -> None:
    """Write the resolved experiment beside its checkpoints."""
    write_json(run_folder / CONFIG_NAME, dict(plain))


def require_same_experiment(run_folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise CheckpointError naming what changed, unless the experiment is the one that the run was started with."""
    changes = []
    for section in ("", "loaderConfig", "transformConfig", "modelConfig"):
        old, new = (config.get(section, {}) if section else config for config in (before, now))
        for key in sorted({*old, *new} - _FREE_TO_CHANGE.get(section, set())):
            if not section and isinstance(new.get(key), dict):
                continue
            if old.get(key) != new.get(key):
                changes.append(f"{section}.{key}".lstrip(".") + f" was {old.get(key)!r}, is {new.get(key)!r}")
    if changes:
        raise CheckpointError(
            f"{run_folder}: was started with another config ({'; '.join(changes)}); give another name with -n, or "
            "--restart to begin anew"
        )


def require_own_folders(run_folders: Sequence[Path]) -> None:
    """Raise ConfigError if two experiments would train in one folder: the second could not, hours later."""
    folders = [folder.absolute() for folder in run_folders]
    shared = [folder for folder in folders if folders.count(folder) > 1]
    if shared:
        raise ConfigError(f"{shared[0]}: is the run folder of several of the configs; give each another name")
