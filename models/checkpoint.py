"""Checkpoints: plain tensors and plain values, written whole, read without executing anything in them."""

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from utils.errors import CheckpointError
from utils.files import atomic_path, explained_write_errors

logger = logging.getLogger(__name__)

FORMAT = 1
FOLDER = "checkpoints"
_BRIEF = 200
_NAME = re.compile(r"s(\d+)_i(\d+)\.pt")
_KEYS: dict[str, type | tuple[type, ...]] = {
    "step": int,
    "scale": int,
    "iteration": int,
    "alpha": float,
    "seed": int,
    "config": dict,
    "attributes": dict,
    "affine": (dict, type(None)),
    "notes": str,
    "generator": dict,
    "discriminator": dict,
    "ema": dict,
    "optimizer_g": dict,
    "optimizer_d": dict,
}


def save_checkpoint(run_folder: Path, state: Mapping[str, Any]) -> Path:
    """Write `state` as `checkpoints/s<scale>_i<iteration>.pt`; the iteration counts the scale's steps done.

    Raises: UserError if the disk is full; the checkpoints that are there stay whole.
    """
    path = run_folder / FOLDER / f"s{state['scale']}_i{state['iteration']:07d}.pt"
    # given a path instead of a file, torch hides from us that the disk is full
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        torch.save({"format": FORMAT, **state}, file)
        file.flush()
        os.fsync(file.fileno())  # renamed before its content is on the disk, it would be empty after a power cut
    return path


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU. Raises: CheckpointError if it is missing, damaged, or of another format."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such checkpoint; list the folder for those there are") from error
    except Exception as error:  # a damaged file breaks torch's reader in many ways
        raise CheckpointError(
            f"{path}: not a readable checkpoint ({type(error).__name__}); remove it to use the one before"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        found = state.get("format") if isinstance(state, dict) else None
        raise CheckpointError(f"{path}: format {found!r}, this version reads {FORMAT}; train anew or update")
    wrong = [key for key, kind in _KEYS.items() if not isinstance(state.get(key), kind)]
    if wrong:
        raise CheckpointError(f"{path}: lacks a usable {', '.join(wrong)}; remove it to use the one before")
    return state


def in_brief(error: Exception) -> str:
    """What torch says of weights that do not fit, without the names of all of them."""
    text = " ".join(str(error).split())
    return text if len(text) <= _BRIEF else text[:_BRIEF] + " ..."


def list_checkpoints(run_folder: Path) -> list[tuple[int, int, Path]]:
    """(scale, iteration, path) of the run's checkpoints, oldest first."""
    found = []
    for path in (run_folder / FOLDER).glob("s*_i*.pt"):
        match = _NAME.fullmatch(path.name)
        if match:
            found.append((int(match[1]), int(match[2]), path))
    return sorted(found)


def find_checkpoint(run_folder: Path, scale: int | None = None, iteration: int | None = None) -> Path:
    """The newest checkpoint, of `scale` and `iteration` where given. Raises: CheckpointError naming those there are."""
    if not run_folder.is_dir():
        raise CheckpointError(f"{run_folder}: no such run folder; give the folder that train.py made")
    found = list_checkpoints(run_folder)
    if not found:
        raise CheckpointError(f"{run_folder}: holds no {FOLDER}/s*_i*.pt; is it a run folder of train.py?")
    fitting = [path for s, i, path in found if scale in (None, s) and iteration in (None, i)]
    if not fitting:
        there = ", ".join(f"-s {s} -i {i}" for s, i, _ in found[-8:])
        raise CheckpointError(f"{run_folder}: no checkpoint of scale {scale}, iteration {iteration}; there are {there}")
    return fitting[-1]


def remove_old_checkpoints(run_folder: Path, keep: int) -> None:
    """Keep the newest `keep` checkpoints and the last of each scale; 0 keeps all."""
    found = list_checkpoints(run_folder)
    last_of_scale = {scale: path for scale, _, path in found}
    kept = {path for _, _, path in found[-keep:]} | set(last_of_scale.values())
    for _, _, path in found:
        if path not in kept:
            logger.debug("removing the old checkpoint %s", path)
            with explained_write_errors(path):
                path.unlink(missing_ok=True)


def remove_half_written(run_folder: Path) -> None:
    """Remove what a run that was killed while it saved left behind; nothing else may be writing there."""
    for path in (run_folder / FOLDER).glob(".*.tmp"):
        logger.info("removing %s, left by a run that was killed", path)
        with explained_write_errors(path):
            path.unlink(missing_ok=True)
