"""The folder of one run: its config, who may write it, and how a run begins anew without losing the one before."""

import fcntl
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from utils.errors import CheckpointError
from utils.files import explained_write_errors, write_json

logger = logging.getLogger(__name__)

CONFIG_NAME = "config.json"

_FREE_TO_CHANGE = {
    "": {"comments", "output_path", "name"},
    "loaderConfig": {"data_path", "att_dict_path"},
    "modelConfig": {"keepCheckpoints"},
}
"""Per section, keys that a resumed run may have otherwise than before: they do not shape what is learned."""


class RunFolderLock:
    """From `take` to the end of the block, no other process may train in `run_folder`.

    The folder itself is locked by the operating system, so that the lock ends with its process however that dies.
    """

    def __init__(self, run_folder: Path) -> None:
        self.run_folder = run_folder
        self._descriptors: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptors:
            with suppress(OSError):  # a run that never began leaves no empty folder behind
                self.run_folder.rmdir()
        for descriptor in self._descriptors:
            os.close(descriptor)

    def take(self) -> None:
        """Lock the folder, made first if need be. Raises: CheckpointError if another process trains in it now."""
        with explained_write_errors(self.run_folder):
            self.run_folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.run_folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise CheckpointError(
                f"{self.run_folder}: another process trains there now; wait for it, or give another name with -n"
            ) from error
        self._descriptors.append(descriptor)

    def set_aside(self) -> None:
        """Rename the locked folder to the first free `<name>.before-<n>`, say so, and lock an empty one in its place.

        Nothing is deleted; an empty folder stays.
        """
        folder = self.run_folder
        if not any(folder.iterdir()):
            return
        number = 1
        while (kept := folder.with_name(f"{folder.name}.before-{number}")).exists():
            number += 1
        with explained_write_errors(folder):
            folder.rename(kept)
        logger.info("the earlier run is kept as %s", kept)
        self.take()


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
