"""The folder of one run: its config, and how a run begins anew without losing the one before."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from utils.errors import CheckpointError, ConfigError, UserError
from utils.files import explained_write_errors, write_json
from utils.run_lock import HOLDER_NAME, RunFolderLock
from utils.spelling import shortened

logger = logging.getLogger(__name__)

CONFIG_NAME = "config.json"

_FREE_TO_CHANGE = {
    "": {"comments", "output_path", "name"},
    "loaderConfig": {"data_path", "att_dict_path"},
    "modelConfig": {"keepCheckpoints"},
}
"""Per section, keys that a resumed run may have otherwise than before: they do not shape what is learned."""

_ONLY_SCHEDULE = {f"modelConfig.{key}" for key in ("maxIterAtScale", "alphaNJumps", "alphaSizeJumps")}
"""Changes after which another run can go on where this one stands."""


def set_aside(lock: RunFolderLock) -> None:
    """Rename the locked folder to the first free `<name>.before-<n>`, say so, and begin an empty one in its place.

    Nothing is deleted; an empty folder stays. The lock is that of the new folder from now on.
    """
    # of a link to a folder, the folder is renamed: the lock is that of the place where the folder lies
    folder = lock.run_folder.resolve() if lock.run_folder.is_symlink() else lock.run_folder
    if all(path.name == HOLDER_NAME for path in folder.iterdir()):
        return
    number = 1
    while (kept := folder.with_name(f"{folder.name}.before-{number}")).exists():
        number += 1
    with explained_write_errors(folder):
        folder.rename(kept)
        folder.mkdir()
        (kept / HOLDER_NAME).unlink(missing_ok=True)
    lock.sign()
    logger.info("the earlier run is kept as %s", kept)


class FolderWatch:
    """Notices that a run folder is no longer the one that it was when the watch began."""

    def __init__(self, run_folder: Path) -> None:
        self._folder, self._found = run_folder, self._identity(run_folder)

    def require(self) -> None:
        """Raise CheckpointError if the folder has gone, or another stands in its place."""
        if self._identity(self._folder) != self._found:
            raise CheckpointError(
                f"{self._folder}: was removed or renamed while the run in it trained, which therefore ends; if it was "
                "renamed, give it its name back, and the same command resumes from its last checkpoint"
            )

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Explain errors of the block by the missing folder, if it is missing."""
        try:
            yield
        except (OSError, UserError):
            self.require()
            raise

    @staticmethod
    def _identity(folder: Path) -> tuple[int, int] | None:
        try:
            found = folder.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def write_config(run_folder: Path, plain: Mapping[str, Any]) -> None:
    """Write the resolved experiment beside its checkpoints."""
    write_json(run_folder / CONFIG_NAME, dict(plain))


def require_same_experiment(run_folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise CheckpointError naming what changed, unless the experiment is the one that the run was started with."""
    changes = changes_of_experiment(before, now)
    if changes:
        remedy = "give it those values, give another run name (-n), or begin anew with --restart"
        if changes.keys() <= _ONLY_SCHEDULE:
            remedy = f"to go on from there under another schedule, add -n NAME --continue-from {run_folder}"
        said = "; ".join(changes.values())
        raise CheckpointError(f"{run_folder}: was started with another config ({said}); {remedy}")


def changes_of_experiment(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """Each dotted key that shapes what is learned and has another value now -> what it was and is, in words."""
    changes = {}
    for section in ("", "loaderConfig", "transformConfig", "modelConfig"):
        old, new = (config.get(section, {}) if section else config for config in (before, now))
        for key in sorted({*old, *new} - _FREE_TO_CHANGE.get(section, set())):
            if not section and isinstance(new.get(key), dict):
                continue
            if old.get(key) != new.get(key):
                name = f"{section}.{key}".lstrip(".")
                changes[name] = f"{name} was {shortened(repr(old.get(key)))}, is {shortened(repr(new.get(key)))}"
    return changes


def require_own_folders(run_folders: Sequence[Path]) -> None:
    """Raise ConfigError if two experiments would train in one folder: the second could not, hours later."""
    folders = [folder.absolute() for folder in run_folders]
    shared = [folder for folder in folders if folders.count(folder) > 1]
    if shared:
        raise ConfigError(f"{shared[0]}: is the run folder of several of the configs; give each another name")
