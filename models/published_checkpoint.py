"""Runs of the published code: `<run>_config.json`, `<run>_train_config.json`, `<run>_s<scale>_i<iteration>.pt`.

Source: Nistal et al. 2020, Comparing Representations for Audio Synthesis using GANs, and its code.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from models.growth import GrowthSchedule
from models.networks import build_networks
from models.published_weights import fill_network
from models.restricted_unpickler import read_torch_file
from utils.config import ExperimentConfig, ModelConfig
from utils.config_faults import short
from utils.config_file import INERT_KEYS, parse_experiment
from utils.errors import CheckpointError
from utils.files import read_json

logger = logging.getLogger(__name__)

NETWORKS = {"generator": "netG", "discriminator": "netD", "ema": "avgG"}
"""Our name of each network -> its key in a published checkpoint."""

_FILE_NAME = re.compile(r"(.+)_s([0-9]+)_i([0-9]+)\.pt")
_CONFIG_CLASS = "utils.config.BaseConfig"
_ROUNDING = 1e-6
_TANH_LOSSES = ("MSE", "DCGAN")  # for these the published generator ended in a tanh, whatever the config said
_PICKLED_KEYS = {
    "leakyReluLeak": "leaky_slope",
    "perChannelNormalization": "pixel_norm",
    "miniBatchStdDev": "minibatch_stddev",
    "transposed": "transposed",
    "noiseVectorDim": "latent_dim",
    "formatLayerType": "format_layer",
    "equalizedlR": "equalized_rate",
}
"""Keys of the pickled config that must agree with the JSON files -> their names in `ModelConfig`."""


class PublishedConfig:
    """Replaces the config object in a published checkpoint: holds its `values`, and runs none of its code."""

    values: dict[str, Any]

    def __new__(cls) -> Self:
        """Without arguments, since unpickling does not call `__init__`."""
        made = super().__new__(cls)
        made.values = {}
        return made

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict):
            raise TypeError("its config is not a plain object")
        self.values = state


def is_published(path: Path) -> bool:
    """Whether `path` is named as the published code names its checkpoints."""
    return _FILE_NAME.fullmatch(path.name) is not None


def list_published(run_folder: Path) -> list[tuple[int, int, Path]]:
    """(scale, iteration as in the name, path) of the published checkpoints in the folder, oldest first."""
    found = [(_FILE_NAME.fullmatch(path.name), path) for path in run_folder.glob("*_s*_i*.pt")]
    return sorted((int(match[2]), int(match[3]), path) for match, path in found if match)


def read_published(path: Path) -> dict[str, Any]:
    """The published checkpoint `path` as the state of one of our checkpoints, with empty optimisers.

    The published files contain no optimisers, no seed (0 here), no order of notes, and only the layers of the scales
    reached; those above have initial values here. `ema` is the average as saved, which the published code itself
    overwrites with the raw generator when it loads. The number in the file's name is the index of the last iteration;
    `iteration` counts the iterations done.
    Raises: CheckpointError, ConfigError if files are missing, damaged, or do not belong together.
    """
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        raise CheckpointError(f"{path}: not named <run>_s<scale>_i<iteration>.pt; give it its name back")
    scale = int(match[2])
    experiment, attributes = _read_experiment(path, match[1])
    model = experiment.model
    if model.output_shape is None or not model.start_scale <= scale < model.n_scales:
        raise CheckpointError(
            f"{path}: is of scale {scale}, its config of {model.n_scales} scales of output_shape {model.output_shape}; "
            "restore the config files of this run"
        )
    content = read_torch_file(path, {_CONFIG_CLASS: PublishedConfig})
    pickled = _require_content(path, content)
    _require_same_config(path, pickled, model, attributes)
    schedule = GrowthSchedule(model)
    iteration = min(int(match[3]) + 1, model.max_iter_at_scale[scale])
    step = schedule.steps_done(scale, iteration)
    n_values = [len(values) for values in attributes.values()]
    networks = build_networks(model, model.output_shape, n_values, seed=0, device=torch.device("cpu")).all()
    weights = {name: fill_network(path, networks[name], key, content[key], scale) for name, key in NETWORKS.items()}
    if scale + 1 < model.n_scales:
        logger.info("%s: reached scale %d of 0 to %d; those above have initial values", path, scale, model.n_scales - 1)
    return {
        "step": step,
        "scale": scale,
        "iteration": iteration,
        "alpha": _alpha(path, pickled, schedule.at(step - 1).alpha),
        "seed": 0,
        "config": experiment.to_plain(),
        "attributes": attributes,
        "affine": None,
        "notes": "",
        **weights,
        "optimizer_g": {},
        "optimizer_d": {},
    }


def _read_experiment(path: Path, run: str) -> tuple[ExperimentConfig, dict[str, list[Any]]]:
    """The experiment of the run's two JSON files, and the values of each attribute in the order of the one-hots."""
    config, trained = (_read_object(path.with_name(f"{run}_{kind}.json")) for kind in ("config", "train_config"))
    where = str(path.with_name(f"{run}_*config.json"))
    places = _attribute_places(where, trained.get("attribKeysOrder"))
    declared = config.get("modelConfig")
    # the training config contains every default, but describes attributes in another form
    model = {**declared, **trained} if isinstance(declared, dict) else trained
    model = {key: value for key, value in model.items() if key not in INERT_KEYS["modelConfig"]}
    model["attribKeysOrder"] = {name: place["order"] for name, place in places.items()} or None
    if model.get("lossMode") in _TANH_LOSSES:
        model["generationActivation"] = "tanh"
    experiment = parse_experiment({**config, "modelConfig": model}, where)
    return experiment, {name: places[name]["values"] for name in experiment.attributes if name in places}


def _read_object(path: Path) -> dict[str, Any]:
    content = read_json(path, CheckpointError)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: must hold a JSON object; restore the published run's file")
    return content


def _attribute_places(where: str, places: Any) -> dict[str, dict[str, Any]]:
    """Attribute -> its `order` and `values`."""
    if not places:
        return {}
    known = places if isinstance(places, dict) else {}
    bad = [name for name, place in known.items() if not _is_place(place)]
    if bad or not known:
        named = f"attribKeysOrder.{bad[0]}" if bad else "attribKeysOrder"
        raise CheckpointError(f"{where}: {short(named)} must have an order and distinct values; restore the file")
    return known


def _is_place(place: Any) -> bool:
    if not isinstance(place, dict) or type(place.get("order")) is not int or not isinstance(place.get("values"), list):
        return False
    values = place["values"]
    return {type(value) for value in values} in ({int}, {str}) and len(set(values)) == len(values)


def _require_content(path: Path, content: Any) -> Mapping[str, Any]:
    """The values of the pickled config."""
    missing = [key for key in ("config", *NETWORKS.values()) if not isinstance(content, dict) or key not in content]
    if missing:
        raise CheckpointError(f"{path}: lacks {', '.join(missing)}; it is no checkpoint of the published code")
    config = content["config"]
    if type(config) is not PublishedConfig:
        raise CheckpointError(f"{path}: its config is no {_CONFIG_CLASS}; it is no checkpoint of the published code")
    for key in NETWORKS.values():
        state = content[key]
        if not isinstance(state, dict) or not all(type(name) is str for name in state):
            raise CheckpointError(f"{path}: {key} is no state dict; it is no checkpoint of the published code")
        if not all(type(tensor) is Tensor for tensor in state.values()):
            raise CheckpointError(f"{path}: {key} holds something else than tensors; copy the file again")
    return config.values


def _require_same_config(
    path: Path, pickled: Mapping[str, Any], model: ModelConfig, attributes: Mapping[str, list[Any]]
) -> None:
    """Raise CheckpointError naming where the JSON files and the config in the checkpoint differ."""
    expected: dict[str, Any] = {key: getattr(model, name) for key, name in _PICKLED_KEYS.items()}
    expected["categoryVectorDim"] = sum(map(len, attributes.values()))
    if all(isinstance(depth, int) for depth in model.depth_scales):
        depths = list(model.depth_scales)
        others = pickled.get("depthOtherScales")
        reached = len(others) if isinstance(others, list) else 0
        expected |= {"depthScale0": depths[0], "depthOtherScales": depths[1 : 1 + reached]}
    expected["output_shape"] = list(model.output_shape or ())
    expected |= {f"attribKeysOrder.{name}": values for name, values in attributes.items()}
    places = pickled.get("attribKeysOrder")
    known = places if isinstance(places, dict) else {}
    values_there = {f"attribKeysOrder.{name}": place["values"] for name, place in known.items() if _is_place(place)}
    said = {**pickled, **values_there}
    changes = [
        f"{key} is {_plain(said[key])} in the checkpoint, {_plain(value)} in the JSON files"
        for key, value in expected.items()
        if key in said and not (_is_flat(said[key]) and _items(said[key]) == _items(value))
    ]
    if changes:
        raise CheckpointError(f"{path}: of another config: {'; '.join(changes)}; restore the JSON files of this run")


def _plain(value: Any) -> str:
    return short(value) if _is_flat(value) else "something else"


def _is_flat(value: Any) -> bool:
    # an object from a pickle may contain itself, so that walking through it would not end
    return all(item is None or isinstance(item, bool | int | float | str) for item in _items(value))


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _alpha(path: Path, pickled: Mapping[str, Any], scheduled: float) -> float:
    """The weight of the previous scale in the last training step."""
    alpha = pickled.get("alpha", scheduled)
    if not isinstance(alpha, int | float) or not -_ROUNDING <= alpha <= 1 + _ROUNDING:
        raise CheckpointError(f"{path}: alpha is {_plain(alpha)}, must be from 0 to 1; copy the file again")
    # the published code subtracts floats, and does not end exactly at 0
    return scheduled if abs(alpha - scheduled) < _ROUNDING else min(max(float(alpha), 0.0), 1.0)
