"""The scores of every finished run, of each representation alone, and of unseen real notes, on equal terms."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from audio_transforms import build_transform
from evaluation.comparison.checkpoints import KeptCheckpoint
from evaluation.comparison.real_notes import RealNotes
from evaluation.comparison.record import Record
from evaluation.comparison.runs import FinishedRun
from evaluation.comparison.terms import EqualTerms
from evaluation.embeddings.features import Embedding
from evaluation.scoring.metric_card import metric_card
from evaluation.scoring.open_side import SideOptions, reader_of, side_of_made, side_of_records, side_of_run
from evaluation.scoring.reference_notes import after_representation
from evaluation.scoring.results_file import Line
from evaluation.scoring.score_embeddings import EmbeddingOptions, embeddings_for
from evaluation.scoring.score_map import PlannedScore
from evaluation.scoring.score_plan import chosen_scores, plan_all
from evaluation.scoring.score_report import compute_score, embeddings_of
from evaluation.scoring.side import Side
from utils.cli import show_progress
from utils.config import ExperimentConfig
from utils.errors import CheckpointError, DataError

logger = logging.getLogger(__name__)

RUN, FLOOR, UNSEEN, CHECKPOINT, VALIDATION = "run", "floor", "unseen", "checkpoint", "validation"
_FEATURES = "features"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is scored: a run, real notes after a representation and back, or unseen real notes."""

    kind: str
    title: str | None  # of the representation
    seed: int | None  # of the training
    sha256: str | None  # of the checkpoint
    settings: Mapping[str, Any]  # what the notes depend on beside checkpoint and protocol
    open: Callable[[Sequence[Embedding]], Side] | None  # None: it is not here
    place: str = ""  # of a checkpoint in its run, for messages

    @property
    def name(self) -> str:
        """For messages."""
        if self.kind == FLOOR:
            return f"real notes through {self.title}"
        return "unseen real notes" if self.seed is None else f"{self.title}, seed {self.seed}{self.place}"

    def to_plain(self) -> dict[str, Any]:
        """What a line says of it, as JSON values."""
        return {
            "kind": self.kind,
            "representation": self.title,
            "training_seed": self.seed,
            "checkpoint_sha256": self.sha256,
            "subject": dict(self.settings),
        }


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

    def of_checkpoint(self, kept: KeptCheckpoint, kind: str) -> Subject:
        """A checkpoint of a run, to be scored as such or for choosing; by its `kind`, the last one may be its run."""
        at_place = replace(self._terms.generation(), scale=kept.scale, iteration=kept.iteration)
        sides = replace(self._sides, generation=at_place)
        return Subject(
            kind=kind,
            title=kept.title,
            seed=kept.seed,
            sha256=kept.sha256,
            settings={},
            open=partial(side_of_run, kept.folder, options=sides) if kept.folder and not self._real_is_absent else None,
            place=f", step {kept.step:,}",
        )

    def score(self, subjects: Sequence[Subject]) -> None:
        """Score what is not in the record yet, one subject after the other. Raises: UserError."""
        lacking = [(subject, self._lacking(subject)) for subject in subjects]
        with tqdm(total=len(subjects), desc="scoring", unit="run", disable=not show_progress(), leave=False) as bar:
            for subject, planned in lacking:
                if planned and subject.open is not None:
                    self._record.append(self._lines(subject, planned, subject.open))
                bar.update()

    def missing(self, subjects: Sequence[Subject]) -> dict[str, list[str]]:
        """Name of each subject that is not here -> its scores that are not in the record."""
        found = {
            each.name: [name for name in self._scores if name not in self.lines(each)]
            for each in subjects
            if not each.open
        }
        return {name: scores for name, scores in found.items() if scores}

    def lines(self, subject: Subject) -> dict[str, Line]:
        """Score -> its line of the `subject`, for the scores that it has."""
        found = {name: self._record.find(self._identity(subject, self._owner(name), name)) for name in self._scores}
        return {name: line for name, line in found.items() if line is not None}

    @cached_property
    def _real(self) -> Side:
        real = self._terms.real
        return side_of_records(real.folder, real.records or (), self._embeddings, self._sides)

    @property
    def _real_is_absent(self) -> bool:
        return self._terms.real.records is None

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
            "protocol": dict(self._terms.protocol),
            "embedding": {"name": embedding.name, **embedding.identity},
        }

    def _lacking(self, subject: Subject) -> list[PlannedScore[Side]]:
        have = self.lines(subject)
        owners = [self._owner(name) for name in self._scores if name not in have]
        return list({each.name: each for each in owners}.values())

    def _lines(
        self,
        subject: Subject,
        planned: Sequence[PlannedScore[Side]],
        opened: Callable[[Sequence[Embedding]], Side],
    ) -> Iterator[dict[str, Any]]:
        try:
            side = opened(self._embeddings)
        except CheckpointError as error:
            logger.warning("%s: left out: %s", subject.name, error)
            return
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
            open=None
            if run.recorded or self._real_is_absent
            else partial(side_of_run, run.folder, options=self._sides),
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
            open=None
            if notes.records is None or self._real_is_absent
            else partial(_restored, title, notes, experiment),
        )

    def _of_unseen(self, second: RealNotes) -> Subject:
        opened = partial(side_of_records, second.folder, second.records or (), options=self._sides)
        return Subject(
            kind=UNSEEN,
            title=None,
            seed=None,
            sha256=None,
            settings={"notes_sha256": second.sha256},
            open=None if second.records is None or self._real_is_absent else opened,
        )


def _restored(title: str, notes: RealNotes, experiment: ExperimentConfig, embeddings: Sequence[Embedding]) -> Side:
    transform = build_transform(experiment.transform)
    restored = after_representation(notes.records or (), transform, reader_of(notes.folder))
    return side_of_made(f"{notes.folder} after {title} and back", restored, embeddings, transform.sample_rate)
