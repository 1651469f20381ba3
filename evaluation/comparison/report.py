"""What `eval.py comparison` does: score every finished run, and say what may be claimed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from evaluation.comparison.costs import UNITS, costs_of, measure_costs
from evaluation.comparison.figures import FOLDER, names_of_figures, write_figures
from evaluation.comparison.findings import find
from evaluation.comparison.record import Record
from evaluation.comparison.runs import FinishedRun, FoundRuns, find_runs
from evaluation.comparison.scored_notes import FLOOR, UNSEEN, EqualTerms, Scorer, Subject
from evaluation.comparison.summary import (
    Summary,
    cost_note,
    direction_notes,
    left_out_notes,
    mark_notes,
    marked_scores,
    protocol_notes,
    real_notes_notes,
    statistics_notes,
)
from evaluation.comparison.tables import MARK, TABLES, write_tables
from evaluation.metrics.seeds import OverSeeds, over_seeds
from evaluation.scoring.results_file import RESULTS, Line
from utils.comparison_file import Comparison
from utils.device import device_name
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
    require_writable_folder(output)
    record = Record.open(output, comparison.name)
    outputs = [output / name for name in (*TABLES, *names_of_figures(comparison.scores))]
    require_replaceable(outputs, lambda _: bool(record.lines), "a table or figure of a comparison")
    runs = find_runs(comparison)
    for note in left_out_notes(runs.left_out):
        logger.warning("%s", note)
    count = options.count or comparison.count
    terms = EqualTerms(runs.finished, comparison.reference, count, seed=options.seed)
    scorer = Scorer(terms, comparison.scores, record, output, options.device)
    subjects = scorer.subjects(runs.finished)
    scorer.score(subjects)
    for run in runs.finished:
        measure_costs(run, record, options.device)
    scored = [(subject, scorer.lines(subject)) for subject in subjects]
    if not any(lines for _, lines in scored):
        raise DataError(f"{comparison.path}: no score can be computed from these notes; see the warnings above")
    costs = _costs(runs.finished, record, options.device)
    summary = _summary(comparison, runs, terms, _values_of(scored), costs, device_name(options.device))
    text = write_tables(output, summary)
    write_figures(output, summary)
    written = f"{output}: {RESULTS}, {', '.join(TABLES)}, {FOLDER}/\n"
    return ScoredComparison(f"{text}\n{written}", runs.finished)


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


def _costs(runs: Sequence[FinishedRun], record: Record, device: torch.device) -> dict[str, dict[str, OverSeeds]]:
    """Representation -> cost -> over the seeds for which it is known."""
    found: dict[str, dict[str, OverSeeds]] = {}
    for title in dict.fromkeys(run.title for run in runs):
        of_runs = [costs_of(run, record, device) for run in runs if run.title == title]
        known = {name: [costs[name] for costs in of_runs if name in costs] for name in UNITS}
        found[title] = {name: over_seeds(values) for name, values in known.items() if values}
    return found


def _summary(
    comparison: Comparison,
    runs: FoundRuns,
    terms: EqualTerms,
    values: _Values,
    costs: Mapping[str, Mapping[str, OverSeeds]],
    machine: str,
) -> Summary:
    findings = find(values.of_runs, comparison.titles, comparison.scores, comparison.baseline)
    return Summary(
        name=comparison.name,
        baseline=comparison.baseline,
        scores=comparison.scores,
        findings=findings,
        floors=values.floors,
        unseen=values.unseen,
        costs=costs,
        marked=marked_scores(values.embeddings),
        notes=[
            *left_out_notes(runs.left_out),
            *protocol_notes(runs.finished, terms.to_plain(), terms.asked, str(comparison.reference.real)),
            *statistics_notes(findings, comparison.baseline),
            *direction_notes(comparison.scores),
            *mark_notes(values.embeddings, MARK),
            *real_notes_notes(terms.real, terms.second),
            cost_note(machine),
        ],
    )
