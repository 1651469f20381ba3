"""One side of a score: notes as numbers, with what was asked of them and where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.scoring.note_labels import NoteLabels
from utils.arrays import Float32Array


@dataclass(frozen=True)
class Side:
    """Notes as numbers: by name of the embedding, its arrays (n, ...) and what `Features.sha256` says of them."""

    source: str
    arrays: Mapping[str, Mapping[str, Float32Array]]
    sha256: Mapping[str, str]
    labels: NoteLabels
    origin: Mapping[str, Any]
    """Where the notes come from, as JSON values, without the names of files."""

    def __len__(self) -> int:
        """Number of notes."""
        return len(self.labels.pitches)
