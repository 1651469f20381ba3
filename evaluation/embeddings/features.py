"""Features of notes: each note is computed once, and read back later whatever the order of the notes."""

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad
from tqdm import tqdm

from data.note_records import NoteRecord
from evaluation.embeddings.notes import Notes, NoteSource
from utils.arrays import Float32Array
from utils.cli import show_progress
from utils.files import atomic_path
from utils.npz import read_npz
from utils.ranks import ALONE, Ranks
from utils.spelling import counted

logger = logging.getLogger(__name__)

SHARD = 256  # notes; an interrupted evaluation loses less than one shard
_BATCH = 32  # notes at once, and always the same ones together: rounding depends on the batch


class Embedding(Protocol):
    """A network that turns notes into numbers.

    `identity` holds everything that the numbers depend on (the weights' hash, settings, precision) as JSON values: it
    is the key of cached features, and stands on the card of every score.
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
    """The features of notes by one embedding: `arrays` (n, ...) float32 by name, rows in the order of `records`."""

    records: list[NoteRecord]
    arrays: dict[str, Float32Array]
    sha256: str  # of the audio and the embedding, not of the notes' order and names


def hear(
    source: NoteSource, embeddings: Sequence[Embedding], folder: Path | None = None, ranks: Ranks = ALONE
) -> dict[str, Features]:
    """The features of the notes of `source` by each of the `embeddings`, under its name.

    The notes are opened once for each sample rate. `folder` and `ranks` are those of `embed_notes`.
    """
    of_rate: defaultdict[int, list[Embedding]] = defaultdict(list)
    for embedding in embeddings:
        of_rate[embedding.sample_rate].append(embedding)
    found: dict[str, Features] = {}
    for sample_rate, group in of_rate.items():
        with source(sample_rate, max(embedding.n_samples for embedding in group)) as notes:
            features = embed_notes(notes, group, folder, ranks)
        found |= {embedding.name: each for embedding, each in zip(group, features, strict=True)}
    return found


def embed_notes(
    notes: Notes, embeddings: Sequence[Embedding], folder: Path | None, ranks: Ranks = ALONE
) -> list[Features]:
    """The features of `notes` by each of the `embeddings`, which have the notes' sample rate.

    Features in `folder` are read back, others are computed and kept there (None: not kept). An embedding hears the
    first `n_samples` of each note, padded with silence where it is shorter; its features do not depend on the other
    embeddings. Notes with equal samples are computed once. Several `ranks`, which share one `folder`, each compute
    some of the shards.
    Raises: ValueError if the embeddings differ in sample rate; UserError if `folder` cannot be written.
    """
    if len({embedding.sample_rate for embedding in embeddings}) > 1:
        raise ValueError("embeddings of one sample rate only; decode the notes for each rate")
    contents = {n_samples: _hashes(notes, n_samples) for n_samples in {each.n_samples for each in embeddings}}
    if folder and ranks.size > 1:
        for embedding in embeddings:
            for shard in list(_shards(contents[embedding.n_samples]))[ranks.rank :: ranks.size]:
                _shard(_file(folder, embedding, shard), notes, list(shard.values()), embedding)
            ranks.wait()
    return [_features(notes, contents[embedding.n_samples], embedding, folder) for embedding in embeddings]


def _shards(contents: Sequence[str]) -> Iterator[dict[str, int]]:
    """Hash -> a row that has it, at most SHARD at a time.

    Sorted by content, so that shards and batches depend neither on the order nor on the names of the notes.
    """
    distinct = {content: row for row, content in enumerate(contents)}
    ordered = sorted(distinct)
    for start in range(0, len(ordered), SHARD):
        yield {content: distinct[content] for content in ordered[start : start + SHARD]}


def _file(folder: Path, embedding: Embedding, contents: Iterable[str]) -> Path:
    return folder / f"{_key(embedding, contents)}.npz"


def _features(notes: Notes, contents: Sequence[str], embedding: Embedding, folder: Path | None) -> Features:
    """`contents`: hashes of the samples that `embedding` hears."""
    n_distinct = len(set(contents))
    digest = hashlib.sha256()
    parts: list[dict[str, Float32Array]] = []
    with tqdm(total=n_distinct, desc=embedding.name, unit="note", disable=not show_progress(), leave=False) as bar:
        for shard in _shards(contents):
            path = folder and _file(folder, embedding, shard)
            parts.append(_shard(path, notes, list(shard.values()), embedding))
            digest.update(_key(embedding, shard).encode())
            bar.update(len(shard))
    places = {content: place for place, content in enumerate(sorted(set(contents)))}
    rows = [places[content] for content in contents]
    arrays = {name: np.concatenate([part[name] for part in parts])[rows] for name in parts[0]}
    digest.update(json.dumps(sorted(contents)).encode())
    return Features(list(notes.records), arrays, digest.hexdigest())


def _hashes(notes: Notes, n_samples: int) -> list[str]:
    """SHA-256 of the first `n_samples` of each note."""
    return [
        hashlib.sha256(wave.numpy().tobytes()).hexdigest()
        for start in range(0, len(notes), _BATCH)
        for wave in _heard(notes, range(start, min(start + _BATCH, len(notes))), n_samples)
    ]


def _heard(notes: Notes, rows: Sequence[int], n_samples: int) -> Tensor:
    """Waves (len(rows), n_samples), cropped or padded with zeros."""
    waves = notes.waves(rows)[:, :n_samples]
    return pad(waves, (0, n_samples - waves.shape[1]))


def _key(embedding: Embedding, contents: Iterable[str]) -> str:
    settings = [embedding.name, dict(embedding.identity), embedding.sample_rate, embedding.n_samples, *contents]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _shard(path: Path | None, notes: Notes, rows: Sequence[int], embedding: Embedding) -> dict[str, Float32Array]:
    """The arrays of the notes in `rows`, from the file at `path` if it is there and whole."""
    if path is None:
        return _compute(notes, rows, embedding)
    if path.exists():
        try:
            return _read(path, len(rows))
        except (OSError, ValueError) as error:
            logger.warning("%s: damaged features (%s); computing them again", path, " ".join(str(error).split()))
    arrays = _compute(notes, rows, embedding)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own options
    return arrays


def _read(path: Path, n_notes: int) -> dict[str, Float32Array]:
    arrays = read_npz(path)
    if not arrays or any(array.shape[:1] != (n_notes,) or array.dtype != np.float32 for array in arrays.values()):
        raise ValueError(f"does not hold {counted(n_notes, 'note')}")
    return arrays


@torch.inference_mode()
def _compute(notes: Notes, rows: Sequence[int], embedding: Embedding) -> dict[str, Float32Array]:
    batches = [
        embedding.embed(_heard(notes, rows[start : start + _BATCH], embedding.n_samples))
        for start in range(0, len(rows), _BATCH)
    ]
    return {name: torch.cat([batch[name] for batch in batches]).numpy() for name in batches[0]}
