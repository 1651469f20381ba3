"""The scores of real notes after a representation and back: what a GAN with perfect images would reach."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evaluation.embeddings import note_classifier
from evaluation.embeddings.features import Embedding, hear
from evaluation.embeddings.note_classifier import NoteClassifierEmbedding
from evaluation.embeddings.notes import MadeNotes, made_notes
from evaluation.floor.notes import AudioFormat, FloorNotes
from evaluation.metrics.frechet_distance import GaussianStatistics, frechet_distance
from evaluation.metrics.kernel_distance import inverse_multiquadric_kernel, paired_kernel_distance
from evaluation.metrics.uncertainty import jackknife
from evaluation.note_sound.note_sound import NoteSoundEmbedding
from evaluation.scoring import score_embeddings
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.score_embeddings import EmbeddingOptions
from evaluation.scoring.score_map import Estimators, plan_classifier, plan_frechet
from evaluation.scoring.scores import Score, score_frechet, score_inception, score_kernel
from evaluation.scoring.side import HeardNotes
from evaluation.scoring.sound_scores import score_sound
from generation.one_gain import gain_of_all
from generation.synthesis import Wave
from utils.arrays import FloatArray, Int64Array

LEAST_FOR_DISTANCES = 4  # so that each half of the real notes has 2
_GROUPS = 10


def floor_embeddings(vggish: Path | None, device: torch.device) -> list[Embedding]:
    """The shipped classifier, and VGGish if its weights are there; none without the weights of the classifier.

    `vggish`: path of the weights of VGGish (None: where `evaluation.download` keeps them). Raises: UserError if any
    are damaged.
    """
    weights = note_classifier.SHIPPED
    if not weights.is_file():
        return []
    windows = score_embeddings.vggish(EmbeddingOptions(device=device, vggish=vggish))
    return [NoteClassifierEmbedding(weights, device), *([windows] if windows else [])]


class FloorScorer:
    """Scores of restored notes against the originals in `notes`, which are embedded once for each format."""

    def __init__(self, notes: FloorNotes, embeddings: Sequence[Embedding], *, seed: int) -> None:
        """`embeddings`: the note classifier, and VGGish behind it if there is to be a Frechet audio distance."""
        self.notes, self.embeddings = notes, embeddings
        estimators = Estimators(
            inception=partial(score_inception, published=False, seed=seed),
            kernel=partial(_kernel, seed=seed),
            frechet=partial(_frechet, seed=seed),
        )
        self.planned = [*plan_classifier(embeddings[0], estimators), plan_frechet(embeddings[-1], estimators)]
        self._sound = NoteSoundEmbedding()
        self._labels = NoteLabels.of(notes.records)
        self._originals: dict[AudioFormat, HeardNotes] = {}

    def __call__(self, audio_format: AudioFormat, restored: Tensor) -> list[Score]:
        """Scores of the waves (n, n_samples), all notes in their order, and as baselines those of the real notes.

        PIS, IIS, PKID, IKID, the Frechet distance on VGGish or else on the classifier, and the sound of notes of 0.6 s
        or more. If a wave is beyond full scale, all are turned down, as `generate.py` does. Distances need 4 notes.
        """
        if audio_format not in self._originals:
            waves = (self.notes.waves(audio_format, [record])[0].numpy() for record in self.notes.records)
            self._originals[audio_format] = self._hear(audio_format, waves)
        gain, _ = gain_of_all(restored.numpy())
        heard = self._hear(audio_format, (wave * np.float32(gain) for wave in restored.numpy()))
        original = self._originals[audio_format]
        allowed = [each for each in self.planned if not each.needs_real or len(restored) >= LEAST_FOR_DISTANCES]
        scores = [score for each in allowed for score in each.compute(original, heard)]
        return scores + self._sounds(original, heard)

    def _sounds(self, original: HeardNotes, heard: HeardNotes) -> list[Score]:
        """The sound of single notes, on the pitches of their labels; nothing where all notes are too short for it."""
        sides = ((original.arrays[self._sound.name], True), (heard.arrays[self._sound.name], False))
        if not all(arrays["measured"][:, 0].any() for arrays, _ in sides):
            return []
        return [score for arrays, real in sides for score in score_sound(arrays, self._labels, baseline=real)]

    def _hear(self, audio_format: AudioFormat, waves: Iterable[Wave]) -> HeardNotes:
        notes = MadeNotes(self.notes.records, waves)
        return HeardNotes.of(hear(made_notes(notes, audio_format.sample_rate), [*self.embeddings, self._sound]))


def _kernel(name: str, real: FloatArray, restored: FloatArray, _: Int64Array | None, *, seed: int) -> list[Score]:
    found = paired_kernel_distance(real, restored, inverse_multiquadric_kernel)
    settings = {
        "estimator": "unbiased U-statistic over pairs of a note and what is left of it",
        "kernel": inverse_multiquadric_kernel.__name__,
        "dimensions": real.shape[1],
        "standard_error": "jackknife over pairs",
    }
    paired = Score(name, found.value, found.standard_error, len(real), len(restored), settings=settings)
    halves = score_kernel(name, real, real, kernel=inverse_multiquadric_kernel, published=False, seed=seed)
    return [paired, *(score for score in halves if score.baseline)]


def _frechet(name: str, real: FloatArray, restored: FloatArray, _: Int64Array | None, *, seed: int) -> list[Score]:
    """Of features (n, d), or of windows of notes (n, windows, d), which count as samples each."""
    dimensions = real.shape[-1]

    def distance(kept: Int64Array) -> float:
        samples = (side[kept].reshape(-1, dimensions) for side in (real, restored))
        return frechet_distance(*(GaussianStatistics.from_features(each) for each in samples))

    n = len(real)
    settings = {
        "estimator": "Gaussians of the same notes before and after: what sampling adds cancels, unlike in the baseline",
        "dimensions": dimensions,
        "standard_error": f"jackknife over {_GROUPS} groups of pairs",
    }
    error = jackknife(distance, n, n_groups=_GROUPS, seed=seed)
    n_samples = real.size // dimensions
    paired = Score(name, distance(np.arange(n)), error, n_samples, n_samples, settings=settings)
    halves = score_frechet(name, real, real, infinite=False, seed=seed)
    return [paired, *(score for score in halves if score.baseline)]
