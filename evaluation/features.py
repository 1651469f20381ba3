"""Notes through an embedding, each once: what was computed before is read back, whatever the order of the notes."""

import hashlib
import json
import logging
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from data.note_cache import NoteCache, open_note_cache
from data.nsynth import NoteRecord
from utils.cli import show_progress
from utils.files import atomic_path

logger = logging.getLogger(__name__)

Array = npt.NDArray[np.float32]

SHARD = 256  # notes; an interrupted evaluation loses less than one shard
_BATCH = 32  # notes at once, and always the same ones together: rounding depends on what is computed in one go


class Embedding(Protocol):
    """A network that turns notes into numbers.

    `identity` holds all that shapes the numbers (the weights' hash, settings, precision) as JSON values: it is the key
    of what is cached, and belongs into the card of every score.
    """

    name: str
    sample_rate: int  # Hz
    n_samples: int

    @property
    def identity(self) -> Mapping[str, Any]:
        """See above."""

    def embed(self, waves: Tensor) -> dict[str, Tensor]:
        """Waves (B, n_samples) float32 in [-1, 1] on the CPU -> float32 arrays (B, ...) on the CPU, by name."""


@dataclass(frozen=True)
class Features:
    """What an embedding makes of notes: `arrays` (n, ...) float32 by name, rows in the order of `records`."""

    records: list[NoteRecord]
    arrays: dict[str, Array]
    sha256: str  # of the audio and the embedding; the notes' order and names do not enter


def embed_notes(
    records: Sequence[NoteRecord], embedding: Embedding, folder: Path, *, skip_broken: bool = False
) -> Features:
    """The features of `records`: those kept in `folder` are read back, the others computed and kept there.

    Notes are brought to the embedding's rate, cropped or padded with silence to its length, and rounded to 16 bits, as
    for training. Notes that are alike share what is computed. With `skip_broken` those that cannot be read are left
    out, and named in a warning.
    Raises: DataError listing the notes that cannot be read; UserError if `folder` cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="notes-") as temporary:
        notes = open_note_cache(
            records,
            Path(temporary),
            sample_rate=embedding.sample_rate,
            n_samples=embedding.n_samples,
            skip_broken=skip_broken,
        )
        contents = _hashes(notes)
        distinct = {content: row for row, content in enumerate(contents)}
        # sorted by content, so that neither the order nor the names of the notes decide over shards and batches
        ordered = sorted(distinct)
        digest = hashlib.sha256()
        parts: list[dict[str, Array]] = []
        with tqdm(
            total=len(ordered), desc=embedding.name, unit="note", disable=not show_progress(), leave=False
        ) as bar:
            for start in range(0, len(ordered), SHARD):
                shard = ordered[start : start + SHARD]
                key = _key(embedding, shard)
                rows = [distinct[content] for content in shard]
                parts.append(_shard(folder / f"{key}.npz", notes, rows, embedding))
                digest.update(key.encode())
                bar.update(len(shard))
    places = {content: place for place, content in enumerate(ordered)}
    rows = [places[content] for content in contents]
    arrays = {name: np.concatenate([part[name] for part in parts])[rows] for name in parts[0]}
    digest.update(json.dumps(sorted(contents)).encode())
    return Features(notes.records, arrays, digest.hexdigest())


def _hashes(notes: NoteCache) -> list[str]:
    """SHA-256 of each note's samples."""
    return [hashlib.sha256(notes.waves([row]).numpy().tobytes()).hexdigest() for row in range(len(notes))]


def _key(embedding: Embedding, contents: Iterable[str]) -> str:
    settings = [embedding.name, dict(embedding.identity), embedding.sample_rate, embedding.n_samples, *contents]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _shard(path: Path, notes: NoteCache, rows: Sequence[int], embedding: Embedding) -> dict[str, Array]:
    """The arrays of the notes in `rows`, from the file at `path` if it is there and whole."""
    if path.exists():
        try:
            return _read(path, len(rows))
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            logger.warning("%s: damaged features (%s); computing them again", path, " ".join(str(error).split()))
    arrays = _compute(notes, rows, embedding)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own options
    return arrays


def _read(path: Path, n_notes: int) -> dict[str, Array]:
    # opened here, since numpy leaves a file that is no archive open
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    if not arrays or any(len(array) != n_notes or array.dtype != np.float32 for array in arrays.values()):
        raise ValueError(f"does not hold {n_notes} notes")
    return arrays


@torch.inference_mode()
def _compute(notes: NoteCache, rows: Sequence[int], embedding: Embedding) -> dict[str, Array]:
    batches = [embedding.embed(notes.waves(rows[start : start + _BATCH])) for start in range(0, len(rows), _BATCH)]
    return {name: torch.cat([batch[name] for batch in batches]).numpy() for name in batches[0]}
