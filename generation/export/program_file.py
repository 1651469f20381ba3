"""A run as one file that other programs play: ONNX, or TorchScript, with a card inside and beside it."""

import importlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.nsynth import value_in_words
from data.quantities import LAST_LABEL, is_quantity
from generation.export.network import PlayableNetwork
from generation.instrument import Instrument, load_instrument
from generation.run_terms import terms_of
from generation.synthesis import fit_full_scale
from utils.errors import UserError
from utils.files import atomic_path, require_writable_folder, write_json
from utils.own_files import require_replaceable

MADE_BY = "generate.py export"
CARD, TERMS = "card", "licence"
"""Names of the texts inside a file."""
LARGEST_DIFFERENCE = 1e-4  # between the sound of the program and ours, full scale = 1
_NEEDED = ("onnx", "onnxscript")


@dataclass(frozen=True)
class Program:
    """What was written: the size of the file in bytes, and how far its network is from the sound of generate.py."""

    size: int
    difference: float


def card_of(path: Path) -> Path:
    """The card beside the program `path`."""
    return path.with_name(f"{path.name}.json")


def require_language(path: Path) -> None:
    """Raise UserError unless the suffix of `path` names a language of programs that can be written here."""
    if path.suffix not in _LANGUAGES:
        raise UserError(f"{path}: names no language; let it end in {' or '.join(_LANGUAGES)}")
    missing = [name for name in _NEEDED if path.suffix == ".onnx" and not _is_there(name)]
    if missing:
        raise UserError(
            f"{path}: needs {' and '.join(missing)}; run `pip install -r requirements-onnx.txt`, or write a .ts file"
        )


def write_program(instrument: Instrument, run_folder: Path, path: Path) -> Program:
    """Write `instrument`, which must be on the CPU, as the program `path` and its card, each whole or not at all.

    `run_folder` is where the card of the generator is looked for. Raises: UserError if the representation cannot be
    exported, the network does not sound as ours, or files of others are in the way.
    """
    require_language(path)
    require_replaceable([path, card_of(path)], _is_own, "a program")
    require_writable_folder(path.parent)
    terms, network = terms_of(run_folder, instrument.run_name), PlayableNetwork(instrument).eval()
    inputs = _inputs(instrument)
    difference = _difference(instrument, network, inputs)
    if not difference <= LARGEST_DIFFERENCE:
        raise UserError(
            f"export: the network differs from the sound of {instrument.run_name} by {difference:.1e}, more than "
            f"{LARGEST_DIFFERENCE:g} of full scale; generate.py makes its notes"
        )
    card = {**program_card(instrument), "largest_difference": difference}
    texts = {CARD: json.dumps(card, ensure_ascii=False), TERMS: terms}
    batch = torch.export.Dim("batch")
    with torch.no_grad(), _silent():
        shapes = tuple({0: batch} for _ in inputs)
        exported = torch.export.export(network, tuple(inputs.values()), dynamic_shapes=shapes)
        content = _LANGUAGES[path.suffix](exported, inputs, texts)
    write_json(card_of(path), card)  # first: it says that the program is ours
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return Program(len(content), difference)


def export_program(run: str | Path, path: str | Path) -> Program:
    """Write `run`, a folder or `hf://OWNER/NAME`, as the program `path` (.onnx or .ts), as `generate.py export` does.

    Raises: UserError, as `load_instrument` and `write_program` do.
    """
    instrument = load_instrument(run, device="cpu")
    return write_program(instrument, instrument.run_folder, Path(path))


def _inputs(instrument: Instrument) -> dict[str, Tensor]:
    """Two notes, since a batch of one would be taken for a fixed size."""
    inputs = {"latent": torch.cat([instrument.latent(seed) for seed in (0, 1)])}
    if instrument.table.values:
        inputs["labels"] = torch.cat([instrument.labels(seed, {}) for seed in (0, 1)])
    return inputs


def _difference(instrument: Instrument, network: PlayableNetwork, inputs: Mapping[str, Tensor]) -> float:
    labels = inputs.get("labels", torch.zeros(2, 0, dtype=torch.int64))
    ours = np.stack([fit_full_scale(wave)[0] for wave in instrument.play((0, 1), labels)])
    with torch.no_grad():
        waves: Tensor = network(*inputs.values())
    return float((waves - torch.from_numpy(ours)).abs().max())  # NaN if any sample is: Python's max may pass over it


def program_card(instrument: Instrument) -> dict[str, Any]:
    """What a player of the program needs, as JSON values."""
    values = instrument.table.to_plain()
    words = {name: [value_in_words(name, value) for value in listed] for name, listed in values.items()}
    quantities = {name: [0, LAST_LABEL] for name, listed in values.items() if is_quantity(listed)}
    latent = {"latent": ["batch", instrument.networks.ema.latent_dim]}
    return {
        "made_by": MADE_BY,
        **instrument.to_plain(),
        "representation": instrument.experiment.transform.transform,
        "inputs": latent | ({"labels": ["batch", len(values)]} if values else {}),
        "output": {"wave": ["batch", instrument.transform.n_samples]},
        "attributes": values,
        "attributes_in_words": words,
    } | ({"labels_of_quantities": quantities} if quantities else {})


def _onnx(exported: torch.export.ExportedProgram, inputs: Mapping[str, Tensor], texts: Mapping[str, str]) -> bytes:
    program = torch.onnx.export(
        exported, dynamo=True, input_names=list(inputs), output_names=["wave"], external_data=False, verbose=False
    )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    program.model.metadata_props.update(texts)
    return bytes(program.model_proto.SerializeToString())


def _torchscript(
    exported: torch.export.ExportedProgram, inputs: Mapping[str, Tensor], texts: Mapping[str, str]
) -> bytes:
    traced = torch.jit.trace(exported.module(), tuple(inputs.values()), check_trace=False)  # type: ignore[no-untyped-call]
    buffer = io.BytesIO()
    torch.jit.save(traced, buffer, _extra_files=dict(texts))
    return buffer.getvalue()


_LANGUAGES: Mapping[str, Callable[[torch.export.ExportedProgram, Mapping[str, Tensor], Mapping[str, str]], bytes]] = {
    ".onnx": _onnx,
    ".ts": _torchscript,
}


@contextmanager
def _silent() -> Iterator[None]:
    """Torch warns that TorchScript is an old format, and of packages that are not needed here."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _is_there(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def _is_own(path: Path) -> bool:
    card = path if path.suffix == ".json" else card_of(path)
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("made_by") == MADE_BY
