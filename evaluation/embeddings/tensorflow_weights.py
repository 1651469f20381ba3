"""Variables of TensorFlow checkpoints and SavedModels, as arrays; the graph of a SavedModel is neither read nor run.

tensorflow is imported when such a file is read, and never otherwise: `make setup-tensorflow` installs it.
"""

import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from utils.arrays import FloatArray
from utils.errors import UserError
from utils.regular_files import open_regular

_TABLE_END = bytes.fromhex("57fb808b247547db")  # the last bytes of a checkpoint of version 1, or of an index
_INDEX = ".index"
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


def is_tensorflow(path: Path) -> bool:
    """Whether `path` is a folder, a checkpoint of version 1, or the prefix or the index of one of version 2."""
    if path.is_dir() or _index_of(path).is_file():
        return True
    return path.is_file() and _ends_like_a_table(path)


def require_tensorflow(what: str) -> Any:
    """The module tensorflow. Raises: UserError, beginning with `what`, if it is not installed."""
    try:
        return importlib.import_module("tensorflow")
    except ImportError as error:
        raise UserError(f"{what}: needs tensorflow; run `make setup-tensorflow`, or give a torch .pth") from error


def read_variables(path: Path, names: Sequence[str]) -> dict[str, FloatArray]:
    """Those of the variables `names` that `path` has, which `is_tensorflow`.

    A name may be followed by `:0`, and may have its first scope, `vggish` in `vggish/conv1/weights`, exchanged,
    preceded by others, or missing. Raises: UserError if `path` is damaged or not a SavedModel, if one name fits several
    variables, or if tensorflow is not installed.
    """
    prefix = _prefix(path)
    tensorflow = require_tensorflow(str(path))
    try:
        reader = tensorflow.train.load_checkpoint(str(prefix))
        keys = _keys_by_name(reader)
        found = {name: key for name in names if (key := _match(name, keys, path))}
        return {name: reader.get_tensor(keys[key]) for name, key in found.items()}
    except (tensorflow.errors.OpError, ValueError, RuntimeError, LookupError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a readable TensorFlow checkpoint ({reason}); fetch it again") from error


def _index_of(prefix: Path) -> Path:
    return prefix.parent / f"{prefix.name}{_INDEX}"


def _ends_like_a_table(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            file.seek(max(0, path.stat().st_size - len(_TABLE_END)))
            return file.read() == _TABLE_END
    except OSError:
        return False  # it is then read as another format, whose reader reports the error


def _prefix(path: Path) -> Path:
    """What tensorflow calls the checkpoint at `path`."""
    if path.is_dir():
        prefix = path / "variables" / "variables"
        if not _index_of(prefix).is_file():
            raise UserError(
                f"{path}: not a SavedModel, lacks variables/variables{_INDEX}; give the folder that holds it"
            )
        return prefix
    return path.with_suffix("") if path.suffix == _INDEX else path


def _keys_by_name(reader: Any) -> dict[str, str]:
    """Name of each variable -> its key in the checkpoint.

    They are the same, except where objects were saved, as in a SavedModel: there the keys are paths through the
    objects, `_variables/0/.ATTRIBUTES/VARIABLE_VALUE`, and a table beside the variables has the names.
    """
    keys = {key: key for key in reader.get_variable_to_shape_map()}
    if keys.pop(_OBJECT_GRAPH, None):
        parser = importlib.import_module("tensorflow.core.protobuf.trackable_object_graph_pb2")
        graph = parser.TrackableObjectGraph.FromString(reader.get_tensor(_OBJECT_GRAPH))
        attributes = [attribute for node in graph.nodes for attribute in node.attributes]
        keys |= {each.full_name: each.checkpoint_key for each in attributes if each.checkpoint_key in keys}
    return keys


def _match(name: str, candidates: Iterable[str], path: Path) -> str | None:
    """The variable called `name`, or else the one whose name ends like it."""
    plain = {candidate: candidate.removesuffix(":0") for candidate in candidates}
    ending = "/" + name.partition("/")[2]
    exact = [candidate for candidate in plain if plain[candidate] == name]
    matches = exact or [candidate for candidate in plain if f"/{plain[candidate]}".endswith(ending)]
    if len(matches) > 1:
        raise UserError(f"{path}: {name} may be any of {', '.join(matches)}; give a checkpoint of this network alone")
    return matches[0] if matches else None
