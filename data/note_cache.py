"""Every note decoded once, into one memory-mapped array of 16-bit samples on disk.

A cache is a folder `<key>/` with `waves.npy` (N, n_samples) int16 and `card.json`, which says how it was made.
The key is a hash of the notes and settings: a changed file or setting makes a new cache, so no cache is out of date.
"""

import errno
import hashlib
import json
import logging
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

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
from utils.errors import DataError, UserError
from utils.files import explained_write_errors, require_disk_space, write_json

logger = logging.getLogger(__name__)

CACHE_FORMAT = 1
WAVES_NAME = "waves.npy"
CARD_NAME = "card.json"

_DISK_MARGIN = 10_000_000  # bytes left free beside the samples, for the card and for others
_IDLE_LIMIT = 24 * 3600  # seconds without a write after which a builder on another machine is taken for dead
_TEMPORARY_NAME = re.compile(r"\.[0-9a-f]+\.(?P<host>.+)\.(?P<pid>\d+)\.[0-9a-f]{8}\.tmp")


class NoteCache:
    """The decoded notes: `records` in row order, and their waves, read from disk when asked for."""

    def __init__(self, records: Sequence[NoteRecord], waves: npt.NDArray[np.int16], card: CacheCard) -> None:
        """`waves` (N, n_samples) holds the samples of `records`, row by row."""
        self.records = list(records)
        self.card = card
        self._waves = waves

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

        Raises: IndexError if an index is outside 0 ... len - 1.
        """
        rows = torch.as_tensor(indices, dtype=torch.int64, device="cpu").numpy()
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"indices must lie in 0 ... {len(self) - 1}, got {rows.min()} ... {rows.max()}")
        return torch.from_numpy(self._waves[rows]).to(torch.float32).div_(INT16_SCALE)


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
    wanted = _Wanted(records, folder, sample_rate, n_samples)
    cache = _open_existing(wanted)
    if cache is None:
        _build(wanted, skip_broken, workers)
        cache = _open_existing(wanted)
    if cache is None:
        raise UserError(f"{wanted.place}: changed by another program while in use; run again")
    if not skip_broken:
        cache.card.refuse_broken()
    cache.card.log(wanted.place)
    return cache


class _Wanted:
    """The cache asked for: its notes, its settings, its key, and its folder `place`."""

    def __init__(self, records: Sequence[NoteRecord], folder: Path, sample_rate: int, n_samples: int) -> None:
        self.records = records
        self.sample_rate = sample_rate
        self.n_samples = n_samples
        self.key = _cache_key(records, sample_rate, n_samples)
        self.place = folder / self.key


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


def _open_existing(wanted: _Wanted) -> NoteCache | None:
    """The cache if it is there and whole; a damaged one is removed, which the log says."""
    place = wanted.place
    if not place.exists():
        return None
    try:
        card = CacheCard.model_validate_json((place / CARD_NAME).read_bytes())
        broken = {note.index for note in card.broken}
        kept = [record for index, record in enumerate(wanted.records) if index not in broken]
        if (card.key, card.names) != (wanted.key, [record.name for record in kept]):
            raise ValueError(f"{CARD_NAME} describes other notes")
        return NoteCache(kept, _map_waves(place / WAVES_NAME, (len(kept), wanted.n_samples)), card)
    except (OSError, ValueError) as error:
        logger.warning("%s: damaged cache (%s); decoding the notes again", place, " ".join(str(error).split()))
        _discard(place)
        return None


def _map_waves(path: Path, shape: tuple[int, int]) -> npt.NDArray[np.int16]:
    waves = np.lib.format.open_memmap(path, mode="r")
    if waves.shape != shape or waves.dtype != np.int16:
        raise ValueError(f"{path.name} holds {waves.dtype} {waves.shape} instead of int16 {shape}")
    if path.stat().st_size != waves.offset + waves.nbytes:
        raise ValueError(f"{path.name} has {path.stat().st_size - waves.offset - waves.nbytes} bytes too many")
    return np.asarray(waves)


def _discard(place: Path) -> None:
    aside = _temporary_path(place)
    with explained_write_errors(place):
        try:
            place.rename(aside)
        except FileNotFoundError:  # another process was faster
            return
        shutil.rmtree(aside)


def _build(wanted: _Wanted, skip_broken: bool, workers: int | None) -> None:
    _remove_abandoned(wanted.place.parent)
    needed = len(wanted.records) * wanted.n_samples * np.dtype(np.int16).itemsize
    require_disk_space(wanted.place.parent, needed + _DISK_MARGIN)
    with explained_write_errors(wanted.place), _temporary_folder(wanted.place) as temporary:
        card = _decode_all(wanted, temporary / WAVES_NAME, workers)
        if not skip_broken or not card.names:
            card.refuse_broken()
        write_json(temporary / CARD_NAME, card.model_dump())
        _publish(temporary, wanted.place)


def _publish(temporary: Path, place: Path) -> None:
    try:
        temporary.rename(place)
    except OSError as error:
        # Another process has finished the same cache meanwhile: its content is equal, so it is used.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _temporary_path(place: Path) -> Path:
    owner = f"{socket.gethostname()}.{os.getpid()}"
    return place.with_name(f".{place.name}.{owner}.{uuid.uuid4().hex[:8]}.tmp")


@contextmanager
def _temporary_folder(place: Path) -> Iterator[Path]:
    temporary = _temporary_path(place)
    temporary.mkdir(parents=True)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove what killed builders left behind; that of living ones, or of other machines lately at work, stays."""
    for path in folder.glob(".*.tmp"):
        match = _TEMPORARY_NAME.fullmatch(path.name)
        if match and (_is_dead(match["host"], int(match["pid"])) or _idle_seconds(path) > _IDLE_LIMIT):
            logger.info("%s: left by a run that was killed; removing it", path)
            shutil.rmtree(path, ignore_errors=True)


def _is_dead(host: str, pid: int) -> bool:
    if host != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # alive, of another user
        return False
    return False


def _idle_seconds(folder: Path) -> float:
    try:
        return time.time() - max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except FileNotFoundError:  # finished at this very moment
        return 0.0


def _decode_all(wanted: _Wanted, path: Path, workers: int | None) -> CacheCard:
    """Write the samples of all readable notes to the .npy file `path`."""
    rate, length = wanted.sample_rate, wanted.n_samples
    card = CacheCard(key=wanted.key, sample_rate=rate, n_samples=length, decoder=DECODER)
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
