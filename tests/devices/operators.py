"""Which of torch's operators Apple's MPS has, by the table of operators that torch itself was built from."""

from functools import cache
from pathlib import Path

import pytest
import torch
import yaml

_ANY_DEVICE = ("CompositeImplicitAutograd", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional")


@cache
def _table():
    torchgen = pytest.importorskip("torchgen")
    path = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"
    if not path.is_file():
        pytest.skip(f"torch {torch.__version__} ships no table of its operators")
    entries = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {entry["func"].partition("(")[0]: entry for entry in entries}


def lacking_on_mps(operators):
    """Names of those of `operators` that MPS would hand to the CPU at best, with PYTORCH_ENABLE_MPS_FALLBACK=1."""
    return {name for name in (_name(operator) for operator in operators) if not _is_there(name)}


def _name(operator):
    base, overload = operator._schema.name.partition("::")[2], operator._overloadname
    return base if overload == "default" else f"{base}.{overload}"


def _is_there(name):
    entry = _table().get(name)
    if entry is None:
        return False
    if delegate := entry.get("structured_delegate"):
        return _is_there(delegate)
    keys = {key.strip() for keys in entry.get("dispatch", {"CompositeImplicitAutograd": ""}) for key in keys.split(",")}
    return bool(keys & {"MPS", *_ANY_DEVICE})
