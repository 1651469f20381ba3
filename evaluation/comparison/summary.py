"""What a comparison found, as its tables and figures show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from evaluation.comparison.costs import UNITS
from evaluation.comparison.during_training import DuringTraining
from evaluation.comparison.findings import SIGNIFICANCE, Finding
from evaluation.comparison.real_notes import RealNotes
from evaluation.comparison.runs import FinishedRun
from evaluation.comparison.terms import EqualTerms
from evaluation.metrics.seeds import CONFIDENCE, OverSeeds
from evaluation.scoring.verdict import higher_is_better
from utils.spelling import counted

_HEAR_LOG_MAGNITUDES = ("note-classifier", "inception", "vggish", "musicnn")
_ALIKE = 1.1  # largest number of parameters over the smallest


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Findings by representation and score in the order of the comparison file, and what stands beside them."""

    name: str
    baseline: str
    scores: Sequence[str]
    findings: Sequence[Finding]
    floors: Mapping[str, Mapping[str, float]]  # representation -> score -> that of real notes there and back
    unseen: Mapping[str, float]  # score -> that of other real notes; {} without a second reference
    costs: Mapping[str, Mapping[str, OverSeeds]]  # representation -> cost -> over its seeds
    during: DuringTraining | None
    """What kept checkpoints say; None: the file does not ask for them."""
    marked: Sequence[str]
    """The scores whose network hears log-magnitudes."""
    notes: Sequence[str]
    """Sentences that a reader needs: protocol, statistics, what is left out."""

    def by_representation(self) -> list[tuple[str, list[Finding]]]:
        """Each representation with its findings, one for each score."""
        return [(title, list(group)) for title, group in groupby(self.findings, key=lambda each: each.representation)]


def protocol_notes(runs: Sequence[FinishedRun], protocol: Mapping[str, Any], asked: int, real: str) -> list[str]:
    """On what terms all of them were trained and scored; `asked` is the number of notes that there should be."""
    per_pitch = list(protocol["notes_per_pitch"].values())
    labels = "of any pitch"
    if per_pitch:
        labels = f"{counted(len(per_pitch), 'pitch', 'pitches')}, {_range(per_pitch)} of each, the same on both sides"
    fewer = "" if protocol["count"] >= asked else f" (not {asked}: there are too few real notes of these pitches)"
    parameters = [run.parameters for run in runs]
    ratio = max(parameters) / min(parameters)
    alike = "" if ratio <= _ALIKE else f", which are not alike: the largest has {ratio:.2f} times those of the smallest"
    return [
        f"Scores: {counted(protocol['count'], 'note')} of the last checkpoint of each run against as many real notes "
        f"of {real}{fewer}; {labels}; latents not truncated.",
        f"Training: {_range([run.notes_seen for run in runs])} notes seen by each run, {_range(parameters)} parameters "
        f"of both networks together{alike}; seeds {', '.join(map(str, sorted({run.seed for run in runs})))}.",
    ]


def statistics_notes(findings: Sequence[Finding], baseline: str) -> list[str]:
    """What means, intervals and claims are."""
    n_tests = sum(each.p_holm is not None for each in findings)
    most = max((each.over.n for each in findings if each.over), default=0)
    said = [
        f"The unit is the seed: mean over seeds [t-interval of {100 * CONFIDENCE:g} %]. Rows are in the order of the "
        "file, which is no rank."
    ]
    if n_tests:
        said.append(
            f"Each representation is compared with {baseline} by a two-sided t-test, paired by seed; p is corrected by "
            f"Holm's method over {counted(n_tests, 'test')}. Better or worse is said where p < {SIGNIFICANCE}."
        )
    if most == 1:
        said.append("There is one seed: no interval, no test, and no claim.")
    elif any(each.over and each.over.n == 1 for each in findings):
        said.append("A representation with one seed has no interval and no test.")
    return said


def direction_notes(scores: Sequence[str]) -> list[str]:
    """Which scores are better the higher, which the lower."""
    kinds = {True: "Higher is better", False: "Lower is better", None: "Neither is better by itself"}
    found = {words: [name for name in scores if higher_is_better(name) is kind] for kind, words in kinds.items()}
    return [" ".join(f"{words}: {', '.join(names)}." for words, names in found.items() if names)]


def marked_scores(embeddings: Mapping[str, str]) -> list[str]:
    """The scores whose network, in `embeddings` by score, hears log-magnitudes."""
    return [score for score, heard_by in embeddings.items() if heard_by.startswith(_HEAR_LOG_MAGNITUDES)]


def mark_notes(embeddings: Mapping[str, str], mark: str) -> list[str]:
    """What the marked scores cannot hear."""
    heard = sorted({embeddings[score] for score in marked_scores(embeddings)})
    if not heard:
        return []
    return [
        f"Scores marked {mark} are computed by a network that was trained on log-magnitudes ({', '.join(heard)}): they "
        "could favour representations that are like its own input, and are nearly deaf to phase."
    ]


def real_notes_notes(real: RealNotes, second: RealNotes | None) -> list[str]:
    """What the rows of real notes are."""
    through = "Real notes through a representation are turned into its images and back, without any network"
    if second is None:
        return [
            f"{through}. They are those of {real.folder}, which are on the other side of each distance too: distances "
            "are smaller than those of other notes could be."
        ]
    n = second.count
    fewer = f", not {real.count}, since it has too few of some pitches" if n < real.count else ""
    return [f"{through}. They and the unseen real notes are {counted(n, 'note')} of {second.folder}{fewer}."]


def left_out_notes(left_out: Mapping[str, str]) -> list[str]:
    """Which runs are not in the tables, and why."""
    if not left_out:
        return []
    runs = "; ".join(f"{name} ({reason})" for name, reason in left_out.items())
    return [f"Left out, {counted(len(left_out), 'run')}: {runs}."]


def recorded_notes(runs: Sequence[FinishedRun], terms: EqualTerms) -> list[str]:
    """What is not here, and therefore known from the record alone."""
    recorded = [f"{run.name} (recorded on {_day(run.recorded)})" for run in runs if run.recorded]
    said = []
    if recorded:
        said.append(
            f"From the record alone, since their runs are not here, {counted(len(recorded), 'run')}: "
            f"{'; '.join(recorded)}."
        )
    absent = [str(notes.folder) for notes in (terms.real, terms.second) if notes and notes.records is None]
    if absent and terms.recorded:
        said.append(
            f"The real notes of {' and '.join(absent)} are not here: which they are, and what was scored against them, "
            f"is from the record of {_day(terms.recorded)}."
        )
    return said


def missing_notes(missing: Mapping[str, Sequence[str]]) -> list[str]:
    """Which scores of what could not be computed, for want of runs or real notes."""
    if not missing:
        return []
    subjects = "; ".join(f"{name} ({', '.join(scores)})" for name, scores in missing.items())
    return [f"Not in the record on these terms, and not computed, since runs or real notes are not here: {subjects}."]


def _day(date: str) -> str:
    return date.partition("T")[0]


def cost_note(machines: Sequence[str]) -> str:
    """How costs were measured; notes on these `machines`."""
    timed = f" Notes are timed one by one on {' and '.join(machines)}." if machines else ""
    return (
        "Costs: means over seeds. Training times are by the pace in each run's log, on the machine that trained it and "
        f"with all that ran beside it; a step is one at the last scale.{timed} Peak memory is not recorded."
    )


def cost_heading(name: str) -> str:
    """The name of a cost with its unit."""
    return f"{name} ({UNITS[name]})" if UNITS[name] else name


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
