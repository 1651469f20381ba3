"""What the kept checkpoints of a comparison say: scores for choosing them, and those of the chosen ones."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from evaluation.comparison.checkpoints import KeptCheckpoint, best_of, fastest_time, last_within, with_shortest_times
from evaluation.comparison.scored_notes import CHECKPOINT, RUN, VALIDATION, Scorer, Subject
from evaluation.comparison.terms import EqualTerms
from evaluation.metrics.seeds import OverSeeds, over_seeds
from evaluation.scoring.verdict import higher_is_better
from utils.errors import ConfigError
from utils.spelling import counted

SOONER = "†"
BEST, LAST, EQUAL_TIME = "best", "last", "equal-time"
_MINUTE = 60  # s


@dataclass(frozen=True)
class Validation:
    """The score for choosing: its name, its value by the hash of each checkpoint that has one, and its terms."""

    score: str
    values: Mapping[str, float]
    terms: EqualTerms


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """One checkpoint of each run of a representation, chosen in one way, and their scores over the seeds."""

    how: str
    title: str
    checkpoints: Sequence[KeptCheckpoint]
    scores: Mapping[str, OverSeeds]
    """Those that are known of all checkpoints: a mean over some of them would say something else."""
    ended_sooner: bool  # at equal time: some run was trained to its end before


@dataclass(frozen=True, kw_only=True)
class DuringTraining:
    """The kept checkpoints of all runs, and those that were chosen."""

    kept: Sequence[KeptCheckpoint]
    validation: Validation | None  # None: nothing is chosen by a score
    seconds: float | None  # the equal time
    chosen: Sequence[Chosen]
    subjects: Sequence[Subject]
    """The chosen checkpoints that are not the last of their runs."""
    notes: Sequence[str]
    """Sentences that a reader needs."""

    def of(self, *ways: str) -> list[Chosen]:
        """The choices of these ways, in the order of the representations."""
        return [each for each in self.chosen if each.how in ways]


def require_direction(score: str, where: str) -> None:
    """Raise ConfigError unless it is known whether higher or lower values of `score` are better."""
    if higher_is_better(score) is None:
        raise ConfigError(
            f"{where}: validation.score={score}: neither higher nor lower is better, so that it can choose nothing; "
            "name another score"
        )


def validation_scores(kept: Sequence[KeptCheckpoint], scorer: Scorer, score: str, terms: EqualTerms) -> Validation:
    """Score every checkpoint that the record lacks, by the `scorer` on these `terms`. Raises: UserError."""
    subjects = [scorer.of_checkpoint(each, VALIDATION) for each in kept]
    scorer.score(subjects)
    lines = {str(each.sha256): scorer.lines(each) for each in subjects}
    values = {sha256: float(found[score]["value"]) for sha256, found in lines.items() if score in found}
    return Validation(score, values, terms)


def look_at_training(
    runs: Mapping[tuple[str, int], Sequence[KeptCheckpoint]],
    titles: Sequence[str],
    scorer: Scorer,
    *,
    validation: Validation | None,
    equal_minutes: float | None,
) -> DuringTraining:
    """Choose checkpoints by the `validation` scores and by time, and give them the scores of `scorer`.

    `runs`: title and seed -> the kept checkpoints that are known. Raises: UserError if they cannot be scored.
    """
    kept = with_shortest_times([each for found in runs.values() for each in found])
    runs = {(title, seed): [each for each in kept if (each.title, each.seed) == (title, seed)] for title, seed in runs}
    seconds = fastest_time(kept) if equal_minutes is None else _MINUTE * equal_minutes
    ways = _choices(runs.values(), validation, seconds)
    picked = {how: [each for each in found if each is not None] for how, found in ways.items()}
    subjects = {each.sha256: _subject(scorer, each) for found in picked.values() for each in found}
    scorer.score(list(subjects.values()))
    chosen = [
        _chosen(how, title, [each for each in picked[how] if each.title == title], scorer, subjects, seconds)
        for title in titles
        for how in picked
    ]
    without = [name for name, each in zip(runs, ways.get(EQUAL_TIME, [None] * len(runs)), strict=True) if each is None]
    return DuringTraining(
        kept=kept,
        validation=validation,
        seconds=seconds,
        chosen=[each for each in chosen if each.checkpoints],
        subjects=[each for each in subjects.values() if each.kind == CHECKPOINT],
        notes=[
            *_kept_notes(runs),
            *_time_notes(seconds, equal_minutes, without),
            *(_validation_notes(kept, validation) if validation else ()),
        ],
    )


def _choices(
    runs: Collection[Sequence[KeptCheckpoint]], validation: Validation | None, seconds: float | None
) -> dict[str, list[KeptCheckpoint | None]]:
    """Way -> the checkpoint of each run, None where there is none; only the ways for which enough is known."""
    ways: dict[str, list[KeptCheckpoint | None]] = {}
    if validation is not None:
        higher = higher_is_better(validation.score) is True
        ways[BEST] = [best_of(each, validation.values, higher=higher) for each in runs]
        ways[LAST] = [_last(each) for each in runs]
    if seconds is not None:
        ways[EQUAL_TIME] = [last_within(each, seconds) for each in runs]
    return ways


def _last(kept: Iterable[KeptCheckpoint]) -> KeptCheckpoint | None:
    return next((each for each in kept if each.is_last), None)


def _subject(scorer: Scorer, kept: KeptCheckpoint) -> Subject:
    return scorer.of_checkpoint(kept, RUN if kept.is_last else CHECKPOINT)


def _chosen(
    how: str,
    title: str,
    kept: Sequence[KeptCheckpoint],
    scorer: Scorer,
    subjects: Mapping[str, Subject],
    seconds: float | None,
) -> Chosen:
    values: dict[str, list[float]] = {}
    for each in kept:
        for name, line in scorer.lines(subjects[each.sha256]).items():
            values.setdefault(name, []).append(float(line["value"]))
    return Chosen(
        how=how,
        title=title,
        checkpoints=kept,
        scores={name: over_seeds(found) for name, found in values.items() if len(found) == len(kept)},
        ended_sooner=how == EQUAL_TIME and any(_ended_before(each, seconds) for each in kept),
    )


def _ended_before(kept: KeptCheckpoint, seconds: float | None) -> bool:
    return kept.is_last and kept.seconds is not None and seconds is not None and kept.seconds < seconds


def _kept_notes(runs: Mapping[tuple[str, int], Sequence[KeptCheckpoint]]) -> list[str]:
    """How many checkpoints there are to choose from; none of a run that was recorded before the file asked for them."""
    counts = sorted({len(kept) for kept in runs.values() if kept})
    unknown = [name for name, kept in runs.items() if not kept]
    said = []
    if counts:
        many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        each = "Each other run" if unknown else "Each run"
        said.append(f"{each} has kept {many} of its checkpoints: what came between them cannot be chosen.")
    if unknown:
        which = "which is" if len(unknown) == 1 else "which are"
        said.append(f"The record knows no kept checkpoint of {_named(unknown)}, {which} not here.")
    return said


def _time_notes(seconds: float | None, equal_minutes: float | None, without: Sequence[tuple[str, int]]) -> list[str]:
    if seconds is None:
        return ["No table at equal time: the logs of no representation tell how long its runs trained."]
    why = "which the file gives" if equal_minutes is not None else "in which the fastest representation is trained"
    said = [
        f"At equal time: the last kept checkpoint of each run whose training took at most {seconds / _MINUTE:.3g} "
        f"minutes, {why}, by the pace in the logs. Seeds of one representation do the same work: the time of its "
        f"fastest run counts for all. A run that was trained to its end sooner ({SOONER}) has its last checkpoint. "
        "Compare only runs that were trained on one kind of machine."
    ]
    if without:
        said.append(f"Without a kept checkpoint by then, or a pace in the log: {_named(without)}.")
    return said


def _named(runs: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{title} seed {seed}" for title, seed in runs)


def _validation_notes(kept: Sequence[KeptCheckpoint], validation: Validation) -> list[str]:
    """How checkpoints were compared with each other, and what follows."""
    terms, score = validation.terms, validation.score
    others = "none of which is among those of the scores"
    if not terms.protocol["other_real_notes"]:
        others = "drawn from all of them, since those that the scores leave are too few"
    said = [
        f"Validation: {score} of {counted(terms.count, 'note')} of every kept checkpoint, of other latents than those "
        f"of the scores, against as many real notes of {terms.real.folder}, {others}.",
        f"The best checkpoint by {score} is chosen for each run by itself. Intervals are those of the scores over the "
        "seeds. No claim is made for chosen checkpoints.",
    ]
    lacking = [each for each in kept if each.sha256 not in validation.values]
    if lacking:
        named = ", ".join(f"{each.title} seed {each.seed} step {each.step:,}" for each in lacking)
        said.append(f"Without a value of {score}, and therefore never chosen by it: {named}.")
    return said
