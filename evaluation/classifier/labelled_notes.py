"""The notes that a classifier learns from, memory-mapped, with their labels and how often each is drawn."""

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data.instrument_folders import is_of_instruments, open_from_onset
from data.note_cache import open_note_cache
from data.note_folder import family_of, notes_of_folder
from data.note_records import NoteRecord
from evaluation.classifier.doubtful_labels import doubtful_notes
from evaluation.classifier.folds import instrument_of
from evaluation.classifier.playable import is_rendered, unplayable
from evaluation.classifier.tasks import FAMILY, PITCH, UNLABELLED, Task, labels_of
from evaluation.embeddings.notes import Notes
from evaluation.embeddings.semitone_spectrogram import SAMPLE_RATE
from utils.errors import DataError
from utils.spelling import counted

logger = logging.getLogger(__name__)

_INSTRUMENT_POWER, _FAMILY_POWER = 0.5, 0.7


@dataclass(frozen=True)
class LabelledNotes:
    """The notes of one folder; labels (n,) int64 by attribute, and the labels that are learned."""

    folder: Path
    cache: Notes
    labels: dict[str, Tensor]
    learned: dict[str, Tensor]

    @property
    def records(self) -> list[NoteRecord]:
        """One for each note."""
        return self.cache.records

    def contents(self) -> list[str]:
        """SHA-256 of each note's samples."""
        return [hashlib.sha256(self.cache.waves([row]).numpy().tobytes()).hexdigest() for row in range(len(self.cache))]

    def labelled(self) -> npt.NDArray[np.bool_]:
        """Which notes (n,) have a class in every head."""
        known = np.ones(len(self.cache), dtype=bool)
        for labels in self.labels.values():
            known &= labels.numpy() != UNLABELLED
        return known


def open_labelled_notes(folder: Path, task: Task, cache_folder: Path, *, skip_broken: bool) -> LabelledNotes:
    """The notes of a folder in NSynth's layout, or of one with a folder for each instrument; decoded once.

    All labels are learned. Raises: DataError.
    """
    records = records_of(folder)
    labels_of(records, task.classes)  # before the long decoding, so that a missing label is reported at once
    opened = open_from_onset if is_of_instruments(folder) else open_note_cache
    cache: Notes = opened(
        records, cache_folder, sample_rate=SAMPLE_RATE, n_samples=task.n_samples, skip_broken=skip_broken
    )
    labels = labels_of(cache.records, task.classes)
    notes = LabelledNotes(folder, cache, labels, labels)
    if not notes.labelled().any():
        ranges = ", ".join(f"{name} {values[0]} to {values[-1]}" for name, values in task.classes.items())
        raise DataError(f"{folder}: no note has a class of {task.name} ({ranges}); give other notes")
    return notes


def records_of(folder: Path) -> list[NoteRecord]:
    """The notes of a folder in NSynth's layout, or of one with a folder for each instrument. Raises: DataError."""
    return notes_of_folder(folder)


def without_doubtful_pitches(notes: LabelledNotes) -> LabelledNotes:
    """The same notes; the pitch of those that sound octaves away from their label is not learned. Logs how many."""
    if PITCH not in notes.labels:
        return notes
    pitches = [int(record.attributes[PITCH]) for record in notes.records]
    doubtful = doubtful_notes(notes.cache, pitches)
    text = "%s: pitch not learned, since they sound octaves away from their label: %s"
    logger.info(text, notes.folder, counted(int(doubtful.sum()), "note"))
    pitch = torch.where(doubtful, UNLABELLED, notes.labels[PITCH])
    return replace(notes, learned={**notes.labels, PITCH: pitch})


def without_unplayable_families(notes: LabelledNotes) -> LabelledNotes:
    """The same rendered notes; the family of those that no player could play is not learned. Logs how many."""
    if FAMILY not in notes.labels or not is_rendered(notes.folder):
        return notes
    beyond = torch.from_numpy(unplayable(notes.records))
    text = "%s: family not learned, since no player could play them: %s"
    logger.info(text, notes.folder, counted(int(beyond.sum()), "note"))
    return replace(notes, learned={**notes.learned, FAMILY: torch.where(beyond, UNLABELLED, notes.labels[FAMILY])})


def drawing_odds(records: Sequence[NoteRecord]) -> npt.NDArray[np.float64]:
    """Odds (n,) of drawing each note, summing to 1.

    An instrument weighs the square root of its number of notes, so that those with few notes take part; a family weighs
    the sum of its instruments to the power 0.3, so that none dominates.
    """
    instruments, families = [instrument_of(record) for record in records], [family_of(record) for record in records]
    n_notes = Counter(instruments)
    odds = np.array([n_notes[instrument] ** -_INSTRUMENT_POWER for instrument in instruments])
    total: Counter[str] = Counter()
    for family, odd in zip(families, odds, strict=True):
        total[family] += odd
    odds /= np.array([total[family] ** _FAMILY_POWER for family in families])
    return np.asarray(odds / odds.sum())
