"""Weights of published networks: read without executing anything in the file, and used whole or refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from models.restricted_unpickler import load_plain, why_unreadable
from utils.errors import UserError

_NESTED_UNDER = ("state_dict", "model_state_dict", "model", "net", "weights")
_PARALLEL_PREFIX = "module."  # torch's data parallelism puts it before every name
_MOST_NAMED = 3

Weights = dict[str, Tensor]


def read_weights(path: Path) -> Weights:
    """Tensors by name, on the CPU, of a state dict that torch or safetensors (`.safetensors`) wrote.

    A state dict under one of the usual keys (`state_dict`, `model`, ...) beside other values is found; the prefix of
    data parallelism is removed. Raises: UserError if the file is missing, damaged, or holds anything but plain tensors.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; check the path of the weights")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    weights = _state_dict(content)
    if weights is None:
        raise UserError(f"{path}: holds no state dict; save the network's `state_dict()`")
    return weights


def fit_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Make `weights` those of `network`, in float32; the network may lie on the device `meta`.

    Raises: UserError naming `path` and the first names that are missing, not the network's, of another shape, or not
    finite.
    """
    expected = network.state_dict()
    missing = [name for name in expected if name not in weights and not name.endswith("num_batches_tracked")]
    foreign = [name for name in weights if name not in expected]
    misshapen = [
        f"{name} {tuple(tensor.shape)} instead of {tuple(expected[name].shape)}"
        for name, tensor in weights.items()
        if name in expected and tensor.shape != expected[name].shape
    ]
    broken = [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]
    faults = {"lacks": missing, "has the unknown": foreign, "has": misshapen, "is not finite in": broken}
    if any(faults.values()):
        what = "; ".join(f"{verb} {first_of(names)}" for verb, names in faults.items() if names)
        raise UserError(f"{path}: not the weights of {type(network).__name__}: {what}; give the file made for it")
    # copied even where they are float32 already: as they lie in a file they are not aligned, and some processors'
    # products then differ in their last bits
    single = {
        name: tensor.to(torch.float32, copy=True) if tensor.is_floating_point() else tensor
        for name, tensor in weights.items()
    }
    # not strict: old files lack the counters of batch normalisation, which are never read
    network.load_state_dict(single, strict=False, assign=True)


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable safetensors file ({error}); fetch it again") from error


def _read_torch(path: Path) -> Any:
    try:
        return load_plain(path)
    except Exception as error:  # a damaged or foreign file breaks torch's reader in many ways
        raise UserError(
            f"{path}: not plain tensors that torch can read safely ({why_unreadable(error)}); where it is a pickled "
            "network, save its `state_dict()` with the program that made it"
        ) from error


def _state_dict(content: Any) -> Weights | None:
    if not isinstance(content, Mapping):
        return None
    if content and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()):
        prefixed = all(name.startswith(_PARALLEL_PREFIX) for name in content)
        return {name.removeprefix(_PARALLEL_PREFIX) if prefixed else name: value for name, value in content.items()}
    for key in _NESTED_UNDER:
        found = _state_dict(content.get(key))
        if found is not None:
            return found
    return None


def first_of(names: Sequence[str]) -> str:
    """The first of `names` and how many more there are, for a message of one line."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
