"""The scores of every finished run, of each representation alone, and of unseen real notes, on equal terms."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from audio_transforms import build_transform
from evaluation.comparison.real_notes import (
    RealNotes,
    balanced_pitches,
    labels_of,
    notes_of_pitches,
    shortest_cycle,
)
from evaluation.comparison.record import Record
from evaluation.comparison.runs import FinishedRun
from evaluation.embeddings.features import Embedding
from evaluation.scoring.generated_notes import GenerationOptions
from evaluation.scoring.metric_card import metric_card
from evaluation.scoring.open_side import SideOptions, reader_of, side_of_folder, side_of_made, side_of_run
from evaluation.scoring.reference_notes import after_representation
from evaluation.scoring.results_file import Line
from evaluation.scoring.score_embeddings import EmbeddingOptions, embeddings_for
from evaluation.scoring.score_map import PlannedScore
from evaluation.scoring.score_plan import chosen_scores, plan_all
from evaluation.scoring.score_report import compute_score, embeddings_of
from evaluation.scoring.side import Side
from utils.cli import show_progress
from utils.comparison_file import ReferenceNotes
from utils.config import ExperimentConfig
from utils.errors import DataError

logger = logging.getLogger(__name__)

RUN, FLOOR, UNSEEN = "run", "floor", "unseen"
_FEATURES = "features"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is scored: a run, real notes after a representation and back, or unseen real notes."""

    kind: str
    title: str | None  # of the representation
    seed: int | None  # of the training
    sha256: str | None  # of the checkpoint
    settings: Mapping[str, Any]  # what the notes depend on beside checkpoint and protocol
    open: Callable[[Sequence[Embedding]], Side]

    def to_plain(self) -> dict[str, Any]:
        """What a line says of it, as JSON values."""
        return {
            "kind": self.kind,
            "representation": self.title,
            "training_seed": self.seed,
            "checkpoint_sha256": self.sha256,
            "subject": dict(self.settings),
        }


class EqualTerms:
    """The notes that every run makes and the real notes that it is compared with: equal numbers, pitches in turn."""

    def __init__(self, runs: Sequence[FinishedRun], reference: ReferenceNotes, count: int, *, seed: int) -> None:
        """`count` notes, or as many as there are real ones. Raises: UserError if these cannot be read, or have no
        pitch that all runs know.
        """
        self.seed, self.asked = seed, count
        self.pitches = _common_pitches(runs, reference.real, count)
        self.labels = labels_of(self.pitches or [None] * count)
        self.real = RealNotes.chosen(reference.real, self.labels, seed)
        second = reference.second
        self.second = None if second is None else RealNotes.chosen(second, self.labels, seed)
        # without pitches there may be fewer real notes than asked for
        self.count = len(self.real.records)

    def generation(self) -> GenerationOptions:
        """How a run makes its notes."""
        return GenerationOptions(count=self.count, pitches=shortest_cycle(self.pitches) if self.pitches else None)

    def to_plain(self) -> dict[str, Any]:
        """As JSON values; scores are those of one protocol where these are equal."""
        per_pitch = {str(pitch): notes for pitch, notes in sorted(Counter(self.pitches).items())}
        return {"count": self.count, "notes_per_pitch": per_pitch, "seed": self.seed, "real_sha256": self.real.sha256}


def _common_pitches(runs: Sequence[FinishedRun], real: Path, count: int) -> list[int]:
    """The pitch of each note; none if some run is not conditioned on pitch."""
    known = [run.pitches for run in runs]
    if None in known:
        return []
    common = frozenset.intersection(*(pitches for pitches in known if pitches is not None))
    available = {pitch: notes for pitch, notes in notes_of_pitches(real).items() if pitch in common}
    if not available:
        raise DataError(f"{real}: holds no note of a pitch that all runs know; give other real notes")
    return balanced_pitches(available, count)


class Scorer:
    """Computes what the record lacks of the primary `scores`, and finds what it has."""

    def __init__(
        self, terms: EqualTerms, scores: Sequence[str], record: Record, output: Path, device: torch.device
    ) -> None:
        """Features of notes are kept below `output`. Raises: UserError if a score is unknown."""
        self._terms, self._record, self._scores, self._device = terms, record, list(scores), device
        planned = plan_all(embeddings_for(scores, EmbeddingOptions(device=device)), infinite=False, seed=terms.seed)
        self._planned = chosen_scores(planned, scores)
        self._sides = SideOptions(
            cache=output / _FEATURES, skip_broken=False, device=device, generation=terms.generation()
        )

    def subjects(self, runs: Sequence[FinishedRun]) -> list[Subject]:
        """All that is scored: the runs, then the floor of each representation, then unseen real notes."""
        experiments = {run.title: run.experiment for run in reversed(runs)}
        second = self._terms.second
        return [
            *(self._of_run(run) for run in runs),
            *(self._of_floor(title, experiments[title]) for title in dict.fromkeys(run.title for run in runs)),
            *([self._of_unseen(second)] if second else []),
        ]

    def score(self, subjects: Sequence[Subject]) -> None:
        """Score what is not in the record yet, one subject after the other. Raises: UserError."""
        lacking = [(subject, self._lacking(subject)) for subject in subjects]
        with tqdm(total=len(subjects), desc="scoring", unit="run", disable=not show_progress(), leave=False) as bar:
            for subject, planned in lacking:
                if planned:
                    self._record.append(self._lines(subject, planned))
                bar.update()

    def lines(self, subject: Subject) -> dict[str, Line]:
        """Score -> its line of the `subject`, for the scores that it has."""
        found = {name: self._record.find(self._identity(subject, self._owner(name), name)) for name in self._scores}
        return {name: line for name, line in found.items() if line is not None}

    @cached_property
    def _real(self) -> Side:
        terms = self._terms
        return side_of_folder(terms.real.folder, self._embeddings, self._sides, terms.labels, terms.seed)

    @property
    def _embeddings(self) -> list[Embedding]:
        return embeddings_of(self._planned)

    def _owner(self, score: str) -> PlannedScore[Side]:
        return next(each for each in self._planned if score in each.name.split(", "))

    def _identity(self, subject: Subject, planned: PlannedScore[Side], score: str) -> dict[str, Any]:
        """What a line has that need not be computed again."""
        embedding = planned.embedding
        return {
            **subject.to_plain(),
            "name": score,
            "protocol": self._terms.to_plain(),
            "embedding": {"name": embedding.name, **embedding.identity},
        }

    def _lacking(self, subject: Subject) -> list[PlannedScore[Side]]:
        have = self.lines(subject)
        owners = [self._owner(name) for name in self._scores if name not in have]
        return list({each.name: each for each in owners}.values())

    def _lines(self, subject: Subject, planned: Sequence[PlannedScore[Side]]) -> Iterator[dict[str, Any]]:
        side = subject.open(self._embeddings)
        for each in planned:
            try:
                scores = compute_score(each, self._real, side)
            except DataError as error:
                logger.warning("%s: left out: %s", side.source, error)
                continue
            for score in scores:
                if not score.baseline and score.name in self._scores:
                    card = metric_card(
                        score, each.embedding, self._real, side, seed=self._terms.seed, device=self._device
                    )
                    yield {**card, **self._identity(subject, each, score.name)}

    def _of_run(self, run: FinishedRun) -> Subject:
        return Subject(
            kind=RUN,
            title=run.title,
            seed=run.seed,
            sha256=run.sha256,
            settings={},
            open=partial(side_of_run, run.folder, options=self._sides),
        )

    def _of_floor(self, title: str, experiment: ExperimentConfig) -> Subject:
        """Of the unseen real notes where there are any: the others are on the real side of every distance already."""
        notes = self._terms.second or self._terms.real
        return Subject(
            kind=FLOOR,
            title=title,
            seed=None,
            sha256=None,
            settings={"transform": experiment.transform.to_plain(), "notes_sha256": notes.sha256},
            open=partial(_restored, title, notes, experiment),
        )

    def _of_unseen(self, second: RealNotes) -> Subject:
        terms = self._terms
        opened = partial(side_of_folder, second.folder, options=self._sides, like=terms.labels, seed=terms.seed)
        return Subject(
            kind=UNSEEN, title=None, seed=None, sha256=None, settings={"notes_sha256": second.sha256}, open=opened
        )


def _restored(title: str, notes: RealNotes, experiment: ExperimentConfig, embeddings: Sequence[Embedding]) -> Side:
    transform = build_transform(experiment.transform)
    restored = after_representation(notes.records, transform, reader_of(notes.folder))
    return side_of_made(f"{notes.folder} after {title} and back", restored, embeddings, transform.sample_rate)
