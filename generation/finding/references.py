"""What a found note is held against: the target through the representation and back, and the nearest training note."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from data.audio_io import read_audio
from data.note_folder import notes_of_folder
from data.note_records import NoteRecord
from data.note_selection import find_notes
from data.nsynth import Value
from generation.finding.heard_sound import heard_note
from generation.finding.search import distance_of
from generation.instrument import Instrument
from generation.synthesis import Wave, sound_window
from utils.errors import DataError

logger = logging.getLogger(__name__)

SHIPPED = "notes"
"""The folder of a shared generator that holds a few notes like those it learned from."""


@dataclass(frozen=True)
class NearestNote:
    """The nearest of `among` notes."""

    note: str
    distance: float
    among: int

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def floor_of(instrument: Instrument, target: Wave) -> float:
    """How far the `target` (n_samples,) is from itself after the way to an image and back."""
    wave = torch.from_numpy(target)[None].to(instrument.device)
    with torch.no_grad():
        back = instrument.transform.inverse(instrument.transform(wave))[0].float().cpu().numpy()
    return distance_of((back * sound_window(instrument.transform)).astype("float32"), target)


def training_notes(instrument: Instrument, run_folder: Path, folder: Path | None) -> list[NoteRecord]:
    """The notes of `folder`; else those that the run learned from; else those that a shared generator brings.

    None if there are none: it is said, and how to name some. Raises: DataError if those of `folder` cannot be used.
    """
    if folder is not None:
        return notes_of_folder(folder)
    try:
        return find_notes(instrument.experiment.loader, instrument.training_seed)
    except DataError as error:
        if (run_folder / SHIPPED).is_dir():
            return notes_of_folder(run_folder / SHIPPED)
        logger.warning("no training notes to compare with (%s); name a folder of them", error)
        return []


def nearest_note(
    instrument: Instrument, target: Wave, records: Sequence[NoteRecord], attributes: Mapping[str, Value]
) -> NearestNote | None:
    """The nearest to `target` of the notes with the pitch among `attributes`, or of all if none has it.

    They are heard as sounds are. None if there are none. Raises: DataError if one cannot be read.
    """
    pitch = attributes.get("pitch")
    asked = [record for record in records if pitch is not None and record.attributes.get("pitch") == pitch] or records
    found = list(_distances(instrument, target, asked))
    if not found:
        return None
    distance, name = min(found)
    return NearestNote(name, distance, len(found))


def _distances(instrument: Instrument, target: Wave, records: Iterable[NoteRecord]) -> Iterable[tuple[float, str]]:
    for record in records:
        try:
            wave = heard_note(instrument, read_audio(record.path, instrument.sample_rate), record.name)
        except DataError as error:
            logger.warning("a training note is left out: %s", error)
            continue
        yield distance_of(wave, target), record.name
