"""Scores while a run trains: notes of fixed latents against a fixed choice of the notes that it learns from."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from audio_transforms import AudioTransform
from data.note_dataset import NoteDataset
from data.note_records import NoteRecord
from evaluation.embeddings import note_classifier
from evaluation.embeddings.features import Embedding, NotesInMemory, embed_notes
from evaluation.embeddings.note_classifier import NoteClassifierEmbedding
from evaluation.metrics.frechet_distance import GaussianStatistics, frechet_distance
from evaluation.metrics.inception_score import inception_score
from evaluation.metrics.kernel_distance import inverse_multiquadric_kernel, kernel_distance
from evaluation.scoring.generated_notes import resampled
from generation.synthesis import Wave, fit_full_scale, synthesise
from models.growth import Phase
from models.networks import Networks
from models.noise import Purpose, normal_rows
from training.preview import spread_over_labels
from utils.arrays import Float32Array
from utils.errors import DataError, UserError

logger = logging.getLogger(__name__)

LEAST_NOTES = 2


def load_scoring_network(device: torch.device) -> Embedding:
    """The shipped classifier. Raises: UserError if its weights are missing or damaged."""
    weights = note_classifier.SHIPPED
    if not weights.is_file():
        raise UserError(
            f"--scores-every: needs {weights}, which comes with the repository; restore it, or train without scores"
        )
    return NoteClassifierEmbedding(weights, device)


class TrainingScorer:
    """The scores of the averaged generator as it is: PIS, IIS, PKID, IKID, Frechet distance on the note classifier.

    `count` latents and as many real notes, spread evenly over the labels, are the same throughout the run, so that its
    scores differ by the generator alone; each generated note has the labels of one of the real ones. Real notes are as
    training hears them, cropped and faded. Scores that cannot be had are a warning: they must not end the training.
    """

    def __init__(
        self,
        networks: Networks,
        transform: AudioTransform,
        dataset: NoteDataset,
        embedding: Embedding,
        *,
        count: int,
        seed: int,
        device: torch.device,
    ) -> None:
        """With fewer than `count` notes in `dataset`, all of them. Raises: DataError if that is fewer than 2."""
        self.count = min(count, len(dataset))
        if self.count < LEAST_NOTES:
            raise DataError(f"--n-scores: scores compare {LEAST_NOTES} notes or more, not {self.count}; give more")
        self.networks, self.transform, self.dataset = networks, transform, dataset
        self.embedding, self.device = embedding, device
        self.latent = normal_rows(seed, Purpose.SCORE_LATENT, 0, self.count, networks.ema.latent_dim)
        self.indices = spread_over_labels(dataset.labels, self.count)
        self.labels = dataset.labels[self.indices]

    def __call__(self, phase: Phase) -> dict[str, float]:
        """Scores by name, with the number of notes on either side; nothing if the generator's sound is not finite."""
        try:
            waves = synthesise(
                self.networks,
                self.transform,
                self.latent,
                self.labels,
                scale=phase.scale,
                alpha=phase.alpha,
                device=self.device,
            )
        except UserError as error:
            logger.warning("no scores at scale %d, iteration %d: %s", phase.scale, phase.iteration, error)
            return {}
        records = [
            NoteRecord(f"latent_{number:06d}", Path(f"latent_{number:06d}.wav"), {}) for number in range(self.count)
        ]
        generated = self._hear(records, (fit_full_scale(wave)[0] for wave in waves))
        return {"notes": self.count, **scores_of_arrays(self._real, generated)}

    @cached_property
    def _real(self) -> Mapping[str, Float32Array]:
        records = [self.dataset.cache.records[index] for index in self.indices]
        return self._hear(records, (self.dataset.batch([index])[0][0].numpy() for index in self.indices))

    def _hear(self, records: Sequence[NoteRecord], waves: Iterable[Wave]) -> Mapping[str, Float32Array]:
        notes, rate = NotesInMemory(records, waves), self.transform.sample_rate
        if rate != self.embedding.sample_rate:
            notes = resampled(notes, rate, self.embedding.sample_rate, self.embedding.n_samples)
        return embed_notes(notes, [self.embedding], None)[0].arrays


def scores_of_arrays(real: Mapping[str, Float32Array], fake: Mapping[str, Float32Array]) -> dict[str, float]:
    """The five scores of what the note classifier makes of real and generated notes, without their uncertainty."""
    scores = {
        "pis": inception_score(fake["pitch_logits"]).value,
        "iis": inception_score(fake["family_logits"]).value,
    }
    for name, logits in (("pkid", "pitch_logits"), ("ikid", "family_logits")):
        scores[name] = kernel_distance(real[logits], fake[logits], inverse_multiquadric_kernel, n_subsets=1).value
    sides = (GaussianStatistics.from_features(side["features"].astype(np.float64)) for side in (real, fake))
    scores["frechet-note-classifier"] = frechet_distance(*sides)
    return scores
