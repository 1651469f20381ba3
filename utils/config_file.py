"""Read an experiment's JSON into `ExperimentConfig`, reporting every fault of it at once."""

import json
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from utils.config import TRANSFORM_CONFIGS, ExperimentConfig, LoaderConfig, ModelConfig, TransformConfig, usable_path
from utils.config_faults import describe_values, short, suggestion, unknown_key, unusable
from utils.config_section import Section
from utils.errors import ConfigError
from utils.file_names import is_reserved
from utils.files import read_json
from utils.spelling import closest, shortened

logger = logging.getLogger(__name__)

SECTIONS = ("loaderConfig", "transformConfig", "modelConfig")

KEY_ALIASES: dict[str, dict[str, str]] = {
    "loaderConfig": {"filter_keys": "filter"},
    "transformConfig": {"log": "log_mag", "n_mel": "n_mels"},
    "modelConfig": {"GDPP_weight": "GDPP_weigth"},
}
"""Per section, other spellings of a key -> its spelling in the published README."""

INERT_KEYS = {
    "loaderConfig": (),
    "transformConfig": (),
    "modelConfig": ("dataType", "imagefolderDataset", "sampleRate"),
}
"""Per section, keys that published files carry and that change nothing: accepted, and said once."""

S = TypeVar("S", bound=Section)

_LONGEST_NAME = 200  # bytes; folders on the usual disks may have 255, and runs add endings to theirs


def load_experiment(path: Path, overrides: Mapping[str, Any] | None = None) -> ExperimentConfig:
    """Read the experiment in the JSON file `path`.

    `overrides` maps dotted published keys (`name`, `modelConfig.depthScales`) to values that replace the file's.
    Raises: ConfigError listing every fault of the file with the key, the value, and the remedy.
    """
    raw = read_json(path, ConfigError)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: must hold a JSON object with {', '.join(SECTIONS)}, not {short(raw)}")
    for key, value in (overrides or {}).items():
        section, _, name = key.rpartition(".")
        target = raw.setdefault(section, {}) if section else raw
        if isinstance(target, dict):
            target[name] = value
    return parse_experiment(raw, str(path))


def parse_experiment(raw: Mapping[str, Any], where: str) -> ExperimentConfig:
    """Build the experiment from plain values; `where` names their origin in messages. Raises: ConfigError."""
    if why := unusable(dict(raw)):
        raise ConfigError(f"{where}: a value {why}; mend the file")
    faults: list[str] = []
    top = _read_top_level(raw, faults)
    sections: dict[str, dict[str, Any] | None] = {name: _plain_section(raw, name, faults) for name in SECTIONS}
    loader = validate_section(LoaderConfig, "loaderConfig", sections["loaderConfig"], faults)
    transform_values = sections["transformConfig"]
    if loader and transform_values is not None:
        _share_audio_format(loader, transform_values, faults)
    transform = _validate_transform(transform_values, faults)
    model = validate_section(ModelConfig, "modelConfig", sections["modelConfig"], faults)
    if loader and model:
        faults += _attribute_faults(loader, model)
    if faults or not (loader and transform and model):
        raise ConfigError(f"{where}: " + "; ".join(faults))
    return ExperimentConfig(**top, loader=loader, transform=transform, model=model)


def parse_transform(raw: Mapping[str, Any], where: str) -> TransformConfig:
    """Build section `transformConfig` alone from plain values; `where` names their origin. Raises: ConfigError."""
    if why := unusable(dict(raw)):
        raise ConfigError(f"{where}: a value {why}; mend it")
    faults: list[str] = []
    values = _plain_section({"transformConfig": dict(raw)}, "transformConfig", faults)
    transform = _validate_transform(values, faults)
    if faults or transform is None:
        raise ConfigError(f"{where}: " + "; ".join(faults))
    return transform


def experiment_schema() -> dict[str, Any]:
    """JSON schema of an experiment file with every registered representation, for editors to complete and check."""
    transforms = []
    for name, config_type in sorted(TRANSFORM_CONFIGS.items()):
        schema = config_type.model_json_schema(by_alias=True)
        spellings: list[str] = [name, *(alias for alias, known in TRANSFORM_CONFIGS.aliases.items() if known == name)]
        schema["properties"]["transform"]["enum"] = spellings
        _accept_other_spellings("transformConfig", schema)
        transforms.append(schema)
    loader, model = (section.model_json_schema(by_alias=True) for section in (LoaderConfig, ModelConfig))
    _accept_other_spellings("loaderConfig", loader)
    _accept_other_spellings("modelConfig", model)
    model["properties"].update({key: {} for key in INERT_KEYS["modelConfig"]})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": loader.pop("$defs"),  # where references within the section look for them
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


def validate_section(section_type: type[S], section: str, values: dict[str, Any] | None, faults: list[str]) -> S | None:
    """The section from plain values, or None and its faults appended; `section` is its place, "" for a whole file."""
    if values is None:
        return None
    try:
        return section_type.model_validate_json(json.dumps(values))
    except ValidationError as error:
        faults += _section_faults(section_type, section, values, error)
        return None


def with_changes(section: str, values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` of the section with some replaced, also where the two spell a key differently."""
    spellings = KEY_ALIASES[section]
    changed = {spellings.get(key, key) for key in changes}
    return {key: value for key, value in values.items() if spellings.get(key, key) not in changed} | dict(changes)


def require_own_names(names: Sequence[str]) -> None:
    """Raise ConfigError if two experiments have one name: their rows could not be told apart."""
    for name, count in Counter(names).items():
        if count > 1:
            raise ConfigError(f"{name}: is the name of several of the configs; give each another name")


def _accept_other_spellings(section: str, schema: dict[str, Any]) -> None:
    for alias, key in KEY_ALIASES[section].items():
        if key in schema["properties"]:
            schema["properties"][alias] = schema["properties"][key]


def _read_top_level(raw: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    known = ("name", "comments", "output_path", *SECTIONS, "$schema")
    unknown = [key for key in raw if key not in known]
    faults += [unknown_key("", key, known, elsewhere=_places_of_keys()) for key in unknown]
    meant = {suggestion(key, known) for key in unknown}
    faults += [f"{key}: missing" for key in ("name", "output_path", *SECTIONS) if key not in raw and key not in meant]
    name, comments, output_path = raw.get("name", "-"), raw.get("comments", ""), raw.get("output_path", ".")
    if fault := name_fault(name):
        faults.append(f"name={short(name)}: {fault}")
    if not isinstance(comments, str):
        faults.append(f"comments={short(comments)}: must be text")
    try:
        output_path = usable_path(output_path)
        if not isinstance(output_path, str):
            raise ValueError("must be text, the folder that will hold the run")
    except ValueError as error:
        faults.append(f"output_path={short(output_path)}: {error}")
        output_path = "."
    return {"name": name, "comments": comments, "output_path": Path(output_path)}


def name_fault(name: Any) -> str | None:
    """Why no run or comparison can have this name, which becomes that of its folder; None if one can."""
    if not isinstance(name, str) or not _is_folder_name(name):
        return f"must be a plain folder name of at most {_LONGEST_NAME} letters"
    return "Windows allows no folder of this name; choose another" if is_reserved(name) else None


def _is_folder_name(name: str) -> bool:
    plain = re.fullmatch(r"[\w.+-]([\w.+ -]*[\w.+-])?", name) is not None
    return plain and len(name.encode()) <= _LONGEST_NAME and name not in (".", "..")


def _plain_section(raw: Mapping[str, Any], section: str, faults: list[str]) -> dict[str, Any] | None:
    """The section with aliases resolved and inert keys taken out; None if it is none."""
    values = raw.get(section)
    if not isinstance(values, dict):
        if section in raw:
            faults.append(f"{section}={short(values)}: must be a JSON object")
        return None
    plain: dict[str, Any] = {}
    for key, value in values.items():
        known = KEY_ALIASES[section].get(str(key), str(key))
        if key in INERT_KEYS[section]:
            logger.info("%s.%s has no effect here and is ignored", section, key)
        elif known in plain:
            faults.append(f"{section}.{known} is given twice, once as {key}; keep one")
        else:
            plain[known] = value
    return plain


def _share_audio_format(loader: LoaderConfig, transform: dict[str, Any], faults: list[str]) -> None:
    """`sample_rate` and `audio_length` may stand in either section; the transform needs them."""
    for key, given in (("sample_rate", loader.sample_rate), ("audio_length", loader.audio_length)):
        other = transform.get(key)
        if given is not None and other is None:
            transform[key] = given
        elif given is not None and other != given:
            faults.append(f"loaderConfig.{key}={given} but transformConfig.{key}={short(other)}; keep one")


def _validate_transform(values: dict[str, Any] | None, faults: list[str]) -> TransformConfig | None:
    if values is None:
        return None
    if "transform" not in values:
        near = next((key for key in values if closest(key, ["transform"])), None)
        all_names = f"name one of {', '.join(sorted(TRANSFORM_CONFIGS))}"
        remedy = f"is {shortened(near)!r} meant for it?" if near else all_names
        faults.append(f"transformConfig.transform: missing; {remedy}")
        return None
    name = values["transform"]
    try:
        canonical = TRANSFORM_CONFIGS.canonical(name if isinstance(name, str) else short(name))
    except ConfigError as error:
        faults.append(f"transformConfig.transform: {error}")
        return None
    return validate_section(TRANSFORM_CONFIGS[canonical], "transformConfig", values | {"transform": canonical}, faults)


def _section_faults(
    section_type: type[Section], section: str, values: dict[str, Any], error: ValidationError
) -> list[str]:
    """Every fault of the section: of its keys, of their values, and of values that do not go together."""
    published = {name: field.alias or name for name, field in section_type.model_fields.items()}
    spellings, inert = KEY_ALIASES.get(section, {}), INERT_KEYS.get(section, ())
    known = [*published.values(), *spellings, *inert]
    unknown = [key for key in values if key not in published.values()]
    meant = {suggestion(key, known, published) for key in unknown}
    wrong = describe_values(section, values, error.errors())
    required = [published[name] for name, field in section_type.model_fields.items() if field.is_required()]
    missing = [key for key in required if key not in values and key not in meant]
    elsewhere = _places_of_keys(but=section)
    inside = f"{section}." if section else ""
    faults = [unknown_key(inside, key, known, published, elsewhere) for key in unknown]
    faults += [f"{inside}{key}: missing" for key in missing]
    faults += wrong.values()
    doubtful = {spellings.get(key, key) for key in (*wrong, *missing, *meant) if key}
    sound = {key: value for key, value in values.items() if key not in wrong and key not in unknown}
    sure = (
        fault
        for fault in _conflicts(section_type, sound)
        if not any(re.search(rf"\b{re.escape(key)}\b", fault) for key in doubtful)
    )
    return faults + [f"{section}: {fault}" if section else fault for fault in sure]


def _places_of_keys(but: str = "") -> dict[str, str]:
    """Key -> where it belongs, of all sections but one, and of the top level if there is such a one."""
    types: list[tuple[str, type[Section]]] = [("loaderConfig", LoaderConfig), ("modelConfig", ModelConfig)]
    types += [("transformConfig", config_type) for _, config_type in TRANSFORM_CONFIGS.items()]
    places = {
        field.alias or name: f"in {section}"
        for section, section_type in types
        if section != but
        for name, field in section_type.model_fields.items()
    }
    return places | (dict.fromkeys(("name", "comments", "output_path"), "at the top level") if but else {})


def _conflicts(section_type: type[Section], values: dict[str, Any]) -> list[str]:
    """What is wrong between values that are each right by themselves."""
    try:
        section_type.model_validate_json(json.dumps(values))
    except ValidationError as error:
        own = [details for details in error.errors() if details["type"] == "value_error" and not details["loc"]]
        return [fault for details in own for fault in details["ctx"]["error"].args]
    return []


def _attribute_faults(loader: LoaderConfig, model: ModelConfig) -> list[str]:
    names, order = loader.attribute_list, model.attribute_order
    faults = []
    if order is not None and model.ac_gan:
        if set(order) != set(names):
            faults.append(
                f"modelConfig.attribKeysOrder names {short(sorted(order))} but loaderConfig.attribute_list "
                f"{short(sorted(names))}"
            )
        elif sorted(order.values()) != list(range(len(order))):
            faults.append(
                f"modelConfig.attribKeysOrder={short(order)}: places must be 0 to {len(order) - 1}, each once"
            )
    if model.ac_gan:
        named = {"skipAttDfake": model.skip_fake_attributes, "measureGenerated": model.measured_attributes}
        faults += [
            f"modelConfig.{key}: {short(name)} is not in loaderConfig.attribute_list"
            for key, given in named.items()
            for name in given
            if name not in names
        ]
        twice = [name for name, count in Counter(model.measured_attributes).items() if count > 1]
        faults += [f"modelConfig.measureGenerated names {name!r} twice; keep one" for name in twice]
    conditioned = model.ac_gan and names
    options = [model, *(model.at_scale(scale) for scale in range(model.n_scales))]
    unused = {
        "soft_labels": any(part.soft_labels for part in options),
        "fakeLabels": any(part.fake_labels != "batch" for part in options),
        "measureGenerated": bool(model.measured_attributes),
    }
    faults += [
        f"modelConfig.{key} needs ac_gan and an attribute in loaderConfig.attribute_list; remove it"
        for key, given in unused.items()
        if given and not conditioned
    ]
    return faults
