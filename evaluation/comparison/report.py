"""What `eval.py comparison` does: score every finished run, and say what may be claimed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from evaluation.comparison.checkpoints import kept_checkpoints
from evaluation.comparison.costs import UNITS, costs_of, measure_costs
from evaluation.comparison.during_training import (
    DuringTraining,
    look_at_training,
    require_direction,
    validation_scores,
)
from evaluation.comparison.figures import FOLDER, names_of_figures, write_figures
from evaluation.comparison.findings import find
from evaluation.comparison.record import Record
from evaluation.comparison.runs import FinishedRun, FoundRuns, find_runs, record_run
from evaluation.comparison.scored_notes import FLOOR, UNSEEN, Scorer, Subject
from evaluation.comparison.summary import (
    Summary,
    cost_note,
    direction_notes,
    left_out_notes,
    mark_notes,
    marked_scores,
    missing_notes,
    protocol_notes,
    real_notes_notes,
    recorded_notes,
    statistics_notes,
)
from evaluation.comparison.tables import MARK, TABLES, write_tables
from evaluation.comparison.terms import EqualTerms, record_terms, settle_terms, settle_terms_for_choosing
from evaluation.metrics.seeds import OverSeeds, over_seeds
from evaluation.scoring.results_file import RESULTS, Line
from utils.comparison_file import Comparison
from utils.errors import DataError
from utils.files import require_writable_folder
from utils.own_files import require_replaceable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions:
    """Where results go, how many notes of each run are scored (None: as the file says), by which device and seed."""

    output: Path
    count: int | None
    seed: int
    device: torch.device


@dataclass(frozen=True)
class ScoredComparison:
    """The tables in words, and the runs that they are of."""

    text: str
    runs: Sequence[FinishedRun]


def write_comparison(comparison: Comparison, options: ComparisonOptions) -> ScoredComparison:
    """Score and time every finished run, as far as OUT/results.jsonl lacks it, and write tables and figures.

    Each run's lines are written before the next run is scored, so that an interrupted comparison goes on there.
    Raises: UserError.
    """
    output = options.output
    record = _open_record(comparison, output)
    runs = find_runs(comparison, record)
    for note in left_out_notes(runs.left_out):
        logger.warning("%s", note)
    count = options.count or comparison.count
    terms = settle_terms(runs.finished, comparison.reference, count, record, seed=options.seed)
    for note in recorded_notes(runs.finished, terms):
        logger.info("%s", note)
    scorer = Scorer(terms, comparison.scores, record, output, options.device)
    choosing = _choosing(comparison, runs.finished, terms, record, options)
    record_terms(terms, record)
    here = [run for run in runs.finished if not run.recorded]
    for run in here:  # before anything is scored, so that scores of a command that was stopped can be used, too
        record_run(run, record)
    subjects = scorer.subjects(runs.finished)
    scorer.score(subjects)
    for run in here:
        measure_costs(run, record, options.device)
    during = _during_training(comparison, runs.finished, scorer, record, choosing)
    missing = missing_notes(scorer.missing([*subjects, *(during.subjects if during else ())]))
    for note in missing:
        logger.warning("%s", note)
    scored = [(subject, scorer.lines(subject)) for subject in subjects]
    if not any(lines for _, lines in scored):
        raise DataError(f"{comparison.path}: no score can be computed from these notes; see the warnings above")
    costs = {run.name: costs_of(run, record, options.device) for run in runs.finished}
    summary = _summary(comparison, runs, terms, _values_of(scored), costs, during, missing)
    text = write_tables(output, summary)
    write_figures(output, summary)
    written = f"{output}: {RESULTS}, {', '.join(TABLES)}, {FOLDER}/\n"
    return ScoredComparison(f"{text}\n{written}", runs.finished)


def _open_record(comparison: Comparison, output: Path) -> Record:
    """The record in `output`, once nothing there stands in the way. Raises: UserError."""
    require_writable_folder(output)
    validation = comparison.validation.score if comparison.validation else None
    if validation is not None:
        require_direction(validation, str(comparison.path))
    record = Record.open(output, comparison.name)
    outputs = [output / name for name in (*TABLES, *names_of_figures(comparison.scores, validation))]
    require_replaceable(outputs, lambda _: bool(record.lines), "a table or figure of a comparison")
    return record


@dataclass(frozen=True)
class _Choosing:
    """By what kept checkpoints are compared with each other: the score, its terms, and what computes it."""

    score: str
    terms: EqualTerms
    scorer: Scorer


def _choosing(
    comparison: Comparison,
    runs: Sequence[FinishedRun],
    terms: EqualTerms,
    record: Record,
    options: ComparisonOptions,
) -> _Choosing | None:
    """If the file asks for it; nothing is scored yet, so that a faulty `validation` is found before anything is."""
    asked = comparison.validation
    if asked is None:
        return None
    own = settle_terms_for_choosing(runs, terms, asked.count, record)
    return _Choosing(asked.score, own, Scorer(own, [asked.score], record, options.output, options.device))


def _during_training(
    comparison: Comparison,
    runs: Sequence[FinishedRun],
    scorer: Scorer,
    record: Record,
    choosing: _Choosing | None,
) -> DuringTraining | None:
    """What the kept checkpoints say, if the file asks for them."""
    minutes = comparison.equal_minutes
    if choosing is None and minutes is None:
        return None
    kept = {(run.title, run.seed): kept_checkpoints(run, record) for run in runs}
    validation = None
    if choosing is not None:
        record_terms(choosing.terms, record)
        every = [each for found in kept.values() for each in found]
        validation = validation_scores(every, choosing.scorer, choosing.score, choosing.terms)
    return look_at_training(kept, comparison.titles, scorer, validation=validation, equal_minutes=minutes)


@dataclass(frozen=True)
class _Values:
    """What the lines of all subjects hold, sorted by what they are of."""

    of_runs: dict[tuple[str, str], dict[int, float]]
    floors: dict[str, dict[str, float]]
    unseen: dict[str, float]
    embeddings: dict[str, str]


def _values_of(scored: Sequence[tuple[Subject, Mapping[str, Line]]]) -> _Values:
    found = _Values({}, {}, {}, {})
    for subject, lines in scored:
        for name, line in lines.items():
            found.embeddings[name] = line["embedding"]["name"]
            if subject.kind == UNSEEN:
                found.unseen[name] = line["value"]
            elif subject.kind == FLOOR:
                found.floors.setdefault(str(subject.title), {})[name] = line["value"]
            elif subject.seed is not None:
                found.of_runs.setdefault((str(subject.title), name), {})[subject.seed] = line["value"]
    return found


def _costs(runs: Sequence[FinishedRun], lines: Mapping[str, Mapping[str, Line]]) -> dict[str, dict[str, OverSeeds]]:
    """Representation -> cost -> over the seeds for which it is known, by the `lines` of each run."""
    found: dict[str, dict[str, OverSeeds]] = {}
    for title in dict.fromkeys(run.title for run in runs):
        of_runs = [lines[run.name] for run in runs if run.title == title]
        known = {name: [float(costs[name]["value"]) for costs in of_runs if name in costs] for name in UNITS}
        found[title] = {name: over_seeds(values) for name, values in known.items() if values}
    return found


def _machines(lines: Mapping[str, Mapping[str, Line]]) -> list[str]:
    """Those that notes were timed on."""
    found = (line.get("machine") for costs in lines.values() for line in costs.values())
    return sorted({machine for machine in found if machine})


def _summary(
    comparison: Comparison,
    runs: FoundRuns,
    terms: EqualTerms,
    values: _Values,
    costs: Mapping[str, Mapping[str, Line]],
    during: DuringTraining | None,
    missing: Sequence[str],
) -> Summary:
    findings = find(values.of_runs, comparison.titles, comparison.scores, comparison.baseline)
    return Summary(
        name=comparison.name,
        baseline=comparison.baseline,
        scores=comparison.scores,
        findings=findings,
        floors=values.floors,
        unseen=values.unseen,
        costs=_costs(runs.finished, costs),
        during=during,
        marked=marked_scores(values.embeddings),
        notes=[
            *left_out_notes(runs.left_out),
            *recorded_notes(runs.finished, terms),
            *missing,
            *protocol_notes(runs.finished, terms.protocol, terms.asked, str(comparison.reference.real)),
            *statistics_notes(findings, comparison.baseline),
            *direction_notes(comparison.scores),
            *mark_notes(values.embeddings, MARK),
            *real_notes_notes(terms.real, terms.second),
            *(during.notes if during else ()),
            cost_note(_machines(costs)),
        ],
    )
