"""A trained generator for sharing: weights as safetensors, and JSON with all that is needed to play it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from utils.errors import CheckpointError, UserError
from utils.files import atomic_path, read_json, write_json
from utils.regular_files import require_regular

WEIGHTS = "generator.safetensors"
CARD = "run.json"
FORMAT = 1

_KEYS = ("config", "attributes", "affine", "scale", "iteration", "alpha", "step", "seed", "notes")
_ANYWHERE = {"data_path": "notes", "att_dict_path": None}
"""Replace the folders of the training notes, which are private."""


def is_shared(path: Path) -> bool:
    """Whether `path` is named as the weights of a shared generator."""
    return path.name == WEIGHTS


def list_shared(folder: Path) -> list[tuple[int, int, Path]]:
    """(scale, iteration, path) of the shared generator in `folder`, if there is one. Raises: CheckpointError."""
    if not (folder / WEIGHTS).is_file():
        return []
    card = _read_card(folder / CARD)
    scale, iteration = card.get("scale"), card.get("iteration")
    if not isinstance(scale, int) or not isinstance(iteration, int):
        raise CheckpointError(f"{folder / CARD}: lacks a usable scale or iteration; fetch it again")
    return [(scale, iteration, folder / WEIGHTS)]


def write_shared(folder: Path, state: Mapping[str, Any], *, half: bool) -> None:
    """Write the averaged generator of the checkpoint `state` for sharing: float32, or float16 if `half`.

    The same state gives the same bytes. Raises: UserError if a weight is not finite in that format, or if the files
    cannot be written.
    """
    kind = torch.float16 if half else torch.float32
    weights = {name: tensor.to(kind).contiguous() for name, tensor in state["ema"].items()}
    bad = [name for name, tensor in weights.items() if not tensor.isfinite().all()]
    if bad:
        raise UserError(f"{bad[0]}: holds numbers that are not finite as {_name(kind)}; use float32, or train on")
    # one entry of metadata, since safetensors writes several in random order
    content = save(weights, metadata={"format": "pt"})
    with atomic_path(folder / WEIGHTS) as temporary:
        temporary.write_bytes(content)
    config = state["config"]
    config = {**config, "output_path": "runs", "loaderConfig": {**config["loaderConfig"], **_ANYWHERE}}
    card = {key: state[key] for key in _KEYS} | {"config": config}
    stated = {"file": WEIGHTS, "sha256": hashlib.sha256(content).hexdigest(), "dtype": _name(kind)}
    write_json(folder / CARD, {"format": FORMAT, "weights": stated, **card})


def read_shared(path: Path) -> dict[str, Any]:
    """The shared generator with the weights `path`, as the state of a checkpoint without other networks.

    Raises: CheckpointError if weights or JSON are missing, damaged, or do not belong together.
    """
    where = path.with_name(CARD)
    card = _read_card(where)
    missing = [key for key in _KEYS if key not in card]
    if missing:
        raise CheckpointError(f"{where}: lacks {', '.join(missing)}; fetch it again")
    try:
        require_regular(path)
        with safe_open(path, framework="pt"):  # whether it is as long as its header says, before all of it is read
            content = path.read_bytes()
        weights = load(content)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); fetch it again") from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file; fetch it again") from error
    stated = card.get("weights")
    if not isinstance(stated, dict) or stated.get("sha256") != hashlib.sha256(content).hexdigest():
        raise CheckpointError(
            f"{path}: not the weights that belong to {where.name} (SHA-256 differs); fetch both again"
        )
    absent: dict[str, Any] = {name: {} for name in ("generator", "discriminator", "optimizer_g", "optimizer_d")}
    return {**{key: card[key] for key in _KEYS}, "ema": weights, **absent}


def _read_card(path: Path) -> dict[str, Any]:
    card = read_json(path, CheckpointError)
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        raise CheckpointError(f"{path}: format {found!r}, this version reads {FORMAT}; update, or fetch it again")
    return card


def _name(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
