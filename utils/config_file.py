"""Read an experiment's JSON into `ExperimentConfig`, reporting every fault of it at once."""

import json
import logging
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from utils.config import (
    TRANSFORM_CONFIGS,
    ExperimentConfig,
    LoaderConfig,
    ModelConfig,
    Section,
    TransformConfig,
)
from utils.errors import ConfigError
from utils.files import read_json

logger = logging.getLogger(__name__)

SECTIONS = ("loaderConfig", "transformConfig", "modelConfig")

KEY_ALIASES: dict[str, dict[str, str]] = {
    "loaderConfig": {"filter_keys": "filter"},
    "transformConfig": {"log": "log_mag", "n_mel": "n_mels"},
    "modelConfig": {},
}
"""Per section, other spellings of a key -> its spelling in the published README."""

INERT_KEYS: dict[str, frozenset[str]] = {
    "loaderConfig": frozenset(),
    "transformConfig": frozenset(),
    "modelConfig": frozenset({"imagefolderDataset", "dataType", "sampleRate"}),
}
"""Per section, keys that published files carry and that change nothing: accepted, and said once."""

FIXED_KEYS: dict[str, Any] = {
    "GDPP": False,
    "GDPP_weigth": 1,
    "mix_true_fake": False,
    "mix_true_fake_scale": -1,
    "true_fake_split": -1,
    "soft_labels": False,
    "iter_D_G_ratio": -1,
}
"""Keys of published modelConfigs for features that were never finished there: only "off" is accepted."""

S = TypeVar("S", bound=Section)


def load_experiment(path: Path, overrides: Mapping[str, Any] | None = None) -> ExperimentConfig:
    """Read the experiment in the JSON file `path`.

    `overrides` maps dotted published keys (`name`, `modelConfig.depthScales`) to values that replace the file's.
    Raises: ConfigError listing every fault of the file with the key, the value, and the remedy.
    """
    raw = read_json(path, ConfigError)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: must hold a JSON object with {', '.join(SECTIONS)}, not {type(raw).__name__}")
    for key, value in (overrides or {}).items():
        section, _, name = key.rpartition(".")
        target = raw.setdefault(section, {}) if section else raw
        if isinstance(target, dict):
            target[name] = value
    return parse_experiment(raw, str(path))


def parse_experiment(raw: Mapping[str, Any], where: str) -> ExperimentConfig:
    """Build the experiment from plain values; `where` names their origin in messages. Raises: ConfigError."""
    faults: list[str] = []
    top = _read_top_level(raw, faults)
    sections = {name: _plain_section(raw, name, faults) for name in SECTIONS}
    _share_audio_format(sections, faults)
    loader = _validate(LoaderConfig, "loaderConfig", sections["loaderConfig"], faults)
    transform = _validate_transform(sections["transformConfig"], faults)
    model = _validate(ModelConfig, "modelConfig", sections["modelConfig"], faults)
    if loader and model:
        faults += _attribute_faults(loader, model)
    if faults or not (loader and transform and model):
        raise ConfigError(f"{where}: " + "; ".join(faults))
    return ExperimentConfig(**top, loader=loader, transform=transform, model=model)


def experiment_schema() -> dict[str, Any]:
    """JSON schema of an experiment file with every registered representation, for editors to complete and check."""
    transforms = []
    for name, config_type in sorted(TRANSFORM_CONFIGS.items()):
        schema = config_type.model_json_schema(by_alias=True)
        spellings: list[str] = [name, *(alias for alias, known in TRANSFORM_CONFIGS.aliases.items() if known == name)]
        schema["properties"]["transform"]["enum"] = spellings
        _accept_other_spellings("transformConfig", schema)
        transforms.append(schema)
    loader = LoaderConfig.model_json_schema(by_alias=True)
    model = ModelConfig.model_json_schema(by_alias=True)
    _accept_other_spellings("loaderConfig", loader)
    model["properties"].update({key: {} for key in sorted(INERT_KEYS["modelConfig"])})
    model["properties"].update({key: {"const": value} for key, value in FIXED_KEYS.items()})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Experiment",
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "output_path", *SECTIONS],
        "properties": {
            "$schema": {"type": "string"},
            "name": {"type": "string", "description": "the run's folder is output_path/name"},
            "comments": {"type": "string"},
            "output_path": {"type": "string"},
            "loaderConfig": loader,
            "transformConfig": {"oneOf": transforms},
            "modelConfig": model,
        },
    }


def _accept_other_spellings(section: str, schema: dict[str, Any]) -> None:
    for alias, key in KEY_ALIASES[section].items():
        if key in schema["properties"]:
            schema["properties"][alias] = schema["properties"][key]


def _read_top_level(raw: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    known = ("name", "comments", "output_path", *SECTIONS, "$schema")
    faults += [_unknown_key(key, key, known) for key in raw if key not in known]
    name, comments, output_path = raw.get("name"), raw.get("comments", ""), raw.get("output_path")
    if not isinstance(name, str) or not re.fullmatch(r"[\w.+-][\w.+ -]*", name) or name in (".", ".."):
        faults.append(f"name={name!r}: must be a plain folder name")
    if not isinstance(comments, str):
        faults.append(f"comments={comments!r}: must be text")
    if not isinstance(output_path, str) or not output_path or "\0" in output_path:
        faults.append(f"output_path={output_path!r}: must be the folder that will hold the run")
        output_path = "."
    return {"name": name, "comments": comments, "output_path": Path(output_path).expanduser()}


def _plain_section(raw: Mapping[str, Any], section: str, faults: list[str]) -> dict[str, Any]:
    """The section with aliases resolved and inert keys taken out."""
    values = raw.get(section)
    if not isinstance(values, dict):
        faults.append(f"{section}: " + ("missing" if values is None else "must be a JSON object"))
        return {}
    plain: dict[str, Any] = {}
    for key, value in values.items():
        known: str = KEY_ALIASES[section].get(key, key)
        if key in INERT_KEYS[section]:
            logger.info("%s.%s has no effect here and is ignored", section, key)
        elif section == "modelConfig" and key in FIXED_KEYS:
            if value != FIXED_KEYS[key]:
                faults.append(f"modelConfig.{key}={value!r} is not supported; remove it")
        elif known in plain:
            faults.append(f"{section}.{known} is given twice, once as {key}; keep one")
        else:
            plain[known] = value
    return plain


def _share_audio_format(sections: dict[str, dict[str, Any]], faults: list[str]) -> None:
    """`sample_rate` and `audio_length` may stand in either section; the transform needs them."""
    loader, transform = sections["loaderConfig"], sections["transformConfig"]
    for key in ("sample_rate", "audio_length"):
        if loader.get(key) is None:
            continue
        if transform.setdefault(key, loader[key]) != loader[key]:
            faults.append(f"loaderConfig.{key}={loader[key]!r} but transformConfig.{key}={transform[key]!r}; keep one")


def _validate_transform(values: dict[str, Any], faults: list[str]) -> TransformConfig | None:
    name = values.get("transform")
    if not isinstance(name, str):
        faults.append(f"transformConfig.transform={name!r}: must name one of {', '.join(sorted(TRANSFORM_CONFIGS))}")
        return None
    try:
        canonical = TRANSFORM_CONFIGS.canonical(name)
    except ConfigError as error:
        faults.append(f"transformConfig.transform: {error}")
        return None
    return _validate(TRANSFORM_CONFIGS[canonical], "transformConfig", values | {"transform": canonical}, faults)


def _validate(section_type: type[S], section: str, values: dict[str, Any], faults: list[str]) -> S | None:
    if not values:
        return None
    try:
        return section_type.model_validate_json(json.dumps(values))
    except ValidationError as error:
        keys = [field.alias or name for name, field in section_type.model_fields.items()]
        faults += [_describe(section, details, keys) for details in error.errors()]
        return None
    except ValueError as error:  # JSON that Python reads but no number fits, such as NaN
        faults.append(f"{section}: {error}")
        return None


def _describe(section: str, details: ErrorDetails, keys: list[str]) -> str:
    location = [part for part in details["loc"] if not isinstance(part, str) or "[" not in part]
    where = section + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    if details["type"] == "extra_forbidden":
        return _unknown_key(where, str(location[-1]), keys)
    if details["type"] == "missing":
        return f"{where}: missing"
    if details["type"] == "value_error":
        return f"{section}: {details['ctx']['error']}"
    return f"{where}={details['input']!r}: {details['msg'].lower()}"[:300]


def _unknown_key(where: str, key: str, known: tuple[str, ...] | list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"{where}: unknown key, " + (f"did you mean {near[0]!r}?" if near else "remove it")


def _attribute_faults(loader: LoaderConfig, model: ModelConfig) -> list[str]:
    names, order = loader.attribute_list, model.attribute_order
    faults = []
    if order is not None and model.ac_gan:
        if set(order) != set(names):
            faults.append(
                f"modelConfig.attribKeysOrder names {sorted(order)} but loaderConfig.attribute_list {sorted(names)}"
            )
        elif sorted(order.values()) != list(range(len(order))):
            faults.append(f"modelConfig.attribKeysOrder={order}: places must be 0 to {len(order) - 1}, each once")
    if model.ac_gan:
        faults += [
            f"modelConfig.skipAttDfake: {name!r} is not in loaderConfig.attribute_list"
            for name in model.skip_fake_attributes
            if name not in names
        ]
    return faults
