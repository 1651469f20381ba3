"""What a score command writes: a line with a metric card for each score in results.jsonl, and tables."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.note_folder import notes_of_folder
from evaluation.embeddings.features import Embedding
from evaluation.scoring.comparison import warnings_of_new
from evaluation.scoring.instrument_errors import rows_of_pitches
from evaluation.scoring.metric_card import metric_card
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.open_side import SideOptions, is_run, open_like, open_side, reader_of, side_of_made
from evaluation.scoring.reference_notes import RATE, after_representation, noise, sines
from evaluation.scoring.results_file import RESULTS, TABLES, Line, append_results, read_own_results, results_table
from evaluation.scoring.score_map import PlannedScore
from evaluation.scoring.scores import Score
from evaluation.scoring.side import Side
from evaluation.scoring.verdict import verdicts
from generation.instrument import Instrument
from utils.errors import DataError
from utils.files import require_writable_folder
from utils.spelling import counted

logger = logging.getLogger(__name__)

_ALIKE = 0.9  # of the notes: fewer are said
_WHY_NONE = "the real notes are too few to be divided, or have no pitch"
_NOT_HEARD = "the statistics file of the real notes lacks what it needs"


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Both sides, where the results go, and the seed of subsets and splits.

    With `leave_out`, a score that these notes do not allow (too few, no asked pitch) is left out with a warning.
    """

    real: Path | None
    fake: Path
    output: Path
    sides: SideOptions
    seed: int
    leave_out: bool
    references: bool = False
    """Whether sines, noise, and real notes after the run's representation are scored too, at the same pitches."""
    unseen: Path | None = None
    """Real notes that the networks did not learn from, to be scored too."""


@dataclass(frozen=True)
class ScoreReport:
    """The new lines of results.jsonl, and what else the user should know; both are empty on ranks that do not lead."""

    lines: list[Line]
    said: list[str]

    def in_words(self) -> str:
        """The table and the remarks for the terminal."""
        return "\n".join([results_table(self.lines), "", *self.said, ""])


def write_scores(planned: Sequence[PlannedScore[Side]], options: ReportOptions) -> ScoreReport:
    """Compute what is `planned`, append it to OUT/results.jsonl, and rewrite the tables made from there.

    Each side is decoded once for each sample rate, and embedded once by each network; several ranks share that work,
    and rank 0 does the rest. Raises: UserError.
    """
    require_writable_folder(options.output)
    earlier = read_own_results(options.output)
    heard = embeddings_of([each for each in planned if each.hears_all_real])
    real = open_side(options.real, heard, options.sides) if options.real and heard else None
    fake = open_side(options.fake, embeddings_of(planned), options.sides)
    heard = embeddings_of([each for each in planned if not each.hears_all_real])
    few = open_like(options.real, heard, options.sides, fake.labels, options.seed) if options.real and heard else None
    if not options.sides.ranks.leads:
        return ScoreReport([], [])
    if real and real.sha256.items() <= fake.sha256.items():
        logger.warning("both sides are the same notes: distances are smaller than between two sets from one source")
    references = _references(planned, fake, options)
    lines: list[Line] = []
    said = [f"{options.output}: {RESULTS}, {', '.join(TABLES)}"]
    splits: dict[str, list[str]] = {}
    for each in planned:
        beside = real if each.hears_all_real else few
        try:
            scores = compute_score(each, beside, fake)
        except DataError as error:
            if not options.leave_out:
                raise
            logger.warning("left out: %s", error)
            continue
        said += [f"{score.name}: {remark}" for score in scores if not score.baseline for remark in score.remarks]
        for score in scores:
            if "split" in score.details:
                splits.setdefault(_in_words(score.details), []).append(score.name)
        if options.real and not any(score.baseline for score in scores):
            said.append(f"{each.name}: no baseline: {_WHY_NONE if beside else _NOT_HEARD}")
        card = partial(metric_card, seed=options.seed, device=options.sides.device)
        found = verdicts(scores)
        said += [f"{name}: {verdict}" for name, verdict in found.items()]
        for score in scores:
            verdict = None if score.baseline else found.get(score.name)
            others = {} if score.baseline else _values_of(each, score.name, beside, references)
            lines.append({**card(score, each.embedding, beside, fake), "verdict": verdict, "references": others})
    if not lines:
        raise DataError(f"{options.fake}: no score can be computed from these notes; see the warnings above")
    said += [f"baselines of {', '.join(names)}: {split}" for split, names in splits.items()]
    said += _remarks_on(references, fake)
    for warning in warnings_of_new(earlier, lines):
        logger.warning("%s", warning)
    append_results(options.output, lines)
    return ScoreReport(lines, said)


def _references(planned: Sequence[PlannedScore[Side]], fake: Side, options: ReportOptions) -> dict[str, Side]:
    """Name -> what else is scored, as many notes as generated ones."""
    embeddings = embeddings_of(planned)
    found: dict[str, Side] = {}
    if options.unseen:
        unseen = open_like(options.unseen, embeddings, options.sides, fake.labels, options.seed)
        if unseen is None:
            raise DataError(
                f"{options.unseen}: lacks features of {', '.join(each.name for each in embeddings)}, or of some of "
                "them; make the file again with eval.py statistics"
            )
        found["unseen"] = unseen
    if options.references:
        found["sines"] = side_of_made("pure sines", sines(fake.labels), embeddings, RATE)
        found |= _floor(fake, embeddings, options)
        found["noise"] = side_of_made("noise", noise(fake.labels, options.seed), embeddings, RATE)
    return found


def _remarks_on(references: Mapping[str, Side], fake: Side) -> list[str]:
    """What keeps references from being like for like."""
    return [
        f"{name}: {counted(len(side), 'note')} for {len(fake)} generated, since it has too few at some of their "
        "pitches; pis, iis and distances depend on both"
        for name, side in references.items()
        if len(side) < _ALIKE * len(fake)
    ]


def _in_words(details: Mapping[str, Any]) -> str:
    """How real notes were divided for a baseline."""
    if "instruments" not in details:
        return f"real notes divided {details['split']}: an instrument may be on both sides"
    one, other = details["instruments"]
    return f"real notes divided {details['split']}, {one} against {other}: no instrument is on both sides"


def _floor(fake: Side, embeddings: Sequence[Embedding], options: ReportOptions) -> dict[str, Side]:
    """Real notes after the representation of the run that is scored; nothing where either is not at hand."""
    if not is_run(options.fake) or options.real is None or is_run(options.real) or not options.real.is_dir():
        return {}
    place = options.sides.generation
    run = Instrument.from_run(options.fake, scale=place.scale, iteration=place.iteration, device=torch.device("cpu"))
    records = notes_of_folder(options.real)
    rows = rows_of_pitches(NoteLabels.of(records), fake.labels, np.arange(len(records)), options.seed)
    restored = after_representation([records[row] for row in rows], run.transform, reader_of(options.real))
    return {"floor": side_of_made("real notes restored", restored, embeddings, run.sample_rate)}


def _values_of(
    planned: PlannedScore[Side], name: str, real: Side | None, references: Mapping[str, Side]
) -> dict[str, float]:
    """Reference -> its score of that name, where it has one."""
    found: dict[str, float] = {}
    for reference, side in references.items():
        try:
            values = {score.name: score.value for score in compute_score(planned, real, side) if not score.baseline}
        except DataError as error:
            logger.warning("%s has no score: %s", reference, error)
            continue
        found[reference] = values[name]
    return found


def embeddings_of(planned: Sequence[PlannedScore[Side]]) -> list[Embedding]:
    """The embeddings that the `planned` scores need, each once."""
    return list({each.embedding.name: each.embedding for each in planned}.values())


def compute_score(planned: PlannedScore[Side], real: Side | None, fake: Side) -> list[Score]:
    """What is `planned`, of two sides. Raises: DataError if they do not allow it."""
    for side in (real, fake):
        if side and planned.embedding.name not in side.arrays:
            there = ", ".join(side.arrays) or "none of those asked for"
            raise DataError(
                f"{planned.name}: {side.source} holds no features of {planned.embedding.name} (it has {there}); "
                "make the file again with eval.py statistics"
            )
    return planned.compute(real, fake)
