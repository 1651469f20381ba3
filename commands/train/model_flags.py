"""Every field of `modelConfig` as a command-line flag of its published name."""

import argparse
import json
from typing import Any

from utils.config import ModelConfig


def model_keys() -> dict[str, str]:
    """Published key -> description of every field of `modelConfig`."""
    return {field.alias or name: field.description or "" for name, field in ModelConfig.model_fields.items()}


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each field; hidden from --help, since `--overrides` lists them."""
    for key in model_keys():
        parser.add_argument(f"--{key}", type=_json_or_text, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def given_overrides(args: argparse.Namespace) -> dict[str, Any]:
    """The flags that were given, as dotted keys for `load_experiment`."""
    return {f"modelConfig.{key}": getattr(args, key) for key in model_keys() if hasattr(args, key)}


def list_overrides() -> str:
    """One line per flag: name, default, description."""
    lines = ["Flags that replace a value of modelConfig; lists and numbers are written as JSON:"]
    for name, field in ModelConfig.model_fields.items():
        default = "required" if field.is_required() else f"default: {json.dumps(field.default)}"
        lines.append(f"  --{field.alias or name}  ({default})  {field.description}")
    return "\n".join(lines)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
