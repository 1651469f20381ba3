"""The notes whose loss is measured: the same ones in every format that a representation needs."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from torch import Tensor

from data.attributes import AttributeTable
from data.note_cache import open_note_cache
from data.note_dataset import NoteDataset
from data.note_records import NoteRecord
from utils.config import TransformConfig
from utils.errors import DataError


@dataclass(frozen=True)
class AudioFormat:
    """Rate, length and fade of the notes that a representation takes; representations of one format share originals."""

    sample_rate: int  # Hz
    n_samples: int
    fade_out: bool

    @classmethod
    def of(cls, config: TransformConfig) -> Self:
        """The format that `config` takes."""
        return cls(config.sample_rate, config.n_samples, config.fade_out)

    @property
    def name(self) -> str:
        """The format in a few letters, as the name of a folder."""
        return f"{self.sample_rate}hz_{self.n_samples}" + ("_faded" if self.fade_out else "")


class FloorNotes:
    """The same notes in several formats; a note that is silent or broken in one format is left out of all."""

    def __init__(self, datasets: Mapping[AudioFormat, NoteDataset]) -> None:
        """`datasets` hold notes of the same names, as far as they could be read."""
        self.datasets = datasets
        caches = [dataset.cache for dataset in datasets.values()]
        broken = {note.name for cache in caches for note in cache.card.broken}
        self._rows = {
            audio_format: {record.name: row for row, record in enumerate(dataset.cache.records)}
            for audio_format, dataset in datasets.items()
        }
        readable = [record for record in caches[0].records if record.name not in broken]
        silent = {record.name for record in readable if self._is_silent(record)}
        self.records = [record for record in readable if record.name not in silent]
        self.broken, self.silent = sorted(broken), sorted(silent)

    def waves(self, audio_format: AudioFormat, records: Sequence[NoteRecord]) -> Tensor:
        """Waves (B, n_samples) float32 of the notes, on the CPU."""
        rows = self._rows[audio_format]
        return self.datasets[audio_format].batch([rows[record.name] for record in records])[0]

    def _is_silent(self, record: NoteRecord) -> bool:
        return not all(self.waves(audio_format, [record]).any() for audio_format in self.datasets)


@contextmanager
def decoded_notes(
    records: Sequence[NoteRecord], formats: Sequence[AudioFormat], *, skip_broken: bool
) -> Iterator[FloorNotes]:
    """Decode the notes as training does, into a temporary folder, once for each length and rate of the `formats`.

    Raises: DataError listing the notes that cannot be read, unless `skip_broken`, or if no note is left.
    """
    nothing = AttributeTable({})
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        caches = {
            (sample_rate, n_samples): open_note_cache(
                records, Path(folder), sample_rate=sample_rate, n_samples=n_samples, skip_broken=skip_broken
            )
            for sample_rate, n_samples in dict.fromkeys((wanted.sample_rate, wanted.n_samples) for wanted in formats)
        }
        datasets = {}
        for wanted in formats:
            cache = caches[wanted.sample_rate, wanted.n_samples]
            datasets[wanted] = NoteDataset(cache, nothing.encode(cache.records), fade_out=wanted.fade_out)
        notes = FloorNotes(datasets)
        if not notes.records:
            raise DataError(
                f"no note to measure: {len(notes.silent)} of {len(records)} are silent, {len(notes.broken)} broken; "
                "give other notes"
            )
        yield notes
