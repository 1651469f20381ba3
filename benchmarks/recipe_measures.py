"""What notes sound like, by the scores of `eval.py` and the diversity within a pitch."""

import logging

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.pitch_diversity import diversity_within_pitch
from evaluation.embeddings.note_classifier import NoteClassifierEmbedding
from evaluation.embeddings.notes import MadeNotes
from evaluation.metrics.uncertainty import Estimate, mean_estimate
from evaluation.scoring.note_labels import NO_PITCH
from evaluation.scoring.open_side import side_of_made
from evaluation.scoring.pitch_scores import IN_TUNE
from evaluation.scoring.score_embeddings import CLASSIFIER, EmbeddingOptions
from evaluation.scoring.score_plan import plan_score
from evaluation.scoring.score_report import compute_score, embeddings_of
from evaluation.scoring.second_opinion import BY_BOTH
from evaluation.scoring.side import Side
from evaluation.scoring.sound_scores import NOTE_SOUND, SPREAD
from utils.errors import DataError

logger = logging.getLogger(__name__)

FRECHET, DIVERSITY, HELD = f"frechet-{NoteClassifierEmbedding.name}", "diversity-within-pitch", "held"
MEASURES = {
    HELD: "share that is held",
    "harmonic-to-noise": "harmonic to noise, dB",
    "roughness": "roughness, dB",
    "wobble-cents": "wobble, cents",
    "attack-time": "attack, s",
    "onset-level": "onset level",
    SPREAD: "loudness spread, LU",
    IN_TUNE: "in tune by pyin",
    BY_BOTH: "in tune by both",
    FRECHET: "Frechet distance",
    DIVERSITY: "diversity within a pitch",
}
"""Name of a measure -> its heading, with its unit."""


class NoteJudge:
    """Measures notes as `eval.py note-sound`, `in-tune`, and `fad --embedding classifier` do, on the CPU."""

    def __init__(self) -> None:
        options = EmbeddingOptions(device=torch.device("cpu"))
        names = (NOTE_SOUND, IN_TUNE, "fad")
        plans = (plan_score(name, CLASSIFIER, options, published=False, infinite=False, seed=0) for name in names)
        self._planned = [each for plan in plans for each in plan]
        self._classifier = [each.embedding for each in self._planned if each.needs_real]

    def side(self, source: str, notes: MadeNotes, sample_rate: int) -> Side:
        """`notes`, to be measured."""
        return side_of_made(source, notes, embeddings_of(self._planned), sample_rate)

    def learned_side(self, source: str, notes: MadeNotes, sample_rate: int) -> Side:
        """The real `notes` that a run learned from, with which others are compared."""
        return side_of_made(source, notes, self._classifier, sample_rate)

    def measure(self, notes: Side, learned: Side, *, are_real: bool = False) -> dict[str, Estimate]:
        """Measure -> its value and standard error; what these notes do not allow is left out, with a warning.

        A note is held if it sounds between 0.2 and 0.6 s; others are in none of the measures of `note-sound`.

        `are_real`: the notes are some of those that were `learned`. Their Frechet distance is that between two parts of
        all, since a part would be too near to the whole.
        """
        held = notes.arrays[NOTE_SOUND]["measured"][:, 0]
        found = {HELD: mean_estimate(held.astype(np.float64))}
        for planned in self._planned:
            try:
                scores = compute_score(planned, learned if planned.needs_real else None, notes)
            except DataError as error:
                logger.warning("%s: left out: %s", notes.source, error)
                continue
            of_halves = are_real and planned.needs_real
            found |= {
                score.name: Estimate(score.value, score.standard_error)
                for score in scores
                if score.name in MEASURES and score.baseline == of_halves
            }
        try:
            found[DIVERSITY] = Estimate(_diversity(learned, notes), None)
        except ValueError as error:
            logger.warning("%s: left out: %s: %s", notes.source, DIVERSITY, error)
        return found


def _diversity(real: Side, fake: Side) -> float:
    """Of the notes that have a pitch. Raises: ValueError if there are no pairs."""
    sides: list[npt.ArrayLike] = []
    for side in (real, fake):
        known = side.labels.pitches != NO_PITCH
        sides += [side.arrays[NoteClassifierEmbedding.name]["features"][known], side.labels.pitches[known]]
    return diversity_within_pitch(*sides)
