"""One side of a score: the features of notes, with their labels and where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evaluation.embeddings.features import Features
from evaluation.scoring.note_labels import NoteLabels
from utils.arrays import Float32Array, Int64Array


@dataclass(frozen=True, kw_only=True)
class HeardNotes:
    """Features of n notes: by name of the embedding, its arrays (n, ...)."""

    arrays: Mapping[str, Mapping[str, Float32Array]]

    @classmethod
    def of(cls, heard: Mapping[str, Features]) -> "HeardNotes":
        """The arrays of what `evaluation.embeddings.features.hear` gives."""
        return cls(arrays={embedding: features.arrays for embedding, features in heard.items()})

    @property
    def instruments(self) -> Int64Array | None:
        """The instrument of each note (n,), -1 where nothing names it; None if nothing is known of any."""
        return None


@dataclass(frozen=True, kw_only=True)
class Side(HeardNotes):
    """Everything that scores need; `sha256` by name of the embedding, as `Features.sha256`."""

    source: str
    sha256: Mapping[str, str]
    labels: NoteLabels
    origin: Mapping[str, Any]
    """Where the notes come from, as JSON values, without the names of files."""

    @property
    def instruments(self) -> Int64Array | None:
        """See above."""
        return self.labels.instruments.astype(np.int64)

    def of_rows(self, rows: Int64Array) -> "Side":
        """The same side with those notes only."""
        arrays = {name: {key: array[rows] for key, array in each.items()} for name, each in self.arrays.items()}
        return replace(self, arrays=arrays, labels=self.labels.of_rows(rows))

    def __len__(self) -> int:
        """Number of notes."""
        return len(self.labels.pitches)
