"""A side of a score in one `.npz` file without audio or names: features, labels, and how they were computed."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from evaluation.embeddings.features import Embedding
from evaluation.scoring.flat_settings import flattened
from evaluation.scoring.metric_card import RESAMPLER, all_versions
from evaluation.scoring.note_labels import NO_INSTRUMENT, NO_PITCH, NoteLabels
from evaluation.scoring.side import Side
from utils.arrays import Float32Array
from utils.config import MIDI_MAX
from utils.errors import UserError
from utils.files import atomic_path
from utils.npz import read_npz
from utils.spelling import counted

logger = logging.getLogger(__name__)

STATISTICS_FORMAT = 1
STATISTICS_SUFFIX = ".npz"


class _SavedEmbedding(BaseModel):
    """How a group of arrays was computed, and their names."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    settings: dict[str, Any]
    sha256: str
    arrays: list[str]


class _StatisticsCard(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: int
    notes: int
    origin: dict[str, Any]
    embeddings: list[_SavedEmbedding]
    instruments: bool = False
    """Whether it says which notes are of one instrument."""
    versions: dict[str, str]


def save_statistics(path: Path, side: Side, embeddings: Sequence[Embedding]) -> None:
    """Write the features of `side` by the `embeddings` to `path`, whole or not at all. Raises: UserError."""
    card = _StatisticsCard(
        format=STATISTICS_FORMAT,
        notes=len(side),
        origin=dict(side.origin),
        embeddings=[
            _SavedEmbedding(
                name=embedding.name,
                settings=_settings(embedding),
                sha256=side.sha256[embedding.name],
                arrays=sorted(side.arrays[embedding.name]),
            )
            for embedding in embeddings
        ],
        instruments=True,
        versions=all_versions(),
    )
    entries: dict[str, npt.NDArray[Any]] = {
        "card": np.array(card.model_dump_json()),
        "pitches": side.labels.pitches,
        "families": side.labels.families,
        "instruments": side.labels.instruments,
    }
    for saved in card.embeddings:
        entries |= {f"{saved.name}/{name}": side.arrays[saved.name][name] for name in saved.arrays}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **entries)  # type: ignore[arg-type]  # numpy's stub takes the names for its own options


def is_statistics(path: Path) -> bool:
    """Whether `path` is a statistics file: it has the card of one."""
    try:
        _StatisticsCard.model_validate_json(str(read_npz(path, ["card"])["card"][()]))
    except (OSError, ValueError, IndexError):
        return False
    return True


def load_statistics(path: Path, embeddings: Sequence[Embedding]) -> Side:
    """The side in the file `path`, with the arrays of those `embeddings` that it has.

    Those of embeddings that had other settings when it was written are left out, with a warning.
    Raises: UserError if it is no such file or damaged, or if all of them had other settings.
    """
    try:
        file = read_npz(path, ["card", "pitches", "families"])
        card = _StatisticsCard.model_validate_json(str(file["card"][()]))
        if card.format != STATISTICS_FORMAT:
            raise ValueError(f"format {card.format}, this version reads {STATISTICS_FORMAT}")
        instruments = read_npz(path, ["instruments"])["instruments"] if card.instruments else None
        labels = _labels(file["pitches"], file["families"], instruments, card.notes)
        wanted = {embedding.name for embedding in embeddings}
        kept = {saved.name: saved for saved in card.embeddings if saved.name in wanted}
        file = read_npz(path, {f"{saved.name}/{name}" for saved in kept.values() for name in saved.arrays})
        arrays = {
            saved.name: {name: _checked(file[f"{saved.name}/{name}"], card.notes) for name in saved.arrays}
            for saved in kept.values()
        }
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; check the path") from error
    except (OSError, ValueError, IndexError) as error:
        what = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: not a statistics file, or damaged ({what}); make it with eval.py statistics"
        ) from error
    pairs = ((each.name, _other_settings(path, each, kept[each.name])) for each in embeddings if each.name in kept)
    faults = {name: fault for name, fault in pairs if fault}
    if faults and faults.keys() == kept.keys():
        raise UserError(next(iter(faults.values())))
    for name, fault in faults.items():
        logger.warning("left out: %s", fault)
        del kept[name]
    return Side(
        source=str(path),
        arrays={name: arrays[name] for name in kept},
        sha256={name: saved.sha256 for name, saved in kept.items()},
        labels=labels,
        origin={"kind": "statistics", "of": card.origin, "versions": card.versions},
    )


def _settings(embedding: Embedding) -> dict[str, Any]:
    """Everything that the features depend on, as JSON values."""
    settings = {
        **embedding.identity,
        "sample_rate": embedding.sample_rate,
        "n_samples": embedding.n_samples,
        "resampler": RESAMPLER,
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def _other_settings(path: Path, embedding: Embedding, saved: _SavedEmbedding) -> str | None:
    """How the settings in the file differ from those of `embedding` now; None if they do not."""
    there, here = flattened(saved.settings), flattened(_settings(embedding))
    for key in sorted(there.keys() | here.keys()):
        if there.get(key) != here.get(key):
            return (
                f"{path}: was made with other settings of {embedding.name}: {key} was {there.get(key)}, now it is "
                f"{here.get(key)}; make the file again with eval.py statistics"
            )
    return None


def _labels(
    pitches: npt.NDArray[Any], families: npt.NDArray[Any], instruments: npt.NDArray[Any] | None, n_notes: int
) -> NoteLabels:
    if n_notes < 1 or pitches.shape != (n_notes,) or families.shape != (n_notes,):
        raise ValueError(f"no labels of {counted(n_notes, 'note')}")
    if pitches.dtype != np.int16 or families.dtype.kind != "U":
        raise ValueError("labels of another type")
    if pitches.min() < NO_PITCH or pitches.max() > MIDI_MAX:
        raise ValueError("pitches that are not MIDI pitches")
    if instruments is None:
        instruments = np.full(n_notes, NO_INSTRUMENT, dtype=np.int32)
    if instruments.shape != (n_notes,) or instruments.dtype != np.int32 or instruments.min() < NO_INSTRUMENT:
        raise ValueError("no instruments of its notes")
    return NoteLabels(pitches, families, instruments)


def _checked(array: npt.NDArray[Any], n_notes: int) -> Float32Array:
    if array.dtype != np.float32 or array.ndim < 2 or len(array) != n_notes:
        raise ValueError(f"{array.dtype} {array.shape} instead of float32 of {counted(n_notes, 'note')}")
    if not np.isfinite(array).all():
        raise ValueError("NaN or infinite values")
    return array
