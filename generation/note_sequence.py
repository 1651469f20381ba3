"""A sequence of notes: each as a wav with a card, and all in order as one wav."""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np

from data.audio_io import explained_sound_errors
from data.sampling import evenly_spaced_to_last
from generation.note_files import MOST_IN_PICTURE, Note, NoteFolder
from generation.note_set import NoteSet
from generation.playing.sound_file import resampled, write_stored
from generation.synthesis import Wave
from utils.files import atomic_path, explained_write_errors, write_json

logger = logging.getLogger(__name__)


def write_sequence(
    folder: NoteFolder,
    name: str,
    notes: Iterable[Note],
    n_notes: int,
    details: dict[str, Any],
    *,
    gap: float,
    gain_db: float = 0.0,
) -> Path:
    """Write each of the `n_notes` notes as it comes, and all of them in order as `name`.wav; returns that wav.

    There are `gap` s of silence between two notes. The notes and the whole have one gain: `gain_db`, or less where
    that would be beyond full scale. Beside the whole are a card and a picture, a row of at most 32 notes, evenly
    chosen, the first and the last included. Memory holds the notes of the picture, and their entries in the card.
    Raises: UserError.
    """
    rate, rest = folder.file_rate or folder.sample_rate, round(gap * folder.sample_rate)
    chosen = evenly_spaced_to_last(n_notes, MOST_IN_PICTURE)
    shown: dict[int, Note] = {}
    entries: list[dict[str, Any]] = []
    written: dict[str, dict[str, Any]] = {}

    def joined() -> Iterator[Wave]:
        for number, note in enumerate(notes):
            if note.name not in written:  # a circle ends with the note that it begins with
                written[note.name] = note.details
                single.add(note)
            shown.update({number: note} if number in chosen else {})
            onset = number * (folder.n_samples + rest)
            entries.append({"onset_s": onset / folder.sample_rate, **note.to_plain()})
            yield from (np.zeros(rest if number else 0, dtype=np.float32), note.wave)

    path = folder.folder / f"{name}.wav"
    n_samples = folder.length_in_file(n_notes * folder.n_samples + (n_notes - 1) * rest)
    with NoteSet(folder, gain_db) as single:
        blocks = joined()
        first = next(blocks)  # a note that cannot be made leaves no folder behind
        with explained_write_errors(path), tempfile.TemporaryFile(dir=path.parent) as raw:
            peak = _store(raw, resampled(chain([first], blocks), folder.sample_rate, rate, n_samples))
            gain_db = single.finish(written.items(), peak=peak)
            pictured = {"gap_s": gap, "pictured": chosen, "notes": entries}
            write_json(path.with_suffix(".json"), {**folder.card(gain_db), **details, **pictured})
            with atomic_path(path) as temporary, explained_sound_errors(path):
                gain = 10 ** (gain_db / 20)
                write_stored(temporary, raw, gain=gain, n_samples=n_samples, rate=rate, bits=folder.bits)
    if len(shown) < n_notes:
        logger.info("%s.png: %d of %d notes, evenly chosen", name, len(shown), n_notes)
    folder.write_picture(name, [shown[number] for number in chosen], columns=len(chosen))
    return path


def _store(raw: IO[bytes], blocks: Iterable[Wave]) -> float:
    """Write the samples of `blocks` as they are; returns their peak."""
    peak = 0.0
    for block in blocks:
        raw.write(block.astype(np.float32).tobytes())
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
    return peak
