"""Notes through embeddings, each once: what was computed before is read back, whatever the order of the notes."""

import hashlib
import json
import logging
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import pad
from tqdm import tqdm

from data.audio_io import INT16_SCALE, quantise
from data.note_cache import NoteCache, open_note_cache
from data.note_records import NoteRecord
from utils.arrays import Float32Array
from utils.cli import show_progress
from utils.files import atomic_path
from utils.ranks import ALONE, Ranks

logger = logging.getLogger(__name__)

SHARD = 256  # notes; an interrupted evaluation loses less than one shard
_BATCH = 32  # notes at once, and always the same ones together: rounding depends on what is computed in one go


class Notes(Protocol):
    """Notes of one sample rate and length; `data.note_cache.NoteCache` has those of files."""

    records: list[NoteRecord]

    def __len__(self) -> int:
        """Number of notes."""

    def waves(self, rows: Sequence[int]) -> Tensor:
        """Waves (len(rows), n_samples) float32 in [-1, 1), on the CPU."""


class NotesInMemory:
    """Notes that were made, not read: rounded to 16 bits as in a WAV, so that they count as the same notes."""

    def __init__(self, records: Sequence[NoteRecord], waves: Iterable[npt.NDArray[np.floating]]) -> None:
        """`waves` (n, n_samples) of the `records`; an iterator serves too, so that floats need not pile up.

        Raises: ValueError if there are none, if there is not one for each record, if their lengths differ, or if one
        is not finite or beyond full scale: scaling is the caller's choice (`generation.synthesis.fit_full_scale`).
        """
        self.records = list(records)
        rows: npt.NDArray[np.int16] | None = None
        for row, (record, wave) in enumerate(zip(self.records, waves, strict=True)):
            if not np.abs(wave).max(initial=0.0) <= 1:
                raise ValueError(f"{record.name}: not finite, or beyond full scale; scale the wave to [-1, 1] first")
            if rows is None:
                rows = np.empty((len(self.records), len(wave)), dtype=np.int16)
            if wave.shape != rows.shape[1:]:
                raise ValueError(f"{record.name}: {wave.shape} samples, {rows.shape[1:]} in the first")
            rows[row], _ = quantise(wave)
        if rows is None:
            raise ValueError("no notes")
        self._waves = rows

    def __len__(self) -> int:
        """Number of notes."""
        return len(self.records)

    def waves(self, rows: Sequence[int]) -> Tensor:
        """Waves (len(rows), n_samples) float32 in [-1, 1), on the CPU."""
        return torch.from_numpy(self._waves[list(rows)]).to(torch.float32).div_(INT16_SCALE)


@contextmanager
def decoded(
    records: Sequence[NoteRecord], sample_rate: int, n_samples: int, skip_broken: bool = False
) -> Iterator[NoteCache]:
    """The notes of files as training hears them, in a temporary folder: one rate, cropped or padded, 16 bits.

    With `skip_broken` those that cannot be read are left out, and named in a warning.
    Raises: DataError listing the notes that cannot be read, or if there are none.
    """
    with tempfile.TemporaryDirectory(prefix="notes-") as folder:
        yield open_note_cache(
            records, Path(folder), sample_rate=sample_rate, n_samples=n_samples, skip_broken=skip_broken
        )


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
    arrays: dict[str, Float32Array]
    sha256: str  # of the audio and the embedding; the notes' order and names do not enter


def embed_notes(
    notes: Notes, embeddings: Sequence[Embedding], folder: Path | None, ranks: Ranks = ALONE
) -> list[Features]:
    """The features of `notes` by each of the `embeddings`, which are of the notes' sample rate.

    What `folder` holds is read back, the rest computed and kept there (None: nothing is kept). An embedding hears the
    first `n_samples` of each note, padded with silence where it is shorter; what it makes of them does not depend on
    the other embeddings. Notes that sound alike to it share what is computed. Of several `ranks`, which see one
    `folder`, each computes some of the shards.
    Raises: ValueError if the embeddings differ in sample rate; UserError if `folder` cannot be written.
    """
    if len({embedding.sample_rate for embedding in embeddings}) > 1:
        raise ValueError("embeddings of one sample rate only; decode the notes for each rate")
    contents = {n_samples: _hashes(notes, n_samples) for n_samples in {each.n_samples for each in embeddings}}
    if folder and ranks.size > 1:
        for embedding in embeddings:
            _keep_own_shards(notes, contents[embedding.n_samples], embedding, folder, ranks)
    return [_features(notes, contents[embedding.n_samples], embedding, folder) for embedding in embeddings]


def _keep_own_shards(notes: Notes, contents: Sequence[str], embedding: Embedding, folder: Path, ranks: Ranks) -> None:
    for shard in list(_shards(contents))[ranks.rank :: ranks.size]:
        _shard(_file(folder, embedding, shard), notes, list(shard.values()), embedding)
    ranks.any(False)  # all are there


def _shards(contents: Sequence[str]) -> Iterator[dict[str, int]]:
    """Hash -> a row that has it, at most SHARD at a time.

    Sorted by content, so that neither the order nor the names of the notes decide over shards and batches.
    """
    distinct = {content: row for row, content in enumerate(contents)}
    ordered = sorted(distinct)
    for start in range(0, len(ordered), SHARD):
        yield {content: distinct[content] for content in ordered[start : start + SHARD]}


def _file(folder: Path, embedding: Embedding, contents: Iterable[str]) -> Path:
    return folder / f"{_key(embedding, contents)}.npz"


def _features(notes: Notes, contents: Sequence[str], embedding: Embedding, folder: Path | None) -> Features:
    """Of notes whose samples, as `embedding` hears them, have the hashes `contents`."""
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
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            logger.warning("%s: damaged features (%s); computing them again", path, " ".join(str(error).split()))
    arrays = _compute(notes, rows, embedding)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own options
    return arrays


def _read(path: Path, n_notes: int) -> dict[str, Float32Array]:
    # opened here, since numpy leaves a file that is no archive open
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    if not arrays or any(len(array) != n_notes or array.dtype != np.float32 for array in arrays.values()):
        raise ValueError(f"does not hold {n_notes} notes")
    return arrays


@torch.inference_mode()
def _compute(notes: Notes, rows: Sequence[int], embedding: Embedding) -> dict[str, Float32Array]:
    batches = [
        embedding.embed(_heard(notes, rows[start : start + _BATCH], embedding.n_samples))
        for start in range(0, len(rows), _BATCH)
    ]
    return {name: torch.cat([batch[name] for batch in batches]).numpy() for name in batches[0]}
