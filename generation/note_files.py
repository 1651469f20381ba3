"""Generated notes as files: each as a wav with a JSON card, and sequences of notes as one wav."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from data.audio_io import write_wav
from generation.own_cards import IN_WORDS, CardKind, own_file_of
from generation.playing.sound_file import BYTES, bytes_while_writing
from generation.synthesis import Wave
from utils.errors import UserError
from utils.files import require_disk_space, write_json
from utils.own_files import require_replaceable
from utils.pictures import save_rainbowgrams

logger = logging.getLogger(__name__)

MOST_IN_PICTURE = 32
MOST_IN_SEQUENCE = 20_000
_BESIDE_SAMPLES = 3 * 4096  # bytes: a note's header and its card, and what the file system rounds up


@dataclass(frozen=True)
class Note:
    """A generated note (n_samples,): name of its files, title in pictures, and the part of its card that is its own."""

    name: str
    title: str
    wave: Wave
    details: dict[str, Any]

    def to_plain(self) -> dict[str, Any]:
        """The entry of the note in a card that lists several, as JSON values."""
        return {"file": f"{self.name}.wav", "title": self.title, **self.details}


@dataclass(frozen=True)
class Written:
    """How many wavs were written, the first of them, and the last."""

    count: int
    first: Path
    last: Path


@dataclass(frozen=True)
class NoteFolder:
    """The folder that notes of `n_samples` at `sample_rate` Hz are written to.

    `origin` is the part of the card that all share.
    """

    folder: Path
    origin: dict[str, Any]
    sample_rate: int
    n_samples: int
    bits: str = "16"  # one of `data.audio_io.SUBTYPES`
    file_rate: int | None = None  # Hz, of the wav files; None: that of the notes
    inputs: tuple[Path, ...] = ()  # files that the notes are made of, which no output may replace

    def require_room(self, n_notes: int, *, in_sequences: int = 0, gap: float = 0.0) -> None:
        """Raise UserError unless the disk has room for `n_notes`, and `in_sequences` with `gap` s between them.

        Call it before the notes are made.
        """
        kept = BYTES["float"]  # until the gain is known
        needed = n_notes * (self.length_in_file(self.n_samples) * (BYTES[self.bits] + kept) + _BESIDE_SAMPLES)
        joined = in_sequences * (self.n_samples + round(gap * self.sample_rate))
        needed += bytes_while_writing(self.length_in_file(joined), self.bits)
        require_disk_space(self.folder, needed, "free some space, ask for fewer notes or choose another folder")

    def require_free(self, names: Iterable[str], kind: CardKind) -> None:
        """Raise UserError if a file of `names`, which will be written as `kind`, is somebody else's.

        Call it before the notes are made.
        """
        suffixes = {"overview": [".png", ".json"], "sequence": [".wav", ".json", ".png"]}.get(kind, [".wav", ".json"])
        if self.folder.is_dir() and any(self.folder.iterdir()):
            outputs = (self.folder / f"{name}{suffix}" for name in names for suffix in suffixes)
            require_replaceable(outputs, own_file_of(kind), IN_WORDS[kind], inputs=self.inputs)

    def at_file_rate(self, wave: Wave) -> Wave:
        """`wave` (n_samples,) at the rate of the files. It comes before any gain, since resampling may overshoot."""
        rate = self.file_rate or self.sample_rate
        if rate == self.sample_rate:
            return wave
        turned: Wave = soxr.resample(wave, self.sample_rate, rate, quality="VHQ")
        return turned

    def write_sound(self, name: str, sound: Wave, details: dict[str, Any], gain: float, gain_db: float) -> Path:
        """Write the card of a note, and its wav of `sound`, at the rate of the files, times `gain`; returns the wav.

        The card comes first: a wav without one would be taken for somebody else's.
        """
        path = self.folder / f"{name}.wav"
        write_json(path.with_suffix(".json"), {**self.card(gain_db), **details})
        write_wav(path, sound * np.float32(gain), self.file_rate or self.sample_rate, bits=self.bits)
        return path

    def write_picture(self, name: str, notes: Sequence[Note], *, columns: int = 4) -> None:
        """Write `name`.png, a rainbowgram of each of `notes`. Raises: UserError."""
        waves, titles = [note.wave for note in notes], [note.title for note in notes]
        save_rainbowgrams(self.folder / f"{name}.png", waves, titles, self.sample_rate, columns=columns)

    def card(self, gain_db: float) -> dict[str, Any]:
        """The part of a card that says where the sound comes from, and how it is kept."""
        rate = self.file_rate or self.sample_rate
        return {**self.origin, "sample_rate": rate, "bits": self.bits, "gain_db": gain_db}

    def length_in_file(self, n_samples: int) -> int:
        """Number of samples in a file, of `n_samples` of the run."""
        rate = self.file_rate or self.sample_rate
        return int(n_samples * rate / self.sample_rate + 0.5)  # as soxr rounds


def require_short(n_notes: int) -> None:
    """Raise UserError if a sequence of `n_notes` is too long: its card and its picture need all of them."""
    if n_notes > MOST_IN_SEQUENCE:
        raise UserError(f"{n_notes} notes are too many for one sequence, at most {MOST_IN_SEQUENCE}; ask for fewer")
