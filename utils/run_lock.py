"""Who may train in a run folder: one process at a time, which writes there who it is."""

import os
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from utils.errors import CheckpointError, UserError
from utils.files import explained_write_errors, read_json, write_json
from utils.folder_lock import FolderLock

HOLDER_NAME = "trainer.json"


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

    `trainer.json` only tells people who holds the lock; one that a killed process left locks nothing.
    """

    def __init__(self, run_folder: Path) -> None:
        self.run_folder = run_folder
        self._lock = FolderLock(run_folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._lock.is_held:
                with suppress(OSError):  # a run that never began leaves no empty folder behind
                    (self.run_folder / HOLDER_NAME).unlink(missing_ok=True)
                    self.run_folder.rmdir()

    def take(self) -> None:
        """Lock the folder, made first if need be. Raises: CheckpointError if another process trains in it now."""
        with explained_write_errors(self.run_folder):
            acquired = self._lock.acquire()
        if not acquired:
            holder = read_holder(self.run_folder)
            raise CheckpointError(
                f"{self.run_folder}: another process trains there now{f' ({holder})' if holder else ''}; wait for "
                "it, or give another run name"
            )
        self.sign()

    def sign(self) -> None:
        """Write into the locked folder, made first if need be, that this process trains there."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(self.run_folder / HOLDER_NAME, asdict(Holder(os.getpid(), socket.gethostname(), now)))


def read_holder(run_folder: Path) -> Holder | None:
    """Who trains in the folder, or was killed there; None if no file tells, or none that can be read."""
    try:
        holder = read_json(run_folder / HOLDER_NAME)
        pid, host, since = holder["pid"], holder["host"], holder["since"]
    except (UserError, KeyError, TypeError):
        return None
    return Holder(pid, host, since) if type(pid) is int and type(host) is type(since) is str else None
