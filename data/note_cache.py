"""Every note decoded once, into one memory-mapped array of 16-bit samples on disk.

A cache is a folder `<key>/` with `waves.npy` (N, n_samples) int16 and `card.json`, which says how it was made.
The key is a hash of the notes and settings: a changed file or setting makes a new cache, so no cache is out of date.
"""

import hashlib
import json
import logging
import re
import shutil
import time
import zlib
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from data.audio_io import INT16_SCALE
from data.note_cache_card import BrokenNote, CacheCard
from data.note_decoding import DECODER, decode_notes
from data.note_records import NoteRecord
from utils.cli import show_progress
from utils.errors import DataError
from utils.files import atomic_folder, explained_write_errors, remove_partial_folders, require_disk_space, write_json
from utils.folder_lock import FolderLock
from utils.regular_files import read_regular
from utils.spelling import counted

logger = logging.getLogger(__name__)

CACHE_FORMAT = 2
WAVES_NAME = "waves.npy"
CARD_NAME = "card.json"

_LARGEST_CARD = 2_000_000_000  # bytes
_OLD_LEFTOVER = re.compile(r"\.[0-9a-f]{32}\..+\.[0-9]+\.[0-9a-f]+\.tmp")  # .KEY.HOST.PROCESS.RANDOM.tmp
_ABANDONED = 24 * 3600  # s without a write, after which nobody writes any more
_DISK_MARGIN = 10_000_000  # bytes left free beside the samples, for the card and for others


class NoteCache:
    """The decoded notes: `records` in row order, and their waves, read from disk when asked for."""

    def __init__(
        self, place: Path, records: Sequence[NoteRecord], waves: npt.NDArray[np.int16], card: CacheCard
    ) -> None:
        """`waves` (N, n_samples) in the folder `place` holds the samples of `records`, row by row."""
        self.place = place
        self.records = list(records)
        self.card = card
        self._waves = waves
        self._is_checked = np.zeros(len(self.records), dtype=bool)  # rows whose checksum was compared

    def __len__(self) -> int:
        return len(self.records)

    @property
    def n_samples(self) -> int:
        """Length of every wave."""
        return self.card.n_samples

    @property
    def sample_rate(self) -> int:
        """Sample rate of every wave, in Hz."""
        return self.card.sample_rate

    def waves(self, indices: Sequence[int] | npt.NDArray[np.int64] | Tensor) -> Tensor:
        """Waves (B, n_samples) float32 in [-1, 1) of the notes at `indices` (B,), on the CPU: 16-bit k is k / 32768.

        A row is compared with its checksum when it is read first.
        Raises: IndexError if an index is outside 0 ... len - 1; DataError if the samples have changed on the disk.
        """
        rows = torch.as_tensor(indices, dtype=torch.int64, device="cpu").numpy()
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"indices must lie in 0 ... {len(self) - 1}, got {rows.min()} ... {rows.max()}")
        samples = self._waves[rows]
        self._check(rows, samples)
        return torch.from_numpy(samples).to(torch.float32).div_(INT16_SCALE)

    def _check(self, rows: npt.NDArray[np.int64], samples: npt.NDArray[np.int16]) -> None:
        for place in np.flatnonzero(~self._is_checked[rows]):
            row = int(rows[place])
            if zlib.crc32(samples[place].data) != self.card.checksums[row]:
                raise DataError(
                    f"{self.place}: the samples of {self.records[row].name} have changed on the disk; remove this "
                    "folder, and the same command decodes the notes again"
                )
            self._is_checked[row] = True


def open_note_cache(
    records: Sequence[NoteRecord],
    folder: Path,
    *,
    sample_rate: int,
    n_samples: int,
    skip_broken: bool = False,
    workers: int | None = None,
) -> NoteCache:
    """Open the cache of `records` under `folder`, decoding the notes first if there is none or it is damaged.

    Longer notes keep their first `n_samples`, shorter ones are padded with zeros; both are counted in the log.
    `workers` threads decode (None: one per CPU core, at most 8). Several processes may ask for the same cache at once.
    Raises: DataError listing the notes that cannot be read, unless `skip_broken`, which leaves them out of
    `NoteCache.records`; UserError if the disk is full or may not be written.
    """
    if not records:
        raise DataError("no notes to decode; select at least one")
    _clear_old_leftovers(folder)
    wanted = _Wanted(records, sample_rate, n_samples, folder / _cache_key(records, sample_rate, n_samples))
    cache: NoteCache | None = None
    with suppress(OSError, ValueError):
        cache = _open_existing(wanted)
    if cache is None:  # the error is forgotten by now, which would keep a damaged file open
        cache = _build(wanted, skip_broken, workers)
    if not skip_broken:
        cache.card.refuse_broken()
    cache.card.log(wanted.place)
    return cache


def _clear_old_leftovers(folder: Path) -> None:
    """Remove what killed processes of earlier versions left half written, which lies there under other names."""
    for path in folder.glob(".*.tmp"):
        if not _OLD_LEFTOVER.fullmatch(path.name):
            continue
        with suppress(OSError):  # another process removes it too, or may alone
            written = [path, *path.iterdir()] if path.is_dir() else [path]
            if time.time() - max(each.stat().st_mtime for each in written) < _ABANDONED:
                logger.info(
                    "%s: an earlier version of this program writes there, or was killed; if so, remove it", path
                )
            else:
                logger.info("%s: left by an earlier version of this program that was killed; removing it", path)
                shutil.rmtree(path) if path.is_dir() else path.unlink()


class _Wanted(NamedTuple):
    """The cache asked for: its notes, its settings, and its folder `place`, named by its key."""

    records: Sequence[NoteRecord]
    sample_rate: int
    n_samples: int
    place: Path


def _cache_key(records: Sequence[NoteRecord], sample_rate: int, n_samples: int) -> str:
    """Hash of everything that the samples depend on; `skip_broken` only decides whether they may be used."""
    digest = hashlib.sha256(json.dumps([CACHE_FORMAT, sample_rate, n_samples, len(records)]).encode())
    for record in records:
        try:
            state = record.path.stat()
            version = [state.st_size, state.st_mtime_ns]
        except OSError:  # decoding will say what is wrong with the file
            version = []
        digest.update(json.dumps([record.name, str(record.path.absolute()), *version]).encode())
    return digest.hexdigest()[:32]


def _open_existing(wanted: _Wanted) -> NoteCache:
    """The cache on disk. Raises: OSError if it is not there, this or ValueError if it is damaged."""
    card = CacheCard.model_validate_json(read_regular(wanted.place / CARD_NAME, _LARGEST_CARD))
    broken = {note.index for note in card.broken}
    kept = [record for index, record in enumerate(wanted.records) if index not in broken]
    if (card.key, card.names) != (wanted.place.name, [record.name for record in kept]):
        raise ValueError(f"{CARD_NAME} describes other notes")
    if len(card.checksums) != len(kept):
        raise ValueError(
            f"{CARD_NAME} has {counted(len(card.checksums), 'checksum')}, for {counted(len(kept), 'note')}"
        )
    return NoteCache(wanted.place, kept, _map_waves(wanted.place / WAVES_NAME, (len(kept), wanted.n_samples)), card)


def _map_waves(path: Path, shape: tuple[int, int]) -> npt.NDArray[np.int16]:
    waves = np.lib.format.open_memmap(path, mode="r")
    if waves.shape != shape or waves.dtype != np.int16:
        raise ValueError(f"{path.name} holds {waves.dtype} {waves.shape} instead of int16 {shape}")
    if path.stat().st_size != waves.offset + waves.nbytes:
        raise ValueError(f"{path.name} has {path.stat().st_size - waves.offset - waves.nbytes} bytes too many")
    return np.asarray(waves)


def _build(wanted: _Wanted, skip_broken: bool, workers: int | None) -> NoteCache:
    """Decode the notes, unless another process does so now; a damaged cache is removed first, which the log says."""
    place = wanted.place
    with explained_write_errors(place), FolderLock(place) as lock:
        if not lock.acquire():
            logger.info("%s: another process is decoding these notes; waiting for it to end", place)
            lock.acquire(wait=True)
        if place.exists():
            try:
                return _open_existing(wanted)
            except (OSError, ValueError) as error:
                logger.warning("%s: damaged cache (%s); decoding the notes again", place, " ".join(str(error).split()))
            # the error is forgotten by now: it would keep the file open, and Windows removes no open file
            shutil.rmtree(place)
        remove_partial_folders(place.parent)
        needed = len(wanted.records) * wanted.n_samples * np.dtype(np.int16).itemsize
        require_disk_space(place.parent, needed + _DISK_MARGIN)
        with atomic_folder(place, lock=lock) as folder:
            card = _decode_all(wanted, folder / WAVES_NAME, workers)
            if not skip_broken or not card.names:
                card.refuse_broken()
            write_json(folder / CARD_NAME, card.model_dump())
        return _open_existing(wanted)


def _decode_all(wanted: _Wanted, path: Path, workers: int | None) -> CacheCard:
    """Write the samples of all readable notes to the .npy file `path`."""
    rate, length = wanted.sample_rate, wanted.n_samples
    card = CacheCard(key=wanted.place.name, sample_rate=rate, n_samples=length, decoder=DECODER)
    decoding = decode_notes(wanted.records, sample_rate=rate, n_samples=length, workers=workers)
    with path.open("wb") as file, closing(decoding) as notes:  # closing waits for the threads after an error, too
        _write_header(file, (len(wanted.records), length))
        bar = tqdm(notes, "decoding notes", len(wanted.records), disable=not show_progress(), delay=2)
        for index, (record, note) in enumerate(zip(wanted.records, bar, strict=True)):
            if isinstance(note, str):
                card.broken.append(BrokenNote(index=index, name=record.name, fault=note))
            else:
                file.write(note.samples.tobytes())
                card.add(record.name, note)
        # The header has room to spare, so that it keeps its size when broken notes make N smaller.
        file.seek(0)
        _write_header(file, (len(card.names), length))
    return card


def _write_header(file: BinaryIO, shape: tuple[int, int]) -> None:
    header = {"descr": "<i2", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
