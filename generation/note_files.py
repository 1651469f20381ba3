"""Generated notes as files: each as a wav with a JSON card, and sequences of notes as one wav."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from data.audio_io import write_wav
from data.sampling import evenly_spaced_to_last
from generation.synthesis import Wave, fit_full_scale
from utils.files import write_json
from utils.pictures import save_rainbowgrams

logger = logging.getLogger(__name__)

MOST_IN_PICTURE = 32


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
class NoteFolder:
    """The folder that notes at `sample_rate` Hz are written to; `origin` is the part of the card that all share."""

    folder: Path
    origin: dict[str, Any]
    sample_rate: int
    bits: str = "16"  # one of `data.audio_io.SUBTYPES`
    file_rate: int | None = None  # Hz, of the wav files; None: that of the notes

    def write(self, note: Note) -> Path:
        """Write `note` as wav, turned down to full scale if it is louder, and its card; returns the wav."""
        path, card = self._write_wav(note.name, note.wave)
        write_json(path.with_suffix(".json"), {**card, **note.details})
        return path

    def write_sequence(self, name: str, notes: Sequence[Note], details: dict[str, Any], *, gap: float) -> list[Path]:
        """Write each of `notes`, and all of them in order as `name`.wav with a card and a picture; returns the wavs.

        There are `gap` s of silence between two notes. The whole is turned down by one gain, so that the notes keep
        their relative levels. The picture is a row of at most 32 notes, evenly chosen, the first and the last included.
        Raises: UserError.
        """
        rest = round(gap * self.sample_rate)
        paths = [self.write(note) for note in {note.name: note for note in notes}.values()]
        path, card = self._write_wav(name, _joined([note.wave for note in notes], rest))
        shown = evenly_spaced_to_last(len(notes), MOST_IN_PICTURE)
        if len(shown) < len(notes):
            logger.info("%s.png: %d of %d notes, evenly chosen", name, len(shown), len(notes))
        self.write_picture(name, [notes[k] for k in shown], columns=len(shown))
        starts = accumulate((len(note.wave) + rest for note in notes[:-1]), initial=0)
        entries = [
            {"onset_s": start / self.sample_rate, **note.to_plain()} for start, note in zip(starts, notes, strict=True)
        ]
        write_json(path.with_suffix(".json"), {**card, **details, "gap_s": gap, "pictured": shown, "notes": entries})
        return [*paths, path]

    def write_picture(self, name: str, notes: Sequence[Note], *, columns: int = 4) -> None:
        """Write `name`.png, a rainbowgram of each of `notes`. Raises: UserError."""
        waves, titles = [note.wave for note in notes], [note.title for note in notes]
        save_rainbowgrams(self.folder / f"{name}.png", waves, titles, self.sample_rate, columns=columns)

    def _write_wav(self, name: str, wave: Wave) -> tuple[Path, dict[str, Any]]:
        rate = self.file_rate or self.sample_rate
        # before the gain, since resampling may overshoot
        turned = wave if rate == self.sample_rate else soxr.resample(wave, self.sample_rate, rate, quality="VHQ")
        sound, gain_db = fit_full_scale(turned)
        path = self.folder / f"{name}.wav"
        write_wav(path, sound, rate, bits=self.bits)
        return path, {**self.origin, "sample_rate": rate, "bits": self.bits, "gain_db": gain_db}


def _joined(waves: Sequence[Wave], rest: int) -> Wave:
    silence = np.zeros(rest, dtype=np.float32)
    return np.concatenate([part for wave in waves for part in (wave, silence)][:-1])
