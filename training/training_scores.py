"""Scores during training: notes of fixed latents against a fixed choice of the training notes."""

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from data.note_records import NoteRecord
from evaluation.embeddings import note_classifier
from evaluation.embeddings.features import Embedding, hear
from evaluation.embeddings.note_classifier import NoteClassifierEmbedding
from evaluation.embeddings.notes import MadeNotes, made_notes
from evaluation.note_sound.note_sound import NoteSoundEmbedding
from evaluation.scoring.note_labels import NO_INSTRUMENT, NoteLabels
from evaluation.scoring.score_map import VALUES_ALONE, plan_classifier, plan_frechet
from evaluation.scoring.side import HeardNotes
from evaluation.scoring.sound_scores import SOUND_SCORES, score_sound
from generation.one_gain import gain_of_all
from generation.synthesis import Wave
from models.growth import Phase
from training.fixed_latents import FixedLatents
from utils.errors import DataError, UserError

logger = logging.getLogger(__name__)

LEAST_NOTES = 2


def load_scoring_network(device: torch.device) -> Embedding:
    """The shipped classifier. Raises: UserError if its weights are missing or damaged."""
    weights = note_classifier.SHIPPED
    if not weights.is_file():
        raise UserError(
            f"{weights}: no such file, and scores while training need it; restore it from the repository, or train "
            "without scores"
        )
    return NoteClassifierEmbedding(weights, device)


class TrainingScorer:
    """PIS, IIS, PKID, IKID, Frechet distance on the note classifier, and sound of notes, of the averaged generator.

    The fixed `latents` and as many real notes, spread evenly over the labels, are the same throughout the run, so that
    only the generator changes the scores; each generated note has the labels of a real one. Real notes are cropped and
    faded as for training. Sound that is not finite has no scores and is a warning: it must not end the training.
    """

    def __init__(self, latents: FixedLatents, embedding: Embedding) -> None:
        """Raises: DataError if there are fewer than 2 latents."""
        self.count = len(latents.indices)
        if self.count < LEAST_NOTES:
            raise DataError(f"scores compare {LEAST_NOTES} notes or more of each side, not {self.count}; use more")
        self.latents, self.dataset, self.embedding = latents, latents.dataset, embedding
        self.sound = NoteSoundEmbedding()
        self.planned = [*plan_classifier(embedding, VALUES_ALONE), plan_frechet(embedding, VALUES_ALONE)]

    def __call__(self, phase: Phase) -> dict[str, float]:
        """Scores by name, with the number of notes on either side; nothing if the generator's sound is not finite."""
        try:
            waves = self.latents.waves(phase)
        except UserError as error:
            logger.warning("no scores at scale %d, iteration %d: %s", phase.scale, phase.iteration, error)
            return {}
        names = [f"latent_{number:06d}" for number in range(self.count)]
        records = [NoteRecord(name, Path(f"{name}.wav"), {}) for name in names]
        gain, _ = gain_of_all(waves)
        generated = self._hear(records, (wave * np.float32(gain) for wave in waves), [self.embedding, self.sound])
        scores = [score for each in self.planned for score in each.compute(self._real, generated)]
        values = {score.name: score.value for score in scores}
        return {"notes": self.count, **values, **self._sounds(generated)}

    def _sounds(self, generated: HeardNotes) -> dict[str, float]:
        """The sound of single notes; NaN where no note is held, since a table has the same columns throughout."""
        arrays = generated.arrays[self.sound.name]
        found = score_sound(arrays, self._labels, baseline=False) if arrays["measured"][:, 0].any() else []
        return dict.fromkeys(SOUND_SCORES, math.nan) | {score.name: score.value for score in found}

    @cached_property
    def _labels(self) -> NoteLabels:
        """Of the generated notes, which have the pitches of the real ones, but are of no instrument."""
        labels = NoteLabels.of([self.dataset.cache.records[index] for index in self.latents.indices])
        return replace(labels, instruments=np.full_like(labels.instruments, NO_INSTRUMENT))

    @cached_property
    def _real(self) -> HeardNotes:
        indices = self.latents.indices
        records = [self.dataset.cache.records[index] for index in indices]
        return self._hear(records, (self.dataset.batch([index])[0][0].numpy() for index in indices), [self.embedding])

    def _hear(
        self, records: Sequence[NoteRecord], waves: Iterable[Wave], embeddings: Sequence[Embedding]
    ) -> HeardNotes:
        notes = made_notes(MadeNotes(records, waves), self.latents.transform.sample_rate)
        return HeardNotes.of(hear(notes, embeddings))
