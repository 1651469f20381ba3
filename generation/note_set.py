"""Notes that are written together: one gain for all of them, so that they keep their relative levels."""

import logging
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from typing import IO, Any, Self

import numpy as np
import torch

from generation.note_files import Note, NoteFolder
from generation.synthesis import gain_to_full_scale
from utils.files import explained_write_errors
from utils.ranks import ALONE, Ranks

logger = logging.getLogger(__name__)


class NoteSet:
    """Writes notes as they come; if one is beyond full scale, all are written once more at the end, turned down.

    Their samples are kept in a temporary file meanwhile, so that memory does not grow with their number. `gain_db` is
    that of a card from which they are made again: the gain of the set they came from.
    """

    def __init__(self, folder: NoteFolder, gain_db: float = 0.0) -> None:
        self._folder, self._asked_db = folder, gain_db
        self._open = ExitStack()
        self._kept: IO[bytes] | None = None
        self._peak = 0.0
        self._loud = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, note: Note) -> None:
        """Write `note`, unless it is too loud to be written before the gain of all is known."""
        sound = self._folder.at_file_rate(note.wave)
        with explained_write_errors(self._folder.folder):
            if self._kept is None:
                self._folder.folder.mkdir(parents=True, exist_ok=True)
                file = tempfile.TemporaryFile(dir=self._folder.folder)  # noqa: SIM115  # closed with the set
                self._kept = self._open.enter_context(file)
            self._kept.write(sound.tobytes())
        peak = float(np.abs(sound).max(initial=0.0))
        self._peak = max(self._peak, peak)
        gain, gain_db = gain_to_full_scale(peak, self._asked_db)
        self._loud += gain_db < self._asked_db
        if gain_db == self._asked_db:
            self._folder.write_sound(note.name, sound, note.details, gain, gain_db)

    def finish(
        self, written: Iterable[tuple[str, dict[str, Any]]], *, peak: float = 0.0, ranks: Ranks = ALONE
    ) -> float:
        """The gain of all notes in dB, once they have it; `peak` is that of other sound that shares the gain.

        `written` gives the name and the details of each note that was added, in this order. Each of `ranks` has added
        its share of the set, and must call this. Raises: UserError.
        """
        peaks, loud = torch.zeros(ranks.size, dtype=torch.float64), torch.tensor([float(self._loud)])
        peaks[ranks.rank] = max(self._peak, peak)
        ranks.sum_([peaks])
        ranks.sum_([loud])
        gain, gain_db = gain_to_full_scale(float(peaks.max()), self._asked_db)
        if gain_db < self._asked_db:
            if ranks.leads:
                text = "%d of the notes would be beyond full scale: all are turned down by %.3f dB"
                logger.warning(text, int(loud), -gain_db)
            self._write_again(written, gain, gain_db)
        return gain_db

    def _write_again(self, written: Iterable[tuple[str, dict[str, Any]]], gain: float, gain_db: float) -> None:
        if self._kept is None:
            return
        self._kept.seek(0)
        size = self._folder.length_in_file(self._folder.n_samples) * np.dtype(np.float32).itemsize
        for name, details in written:
            sound = np.frombuffer(self._kept.read(size), dtype=np.float32)
            self._folder.write_sound(name, sound, details, gain, gain_db)
