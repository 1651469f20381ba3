"""Weights of the published networks -> our names of them."""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from utils.config_faults import short
from utils.errors import CheckpointError

_RENAMES = (
    (r"\.module\.", "."),
    (r"^formatLayer\.1\.", "format_layer.spread."),
    (r"^formatLayer\.4\.", "format_layer.blend."),
    (r"^formatLayer\.(weight|bias)", r"format_layer.linear.\1"),
    (r"^groupScale0\.0\.", "first."),
    (r"^groupScaleZero\.0\.", "last."),
    (r"^groupScaleZero\.1\.", "gather."),
    (r"^decisionLayer\.", "decide."),
    (r"^scaleLayers\.(\d+)\.(\d+)\.", r"blocks.\1.\2."),
    (r"^toRGBLayers\.", "to_image."),
    (r"^fromRGBLayers\.", "from_image."),
)
_LISTED = 3


def our_name(published: str) -> str:
    """Our name of the published parameter `published`.

    >>> our_name("scaleLayers.0.1.module.weight")
    'blocks.0.1.weight'
    """
    for pattern, replacement in _RENAMES:
        published = re.sub(pattern, replacement, published)
    return published


def fill_network(
    path: Path, network: nn.Module, key: str, published: Mapping[str, Tensor], scale: int
) -> dict[str, Tensor]:
    """Load the published weights up to `scale`; returns all weights of the network, those above as they were.

    Raises: CheckpointError naming the file `path`, the network's `key` there, and the weights that do not fit.
    """
    found = {our_name(name): tensor for name, tensor in published.items()}
    own = network.state_dict()
    faults = [f"{name} is unknown" for name in found if name not in own]
    faults += [f"{name} is missing" for name in own if name not in found and _scale_of(name) <= scale]
    faults += [f"{name} is of a scale above {scale}" for name in found if name in own and _scale_of(name) > scale]
    faults += [
        f"{name} is {list(tensor.shape)}, by the config {list(own[name].shape)}"
        for name, tensor in found.items()
        if name in own and tensor.shape != own[name].shape
    ]
    if faults or len(found) < len(published):
        more = f" (and {len(faults) - _LISTED} more)" if len(faults) > _LISTED else ""
        listed = "; ".join(short(fault) for fault in faults[:_LISTED]) or "a weight is given twice"
        raise CheckpointError(f"{path}: {key} is not of its config: {listed}{more}; restore the JSON files of this run")
    network.load_state_dict(found, strict=False)
    return dict(network.state_dict())


def _scale_of(name: str) -> int:
    """The lowest scale at which a network uses its parameter `name`."""
    match = re.match(r"(blocks|to_image|from_image)\.(\d+)\.", name)
    return int(match[2]) + (match[1] == "blocks") if match else 0
