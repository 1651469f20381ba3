"""Notes that networks hear: read from files or made by a run, at the sample rate that is asked for."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor

from data.audio_io import INT16_SCALE, quantise
from data.note_cache import NoteCache, open_note_cache
from data.note_records import NoteRecord
from utils.arrays import Int64Array
from utils.files import require_disk_space


class Notes(Protocol):
    """Notes of one sample rate and length; `data.note_cache.NoteCache` has those of files."""

    records: list[NoteRecord]

    def __len__(self) -> int:
        """Number of notes."""

    def waves(self, rows: Sequence[int] | Int64Array) -> Tensor:
        """Waves (len(rows), n_samples) float32 in [-1, 1), on the CPU."""


class MadeNotes:
    """Notes that were made, not read: rounded to 16 bits as in a WAV, so that they give the features of their files.

    Their samples are kept in a temporary file without a name, so that the disk bounds their number, not the memory.
    """

    def __init__(self, records: Sequence[NoteRecord], waves: Iterable[npt.NDArray[np.floating]]) -> None:
        """`waves` (n, n_samples) of the `records`; an iterator will do, so that not all floats are in memory at once.

        Raises: ValueError if there are none, if there is not one for each record, if their lengths differ, or if one
        is not finite or beyond full scale: scaling is the caller's choice (`generation.synthesis.fit_full_scale`).
        """
        self.records = list(records)
        rows: npt.NDArray[np.int16] | None = None
        for row, (record, wave) in enumerate(zip(self.records, waves, strict=True)):
            if not np.abs(wave).max(initial=0.0) <= 1:
                raise ValueError(f"{record.name}: not finite, or beyond full scale; scale the wave to [-1, 1] first")
            if rows is None:
                require_room_for_made(len(self.records), len(wave))
                with tempfile.TemporaryFile() as kept:  # the map outlives it
                    rows = np.memmap(kept, dtype=np.int16, mode="w+", shape=(len(self.records), len(wave)))
            if wave.shape != rows.shape[1:]:
                raise ValueError(f"{record.name}: {wave.shape} samples, {rows.shape[1:]} in the first")
            rows[row], _ = quantise(wave)
        if rows is None:
            raise ValueError("no notes")
        self._waves = rows

    def __len__(self) -> int:
        return len(self.records)

    def waves(self, rows: Sequence[int] | Int64Array) -> Tensor:
        """Waves (len(rows), n_samples) float32 in [-1, 1), on the CPU."""
        return torch.from_numpy(self._waves[list(rows)]).to(torch.float32).div_(INT16_SCALE)


def require_room_for_made(n_notes: int, n_samples: int) -> None:
    """Raise UserError unless `MadeNotes` of so many notes have room on the disk. Call it before they are made."""
    advice = "ask for fewer notes, or set TMPDIR to a folder on another disk"
    require_disk_space(Path(tempfile.gettempdir()), n_notes * n_samples * np.dtype(np.int16).itemsize, advice)


NoteSource = Callable[[int, int], AbstractContextManager[Notes]]
"""(sample rate in Hz, n_samples) -> the notes at that rate; `n_samples` of each are enough."""


class Reader(Protocol):
    """Opens the notes of files at a sample rate in Hz; `decoded` is one."""

    def __call__(
        self, records: Sequence[NoteRecord], sample_rate: int, n_samples: int, skip_broken: bool = False
    ) -> AbstractContextManager[Notes]:
        """With `skip_broken`, notes that cannot be read are left out. Raises: DataError."""


def made_notes(notes: MadeNotes, sample_rate: int) -> NoteSource:
    """`notes`, which are at `sample_rate` Hz; at another rate as `data.audio_io.read_audio` would read their files."""

    def opened(wanted_rate: int, n_samples: int) -> AbstractContextManager[Notes]:
        if wanted_rate == sample_rate:
            return nullcontext(notes)
        waves = (notes.waves([row])[0].numpy() for row in range(len(notes)))
        resampled = (soxr.resample(wave, sample_rate, wanted_rate, quality="VHQ")[:n_samples] for wave in waves)
        return nullcontext(MadeNotes(notes.records, (wave.clip(-1, 1) for wave in resampled)))

    return opened


@contextmanager
def decoded(
    records: Sequence[NoteRecord], sample_rate: int, n_samples: int, skip_broken: bool = False
) -> Iterator[NoteCache]:
    """The notes of files as training hears them, in a temporary folder: one rate, cropped or padded, 16 bits.

    With `skip_broken`, notes that cannot be read are left out, and named in a warning.
    Raises: DataError listing the notes that cannot be read, or if there are none.
    """
    with tempfile.TemporaryDirectory(prefix="notes-") as folder:
        yield open_note_cache(
            records, Path(folder), sample_rate=sample_rate, n_samples=n_samples, skip_broken=skip_broken
        )
