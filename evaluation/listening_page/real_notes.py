"""Real notes to hold the generated ones against: of the same attributes, as the network heard them in training."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np

from data.audio_io import read_audio
from data.note_dataset import fade_window
from data.note_records import NoteRecord, find_beside_notes
from data.note_selection import find_notes
from data.nsynth import Value
from data.render_notes import MADE_BY
from data.sampling import evenly_spaced
from evaluation.listening_page.runs import HeardRun
from generation.finding.references import SHIPPED
from generation.synthesis import Wave
from utils.errors import DataError
from utils.files import read_json

logger = logging.getLogger(__name__)

REAL = "real"
RENDERED = "rendered"
_CARD = "card.json"


@dataclass(frozen=True)
class RealNotes:
    """Notes to compare with: what they are called on the page (real, or rendered), and what it says of them."""

    records: list[NoteRecord]
    called: str
    said: str


def find_real_notes(run: HeardRun, folder: Path | None) -> RealNotes:
    """The notes that `run` learned from, or those of `folder` that its filters keep.

    Where the training notes are gone, those that a shipped run brings in its folder `notes` take their place; without
    them there are none, which is a warning. Raises: DataError if notes of a folder cannot be used.
    """
    loader = run.instrument.experiment.loader
    if folder is None:
        try:
            records = find_notes(loader, run.instrument.training_seed)
        except DataError as error:
            if (run.folder / SHIPPED).is_dir():
                return find_real_notes(run, run.folder / SHIPPED)
            logger.warning("%s: no real notes to compare with (%s); name a folder of them", run.name, error)
            gone = "The notes it learned from were not there when this page was made"
            return RealNotes([], REAL, f"{gone}, so there is nothing to compare with.")
        return _described(records, "from those it learned from", loader.data_path)
    described = find_beside_notes(folder) is not None
    there = {"data_path": folder, "att_dict_path": None, "load_metadata": described, "size": -1}
    records = find_notes(loader.model_copy(update=there), run.instrument.training_seed)
    return _described(records, f"from the folder “{folder.absolute().name}”", folder)


def matching_note(
    records: Sequence[NoteRecord], attributes: Mapping[str, Value], place: tuple[int, int]
) -> NoteRecord | None:
    """The first by name of the notes with all `attributes`, or None; of quantities, that with the nearest ones.

    Without pitch among them the notes differ too much for one to stand for all: number k of n, the `place`, gets the
    k-th of n evenly chosen ones.
    """
    quantities = {name: value for name, value in attributes.items() if isinstance(value, float)}
    classes = {name: value for name, value in attributes.items() if name not in quantities}
    fitting = [note for note in records if all(note.attributes.get(key) == classes[key] for key in classes)]
    if quantities:
        return min(fitting, key=lambda note: (_distance(note, quantities), note.name), default=None)
    ordered = sorted(fitting, key=attrgetter("name"))
    if not ordered:
        return None
    number, count = place
    return ordered[0] if "pitch" in attributes else ordered[evenly_spaced(len(ordered), count)[number]]


def _distance(note: NoteRecord, quantities: Mapping[str, float]) -> float:
    """How far the note is from them, as the sum of the parts by which it differs; infinite if it lacks one."""
    total = 0.0
    for name, asked in quantities.items():
        found = note.attributes.get(name)
        if not isinstance(found, float):
            return math.inf
        total += abs(found - asked) / (abs(found) + abs(asked) or 1)
    return total


def heard_in_training(run: HeardRun, note: NoteRecord) -> Wave:
    """The note's wave (n_samples,) at the run's rate, cropped or padded and faded as in training; its own level.

    Raises: DataError if it cannot be read.
    """
    transform = run.instrument.transform
    wave = read_audio(note.path, transform.sample_rate)[: transform.n_samples]
    padded = np.pad(wave, (0, transform.n_samples - len(wave)))
    return padded * fade_window(transform.n_samples) if run.instrument.experiment.transform.fade_out else padded


def _described(records: list[NoteRecord], source: str, folder: Path) -> RealNotes:
    """`records` with what the card of their `folder` tells: whether they were rendered. Raises: DataError."""
    path = find_beside_notes(folder, _CARD)
    card = read_json(path, DataError) if path else None
    if not isinstance(card, dict) or card.get("made_by") != MADE_BY:
        return RealNotes(records, REAL, f"Real notes: {source}.")
    font = card.get("sound_font")
    name = font.get("file") if isinstance(font, dict) else None
    made = f"they were played by the sound font {name or 'named in their card'}"
    said = f"Rendered notes: {source}. They stand in for NSynth and are not recordings: {made}."
    return RealNotes(records, RENDERED, said)
