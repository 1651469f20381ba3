"""Generated notes as files: each as a wav with a JSON card, and several one after the other as one wav."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from data.audio_io import write_wav
from evaluation.synthesis import Wave, fit_full_scale
from utils.files import write_json
from utils.pictures import save_rainbowgrams

logger = logging.getLogger(__name__)

MOST_IN_PICTURE = 32


@dataclass(frozen=True)
class Note:
    """A generated note (n_samples,): name of its files, title in pictures, and what its card says of it alone."""

    name: str
    title: str
    wave: Wave
    says: dict[str, Any]


def write_note(folder: Path, note: Note, origin: dict[str, Any]) -> Path:
    """Write `note` as wav, turned down if it exceeds full scale, and its card. Returns the wav. Raises: UserError."""
    sound, gain_db = fit_full_scale(note.wave)
    path = folder / f"{note.name}.wav"
    write_wav(path, sound, origin["sample_rate"])
    write_json(path.with_suffix(".json"), {**origin, **note.says, "gain_db": gain_db})
    return path


def write_sequence(
    folder: Path, name: str, notes: Sequence[Note], origin: dict[str, Any], says: dict[str, Any], *, gap: float
) -> list[Path]:
    """Write each of `notes`, and all in their order as `name`.wav with its card and picture; returns the wavs.

    `gap` s of silence lie between two notes. The whole is turned down by one gain, so that notes keep their levels to
    each other. The picture is a row of at most 32, evenly chosen with the first and the last. Raises: UserError.
    """
    sample_rate = origin["sample_rate"]
    rest = round(gap * sample_rate)
    sound, gain_db = fit_full_scale(_joined([note.wave for note in notes], rest))
    starts = accumulate((len(note.wave) + rest for note in notes[:-1]), initial=0)
    shown = evenly_chosen(len(notes), MOST_IN_PICTURE)
    if len(shown) < len(notes):
        logger.info("%s.png: %d of %d notes, evenly chosen", name, len(shown), len(notes))
    paths = [write_note(folder, note, origin) for note in {note.name: note for note in notes}.values()]
    write_wav(folder / f"{name}.wav", sound, sample_rate)
    pictured = [notes[k] for k in shown]
    save_rainbowgrams(
        folder / f"{name}.png",
        [note.wave for note in pictured],
        [note.title for note in pictured],
        sample_rate,
        columns=len(pictured),
    )
    card = {
        **origin,
        **says,
        "notes": [f"{note.name}.wav" for note in notes],
        "onsets_s": [start / sample_rate for start in starts],
        "gap_s": rest / sample_rate,
        "gain_db": gain_db,
        "pictured": [f"{note.name}.wav" for note in pictured],
    }
    write_json(folder / f"{name}.json", card)
    return [*paths, folder / f"{name}.wav"]


def evenly_chosen(n_notes: int, most: int) -> list[int]:
    """At most `most` of 0 ... n_notes - 1, evenly, the first and the last among them.

    >>> evenly_chosen(9, 3)
    [0, 4, 8]
    """
    return sorted({round(place) for place in np.linspace(0, n_notes - 1, min(n_notes, most))})


def _joined(waves: Sequence[Wave], rest: int) -> Wave:
    silence = np.zeros(rest, dtype=np.float32)
    return np.concatenate([part for wave in waves for part in (wave, silence)][:-1])
