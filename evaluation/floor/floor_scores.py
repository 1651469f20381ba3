"""The scores of real notes after a representation: what a GAN whose images are perfect would reach."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evaluation.embeddings import note_classifier
from evaluation.embeddings.features import Embedding, NotesInMemory, embed_notes
from evaluation.embeddings.note_classifier import NoteClassifierEmbedding
from evaluation.embeddings.of_notes import VGGishEmbedding
from evaluation.floor.measures import AudioFormat, FloorNotes
from evaluation.metrics.frechet_distance import GaussianStatistics, frechet_distance
from evaluation.metrics.kernel_distance import inverse_multiquadric_kernel
from evaluation.metrics.paired_kernel_distance import paired_kernel_distance
from evaluation.metrics.uncertainty import jackknife
from evaluation.scoring import score_embeddings
from evaluation.scoring.generated_notes import resampled
from evaluation.scoring.score_embeddings import EmbeddingOptions
from evaluation.scoring.scores import Score, score_frechet, score_inception, score_kernel
from generation.synthesis import Wave, fit_full_scale
from utils.arrays import FloatArray, Int64Array

LEAST_FOR_DISTANCES = 4  # so that each half of the real notes has 2
_GROUPS = 10

Arrays = Mapping[str, FloatArray]


def floor_embeddings(vggish: Path | None, device: torch.device) -> list[Embedding]:
    """The shipped classifier, and VGGish if its weights are there; nothing if those of the classifier are not.

    `vggish`: where the weights of VGGish are, if not where they are fetched to. Raises: UserError if any are damaged.
    """
    weights = note_classifier.SHIPPED
    if not weights.is_file():
        return []
    windows = score_embeddings.vggish(EmbeddingOptions(device=device, vggish=vggish))
    return [NoteClassifierEmbedding(weights, device), *([windows] if windows else [])]


class FloorScorer:
    """Scores of the restored `notes` against the notes themselves; those are heard once for each format."""

    def __init__(self, notes: FloorNotes, embeddings: Sequence[Embedding], *, seed: int) -> None:
        """`embeddings`: the note classifier, and VGGish if there is to be a Frechet audio distance."""
        self.notes, self.embeddings, self.seed = notes, embeddings, seed
        self._originals: dict[AudioFormat, dict[str, Arrays]] = {}

    def __call__(self, audio_format: AudioFormat, restored: Tensor) -> list[Score]:
        """Scores of the waves (n, n_samples), all notes in their order, and as baselines those of the real notes.

        PIS, IIS, PKID, IKID, and the Frechet distance on VGGish or else on the classifier. Waves beyond full scale are
        turned down, as `generate.py` does. Distances need 4 notes.
        """
        if audio_format not in self._originals:
            waves = (self.notes.waves(audio_format, [record])[0].numpy() for record in self.notes.records)
            self._originals[audio_format] = self._hear(audio_format, waves)
        heard = self._hear(audio_format, (fit_full_scale(wave)[0] for wave in restored.numpy()))
        return paired_scores(self._originals[audio_format], heard, seed=self.seed)

    def _hear(self, audio_format: AudioFormat, waves: Iterable[Wave]) -> dict[str, Arrays]:
        """Arrays by embedding."""
        notes = NotesInMemory(self.notes.records, waves)
        found: dict[str, Arrays] = {}
        for embedding in self.embeddings:
            rate = embedding.sample_rate
            same = audio_format.sample_rate == rate
            of_rate = notes if same else resampled(notes, audio_format.sample_rate, rate, embedding.n_samples)
            arrays = embed_notes(of_rate, [embedding], None)[0].arrays
            found[embedding.name] = {name: array.astype(np.float64) for name, array in arrays.items()}
        return found


def paired_scores(real: Mapping[str, Arrays], restored: Mapping[str, Arrays], *, seed: int) -> list[Score]:
    """Scores of what the embeddings make of notes before and after, row by row; arrays by embedding."""
    before, after = real[NoteClassifierEmbedding.name], restored[NoteClassifierEmbedding.name]
    scores = []
    for name, logits in (("pis", "pitch_logits"), ("iis", "family_logits")):
        scores += score_inception(name, after[logits], before[logits], published=False, seed=seed)
    if len(before["features"]) < LEAST_FOR_DISTANCES:
        return scores
    for name, logits in (("pkid", "pitch_logits"), ("ikid", "family_logits")):
        scores += _kernel(name, before[logits], after[logits], seed)
    if VGGishEmbedding.name in real:
        real_windows, restored_windows = (side[VGGishEmbedding.name]["windows"] for side in (real, restored))
        return scores + _frechet(f"fad-{VGGishEmbedding.name}", real_windows, restored_windows, seed)
    return scores + _frechet(f"frechet-{NoteClassifierEmbedding.name}", before["features"], after["features"], seed)


def _kernel(name: str, real: FloatArray, restored: FloatArray, seed: int) -> list[Score]:
    found = paired_kernel_distance(real, restored, inverse_multiquadric_kernel)
    settings = {
        "estimator": "unbiased U-statistic over pairs of a note and what is left of it",
        "kernel": inverse_multiquadric_kernel.__name__,
        "dimensions": real.shape[1],
        "standard_error": "jackknife over pairs",
    }
    paired = Score(name, found.value, found.standard_error, len(real), len(restored), settings=settings)
    halves = score_kernel(name, real, real, inverse_multiquadric_kernel, published=False, seed=seed)
    return [paired, *(score for score in halves if score.baseline)]


def _frechet(name: str, real: FloatArray, restored: FloatArray, seed: int) -> list[Score]:
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
