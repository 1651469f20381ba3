"""Checkpoints: plain tensors and plain values, written whole, read without executing anything in them.

Checkpoints of the published code and generators made for sharing are read as if they were ours.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from models.published_checkpoint import is_published, list_published, read_published
from models.restricted_unpickler import read_torch_file
from models.shared_generator import CARD, is_shared, list_shared, read_shared
from utils.config import ExperimentConfig
from utils.config_file import parse_experiment
from utils.errors import CheckpointError, ConfigError
from utils.files import atomic_path, explained_write_errors, require_disk_space

logger = logging.getLogger(__name__)

FORMAT = 1
FOLDER = "checkpoints"
_BRIEF = 200
_PER_TENSOR = 320  # bytes of headers and padding in the archive
_PER_VALUE = 16
_HALF_WRITTEN = re.compile(r"\..+\.\d+\.tmp")
_NAME = re.compile(r"s(\d+)_i(\d+)\.pt")


class _Affine(BaseModel):
    scale: list[float]
    shift: list[float]


class _Content(BaseModel):
    """What every checkpoint holds. Whether weights and config fit each other is found when they are used."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    step: int = Field(ge=0)
    scale: int = Field(ge=0)
    iteration: int = Field(ge=0)
    alpha: float = Field(ge=0, le=1)
    seed: int = Field(ge=0, lt=2**63)
    config: dict[str, Any]
    attributes: dict[str, list[int | float | str]]
    affine: _Affine | None
    notes: str
    generator: dict[str, Any]
    discriminator: dict[str, Any]
    ema: dict[str, Any]
    optimizer_g: dict[str, Any]
    optimizer_d: dict[str, Any]


def save_checkpoint(run_folder: Path, state: Mapping[str, Any]) -> Path:
    """Write `state` as `checkpoints/s<scale>_i<iteration>.pt`; the iteration is the number of steps done at this scale.

    Raises: UserError if the disk has too little space; earlier checkpoints are kept.
    """
    path = run_folder / FOLDER / f"s{state['scale']}_i{state['iteration']:07d}.pt"
    kept = [before.name for _, _, before in list_own_checkpoints(run_folder)[-1:]]
    goes_on = f"the same command resumes from {kept[0]}, which is kept" if kept else "run again"
    require_disk_space(path.parent, estimate_size(state), f"free some space; {goes_on}")
    write_torch_file(path, {"format": FORMAT, **state})
    return path


def write_torch_file(path: Path, content: Any) -> None:
    """`torch.save`, of which neither a full disk, nor a power cut, nor Ctrl-C leaves half a file. Raises: UserError."""
    # given a path instead of a file, torch does not report that the disk is full
    with atomic_path(path, durable=True) as temporary, temporary.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            # torch's own error about its archive, which breaks off, hides why it does
            why = error.__context__
            raise why if isinstance(why, OSError | KeyboardInterrupt) else error from error


def estimate_size(state: Any) -> int:
    """Upper bound in bytes of the file that `save_checkpoint` makes of nested dictionaries and lists of tensors."""
    if isinstance(state, Tensor):
        return state.nbytes + _PER_TENSOR
    if isinstance(state, Mapping):
        return _PER_VALUE + sum(estimate_size(key) + estimate_size(value) for key, value in state.items())
    if isinstance(state, list | tuple):
        return _PER_VALUE + sum(map(estimate_size, state))
    return _PER_VALUE + (len(state.encode()) if isinstance(state, str) else 0)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU: ours, a published one, or a shared generator, without other networks.

    Raises: CheckpointError if it is missing, damaged, or of another format.
    """
    if is_published(path) or is_shared(path):
        state = {"format": FORMAT, **(read_published(path) if is_published(path) else read_shared(path))}
    else:
        state = _read_own(path)
    try:
        _Content.model_validate(state)
    except ValidationError as error:
        wrong = dict.fromkeys(str(fault["loc"][0]) for fault in error.errors())
        message = f"{path}: lacks a usable {', '.join(wrong)}; {_remedy(path)}"
        raise CheckpointError(message) from error
    return state


def experiment_of(state: Mapping[str, Any], path: Path) -> ExperimentConfig:
    """The experiment that the checkpoint `state`, read from `path`, was trained by.

    Raises: CheckpointError: users do not write this config, so that a fault in it is none of theirs.
    """
    where = path.with_name(CARD) if is_shared(path) else path
    try:
        return parse_experiment(state["config"], str(where))
    except ConfigError as error:
        fault = str(error).removeprefix(f"{where}: ")
        raise CheckpointError(
            f"{where}: its config is damaged, or of another version of this program ({fault}); {_remedy(path)}"
        ) from error


def _remedy(path: Path) -> str:
    return "fetch it again" if is_shared(path) else "remove it to use the one before"


def _read_own(path: Path) -> dict[str, Any]:
    state = read_torch_file(path, {})
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        found = state.get("format") if isinstance(state, dict) else None
        raise CheckpointError(f"{path}: format {found!r}, this version reads {FORMAT}; update, or train again")
    return state


def in_brief(error: Exception) -> str:
    """Torch's message about weights that do not fit, cut before it lists all of them."""
    text = " ".join(str(error).split())
    return text if len(text) <= _BRIEF else text[:_BRIEF] + " ..."


def list_checkpoints(run_folder: Path) -> list[tuple[int, int, Path]]:
    """(scale, iteration, path) of the checkpoints in the folder, oldest first: ours, else published ones, else shared.

    Raises: CheckpointError if the JSON of a shared generator is damaged.
    """
    return list_own_checkpoints(run_folder) or list_published(run_folder) or list_shared(run_folder)


def list_own_checkpoints(run_folder: Path) -> list[tuple[int, int, Path]]:
    """(scale, iteration, path) of the checkpoints that train.py wrote there, oldest first."""
    found = [(_NAME.fullmatch(path.name), path) for path in (run_folder / FOLDER).glob("s*_i*.pt")]
    return sorted((int(match[1]), int(match[2]), path) for match, path in found if match)


def find_checkpoint(run_folder: Path, scale: int | None = None, iteration: int | None = None) -> Path:
    """The newest checkpoint, of `scale` and `iteration` if given. Raises: CheckpointError listing those there are."""
    if not run_folder.is_dir():
        raise CheckpointError(f"{run_folder}: no such run folder; give the folder that train.py made")
    found = list_checkpoints(run_folder)
    if not found:
        raise CheckpointError(f"{run_folder}: holds no {FOLDER}/s*_i*.pt; {_advice(run_folder)}")
    fitting = [path for s, i, path in found if scale in (None, s) and iteration in (None, i)]
    if not fitting:
        asked = {"scale": scale, "iteration": iteration}
        wanted = " and ".join(f"{name} {value}" for name, value in asked.items() if value is not None)
        there = ", ".join(f"scale {s} iteration {i}" for s, i, _ in found[-8:])
        raise CheckpointError(f"{run_folder}: no checkpoint of {wanted}; there are {there}")
    return fitting[-1]


def _advice(folder: Path) -> str:
    """What to do if `folder` is no run folder; often it is the folder that contains the runs."""
    inside = (each for each in sorted(folder.iterdir()) if each.is_dir())
    run = next((each for each in inside if list_own_checkpoints(each) or list_published(each)), None)
    return f"give a run in it, such as {run}" if run else "is it a run folder of train.py?"


def remove_old_checkpoints(run_folder: Path, keep: int) -> None:
    """Keep the newest `keep` checkpoints and the last of each scale; remove the others. 0 keeps all."""
    found = list_own_checkpoints(run_folder)
    last_of_scale = {scale: path for scale, _, path in found}
    kept = {path for _, _, path in found[-keep:]} | set(last_of_scale.values())
    for _, _, path in found:
        if path not in kept:
            logger.debug("removing the old checkpoint %s", path)
            with explained_write_errors(path):
                path.unlink(missing_ok=True)


def _is_half_written(path: Path) -> bool:
    """Whether the file has a temporary name of ours: any other beneath the run folder is of others."""
    return _HALF_WRITTEN.fullmatch(path.name) is not None


def remove_half_written(run_folder: Path) -> None:
    """Remove the incomplete files of a run that was killed while writing; nothing else may be writing there."""
    for path in filter(_is_half_written, run_folder.rglob(".*.tmp")):
        logger.info("removing %s, left by a run that was killed", path)
        with explained_write_errors(path):
            path.unlink(missing_ok=True)
