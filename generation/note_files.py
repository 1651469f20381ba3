"""Generated notes as files: each as a wav with a JSON card, and sequences of notes as one wav."""

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import soxr

from data.audio_io import explained_sound_errors, write_wav
from data.sampling import evenly_spaced_to_last
from generation.own_cards import IN_WORDS, CardKind, own_file_of
from generation.playing.sound_file import BYTES, bytes_while_writing, resampled, write_stored
from generation.synthesis import Wave, fit_full_scale, gain_to_full_scale
from utils.errors import UserError
from utils.files import atomic_path, explained_write_errors, require_disk_space, write_json
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
        needed = n_notes * (self._length_in_file(self.n_samples) * BYTES[self.bits] + _BESIDE_SAMPLES)
        joined = in_sequences * (self.n_samples + round(gap * self.sample_rate))
        needed += bytes_while_writing(self._length_in_file(joined), self.bits)
        require_disk_space(self.folder, needed, "free some space, ask for fewer notes or choose another folder")

    def require_free(self, names: Iterable[str], kind: CardKind) -> None:
        """Raise UserError if a file of `names`, which will be written as `kind`, is somebody else's.

        Call it before the notes are made.
        """
        suffixes = {"overview": [".png", ".json"], "sequence": [".wav", ".json", ".png"]}.get(kind, [".wav", ".json"])
        if self.folder.is_dir() and any(self.folder.iterdir()):
            outputs = (self.folder / f"{name}{suffix}" for name in names for suffix in suffixes)
            require_replaceable(outputs, own_file_of(kind), IN_WORDS[kind], inputs=self.inputs)

    def write(self, note: Note) -> Path:
        """Write the card of `note`, and its wav, turned down to full scale if it is louder; returns the wav.

        The card comes first: a wav without one would be taken for somebody else's.
        """
        rate = self.file_rate or self.sample_rate
        # before the gain, since resampling may overshoot
        turned = (
            note.wave if rate == self.sample_rate else soxr.resample(note.wave, self.sample_rate, rate, quality="VHQ")
        )
        sound, gain_db = fit_full_scale(turned)
        path = self.folder / f"{note.name}.wav"
        write_json(path.with_suffix(".json"), {**self._card(gain_db), **note.details})
        write_wav(path, sound, rate, bits=self.bits)
        return path

    def write_sequence(
        self, name: str, notes: Iterable[Note], n_notes: int, details: dict[str, Any], *, gap: float
    ) -> Path:
        """Write each of the `n_notes` notes as it comes, and all of them in order as `name`.wav; returns that wav.

        There are `gap` s of silence between two notes. The whole is turned down by one gain, so that the notes keep
        their relative levels. Beside it are a card and a picture, a row of at most 32 notes, evenly chosen, the first
        and the last included. Memory holds the notes of the picture, and their entries in the card.
        Raises: UserError.
        """
        rate, rest = self.file_rate or self.sample_rate, round(gap * self.sample_rate)
        chosen = evenly_spaced_to_last(n_notes, MOST_IN_PICTURE)
        shown: dict[int, Note] = {}
        entries: list[dict[str, Any]] = []
        names: set[str] = set()

        def joined() -> Iterator[Wave]:
            for number, note in enumerate(notes):
                if note.name not in names:  # a circle ends with the note that it begins with
                    names.add(note.name)
                    self.write(note)
                shown.update({number: note} if number in chosen else {})
                onset = number * (self.n_samples + rest)
                entries.append({"onset_s": onset / self.sample_rate, **note.to_plain()})
                yield from (np.zeros(rest if number else 0, dtype=np.float32), note.wave)

        path = self.folder / f"{name}.wav"
        n_samples = self._length_in_file(n_notes * self.n_samples + (n_notes - 1) * rest)
        blocks = joined()
        first = next(blocks)  # a note that cannot be made leaves no folder behind
        with explained_write_errors(path), tempfile.TemporaryFile(dir=path.parent) as raw:
            peak = _store(raw, resampled(chain([first], blocks), self.sample_rate, rate, n_samples))
            gain, gain_db = gain_to_full_scale(peak)
            pictured = {"gap_s": gap, "pictured": chosen, "notes": entries}
            write_json(path.with_suffix(".json"), {**self._card(gain_db), **details, **pictured})
            with atomic_path(path) as temporary, explained_sound_errors(path):
                write_stored(temporary, raw, gain=gain, n_samples=n_samples, rate=rate, bits=self.bits)
        if len(shown) < n_notes:
            logger.info("%s.png: %d of %d notes, evenly chosen", name, len(shown), n_notes)
        self.write_picture(name, [shown[number] for number in chosen], columns=len(chosen))
        return path

    def write_picture(self, name: str, notes: Sequence[Note], *, columns: int = 4) -> None:
        """Write `name`.png, a rainbowgram of each of `notes`. Raises: UserError."""
        waves, titles = [note.wave for note in notes], [note.title for note in notes]
        save_rainbowgrams(self.folder / f"{name}.png", waves, titles, self.sample_rate, columns=columns)

    def _card(self, gain_db: float) -> dict[str, Any]:
        rate = self.file_rate or self.sample_rate
        return {**self.origin, "sample_rate": rate, "bits": self.bits, "gain_db": gain_db}

    def _length_in_file(self, n_samples: int) -> int:
        rate = self.file_rate or self.sample_rate
        return int(n_samples * rate / self.sample_rate + 0.5)  # as soxr rounds


def require_short(n_notes: int) -> None:
    """Raise UserError if a sequence of `n_notes` is too long: its card and its picture need all of them."""
    if n_notes > MOST_IN_SEQUENCE:
        raise UserError(f"{n_notes} notes are too many for one sequence, at most {MOST_IN_SEQUENCE}; ask for fewer")


def _store(raw: IO[bytes], blocks: Iterable[Wave]) -> float:
    """Write the samples of `blocks` as they are; returns their peak."""
    peak = 0.0
    for block in blocks:
        raw.write(block.astype(np.float32).tobytes())
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
    return peak
