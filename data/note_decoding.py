"""Many notes decoded at once by threads, each to the same number of 16-bit samples."""

import hashlib
import os
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from data.audio_io import quantise
from data.note_losses import NoteLosses, losses_of
from data.note_records import NoteRecord
from data.sound_reading import read_sound
from utils.errors import DataError

DECODER = f"soundfile {soundfile.__version__} ({soundfile.__libsndfile_version__}), soxr {soxr.__version__} VHQ"
"""What the samples may depend on beside the files and the settings."""

_MOST_THREADS = 8  # more of them spend their time waiting for Python's lock


@dataclass(frozen=True)
class DecodedNote:
    """The samples of one note, cropped or padded, and what was done to it."""

    samples: npt.NDArray[np.int16]  # (n_samples,), little-endian
    length: int  # samples of the note before it was cropped or padded
    clipped: int  # samples
    digest: bytes  # SHA-256 of `samples`
    losses: NoteLosses


def decode_notes(
    records: Iterable[NoteRecord], *, sample_rate: int, n_samples: int, workers: int | None = None
) -> Generator[DecodedNote | str, None, None]:
    """Each note decoded, in the order given; for a note that cannot be read, a line that says why.

    `workers` threads decode (None: one per CPU core, at most 8). They stay at most 4 notes each ahead of the caller, so
    that few notes are in memory.
    """
    workers = workers or min(_MOST_THREADS, os.cpu_count() or 1)
    pending: deque[Future[DecodedNote | str]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for record in records:
            pending.append(pool.submit(_decode, record, sample_rate, n_samples))
            if len(pending) >= 4 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _decode(record: NoteRecord, sample_rate: int, n_samples: int) -> DecodedNote | str:
    try:
        sound = read_sound(record.path, sample_rate, n_samples)
    except DataError as error:
        return str(error)
    samples = np.zeros(n_samples, dtype="<i2")
    kept, clipped = quantise(sound.samples)
    samples[: len(kept)] = kept
    digest = hashlib.sha256(samples.tobytes()).digest()
    return DecodedNote(samples, sound.length, clipped, digest, losses_of(sound, sample_rate))
