"""The folder of one run: its config, and how a run begins anew without losing the one before."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def set_aside(run_folder: Path) -> None:
    """Rename an existing run folder to the first free `<name>.before-<n>` and say so; nothing is deleted."""
    if not run_folder.exists():
        return
    number = 1
    while (kept := run_folder.with_name(f"{run_folder.name}.before-{number}")).exists():
        number += 1
    with explained_write_errors(run_folder):
        run_folder.rename(kept)
    logger.info("the earlier run is kept as %s", kept)


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
