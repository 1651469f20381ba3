"""What the card of a cache says: how its notes were decoded, and what is odd about them."""

import hashlib
import logging
import zlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, PrivateAttr

from data.note_decoding import DecodedNote
from data.note_losses import LossSummary
from utils.errors import DataError
from utils.spelling import counted

logger = logging.getLogger(__name__)

_LISTED = 10


class BrokenNote(BaseModel):
    """A note that could not be read: its place among the notes asked for, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    index: int
    name: str
    fault: str


class CacheCard(BaseModel):
    """How a cache was made, and what is odd about its notes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str
    sample_rate: int  # Hz
    n_samples: int  # length of every row
    decoder: str
    names: list[str] = []  # one per row
    checksums: list[int] = []  # CRC-32 of each row
    audio_sha256: str = ""  # of that of the rows before, and of the last row
    broken: list[BrokenNote] = []
    silent: list[str] = []
    identical: list[tuple[str, str]] = []  # (first note, later note with the same samples)
    cropped: int = 0  # notes
    padded: int = 0  # notes
    clipped_notes: int = 0
    clipped_samples: int = 0
    losses: LossSummary = LossSummary()

    _first_with: dict[bytes, str] = PrivateAttr(default_factory=dict)  # digest of samples -> name

    def add(self, name: str, note: DecodedNote) -> None:
        """Enter the next row, and what is odd about it."""
        self.names.append(name)
        self.checksums.append(zlib.crc32(note.samples.data))
        self.audio_sha256 = hashlib.sha256(bytes.fromhex(self.audio_sha256) + note.digest).hexdigest()
        self.cropped += note.length > self.n_samples
        self.padded += note.length < self.n_samples
        self.clipped_notes += note.clipped > 0
        self.clipped_samples += note.clipped
        self.losses.add(name, note.losses, self.sample_rate, cropped=note.length > self.n_samples)
        if note.losses.hearing == "silent":
            self.silent.append(name)
        elif note.samples.any() and (first := self._first_with.setdefault(note.digest, name)) != name:
            self.identical.append((first, name))

    def refuse_broken(self) -> None:
        """Raise DataError, which lists the notes that could not be read, if there are any."""
        if self.broken:
            n_notes = len(self.broken) + len(self.names)
            listing = _listing([note.fault for note in self.broken], "")
            raise DataError(f"{len(self.broken)} of {counted(n_notes, 'note')} cannot be used: {listing}")

    def log(self, place: Path) -> None:
        """Log how the notes of the cache at `place` were decoded, and warn of what is odd."""
        logger.info(
            "decoded %s of %d samples at %d Hz; %d cropped, %d padded with zeros",
            *(counted(len(self.names), "note"), self.n_samples, self.sample_rate, self.cropped, self.padded),
        )
        odd = {
            "broken and left out": [note.fault for note in self.broken],
            "silent throughout": self.silent,
            "with the same samples as another": [f"{later} like {first}" for first, later in self.identical],
        }
        for what, notes in odd.items():
            if notes:
                logger.warning("notes %s: %d: %s", what, len(notes), _listing(notes, f", see {place / 'card.json'}"))
        self.losses.log(self.sample_rate, self.n_samples / self.sample_rate)
        if self.clipped_samples:
            logger.warning(
                "samples beyond full scale, which were clipped: %d, of %s",
                *(self.clipped_samples, counted(self.clipped_notes, "note")),
            )


def _listing(faults: list[str], where_all_are: str) -> str:
    more = len(faults) - _LISTED
    return "; ".join(faults[:_LISTED]) + (f"; and {more} more{where_all_are}" if more > 0 else "")
