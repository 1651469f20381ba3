from pathlib import Path

import numpy as np
import torch

from data.note_pitch import hertz
from data.note_records import NoteRecord
from evaluation.classifier import labelled_notes
from evaluation.classifier.doubtful_labels import doubtful_notes
from evaluation.classifier.labelled_notes import LabelledNotes, without_doubtful_pitches
from evaluation.classifier.tasks import FAMILY, PITCH, UNLABELLED
from evaluation.embeddings.notes import MadeNotes

TIME = np.arange(16_000) / 16_000
LABEL = 60


def tone(pitch):
    return 0.3 * sum(np.sin(2 * np.pi * hertz(pitch) * partial * TIME) / partial for partial in (1, 2, 3))


def notes(*sounds, family="flute"):
    records = [NoteRecord(f"n{k}", Path(f"n{k}.wav"), {PITCH: LABEL, FAMILY: family}) for k in range(len(sounds))]
    return MadeNotes(records, sounds)


def test_octaves_are_found_and_other_pitches_are_not():
    noise = np.random.default_rng(0).standard_normal(16_000) / 10
    found = notes(tone(60), tone(72), tone(48), tone(84), tone(67), noise, np.zeros(16_000))
    doubtful = doubtful_notes(found, [LABEL] * len(found))
    assert doubtful.tolist() == [False, True, True, True, False, False, False]


def test_mallets_are_not_judged():
    assert not doubtful_notes(notes(tone(72), family="mallet"), [LABEL]).any()


def test_only_what_is_learned_changes(caplog):
    caplog.set_level("INFO", logger=labelled_notes.__name__)
    labels = {PITCH: torch.tensor([36, 36]), FAMILY: torch.tensor([2, 2])}
    before = LabelledNotes(Path("notes"), notes(tone(60), tone(72)), labels, labels)
    after = without_doubtful_pitches(before)
    assert after.learned[PITCH].tolist() == [36, UNLABELLED]
    assert after.learned[FAMILY].tolist() == [2, 2]
    assert after.labels[PITCH].tolist() == [36, 36]
    assert "since they sound octaves away from their label: 1 note\n" in caplog.text
