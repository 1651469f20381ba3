"""The equal terms of a comparison: which notes every run makes, and which real notes stand on the other side."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from evaluation.comparison.real_notes import (
    RealNotes,
    balanced_pitches,
    labels_of,
    notes_apart,
    notes_of_pitches,
    shortest_cycle,
)
from evaluation.comparison.record import TERMS, TERMS_FOR_CHOOSING, Record, date_of, now
from evaluation.comparison.runs import FinishedRun
from evaluation.scoring.generated_notes import GenerationOptions
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.results_file import Line
from utils.comparison_keys import ReferenceNotes
from utils.config import MAX_NOTES
from utils.errors import DataError

OTHER_LATENTS = MAX_NOTES
"""The first seed of notes that choose a checkpoint; those of the scores are from 0 on, and never so many."""


@dataclass(frozen=True, kw_only=True)
class EqualTerms:
    """The notes that every run makes and the real notes that it is compared with: equal numbers, pitches in turn."""

    seed: int
    asked: int  # notes that there should be
    pitches: Sequence[int]  # of each note; none if some run is not conditioned on pitch
    real: RealNotes
    second: RealNotes | None
    protocol: Mapping[str, Any]
    """As JSON values; scores are those of one protocol where these are equal."""
    new_line: Mapping[str, Any] | None = None  # what the record lacks of them
    recorded: str | None = None  # date of the record that tells the terms, where the real notes are not here
    first_seed: int = 0
    """That of the notes that a run makes: with another one, these are other notes."""

    @classmethod
    def of(cls, runs: Sequence[FinishedRun], reference: ReferenceNotes, count: int, *, seed: int) -> Self:
        """`count` notes, or as many as there are real ones.

        Raises: UserError if these cannot be read, or have no pitch that all runs know.
        """
        pitches = _common_pitches(runs, notes_of_pitches(reference.real), reference.real, count)
        labels = _labels(pitches, count)
        real = RealNotes.chosen(reference.real, labels, seed)
        second = reference.second
        other = None if second is None or not second.is_dir() else RealNotes.chosen(second, labels, seed)
        protocol = _protocol(pitches, real, seed)
        return cls(seed=seed, asked=count, pitches=pitches, real=real, second=other, protocol=protocol)

    @classmethod
    def for_choosing(cls, runs: Sequence[FinishedRun], of_scores: Self, count: int) -> Self:
        """Terms on which checkpoints are compared with each other: other notes than those `of_scores` on both sides.

        Where the other real notes are too few, they are drawn from all of them. Raises: UserError.
        """
        folder, seed = of_scores.real.folder, of_scores.seed + 1
        enough = _n_available(runs, folder, of_scores.real) >= count
        apart = of_scores.real if enough else None
        pitches = _common_pitches(runs, notes_of_pitches(folder, apart), folder, count)
        real = RealNotes.chosen(folder, _labels(pitches, count), seed, apart)
        protocol = _protocol(pitches, real, seed) | {"first_seed": OTHER_LATENTS, "other_real_notes": enough}
        return cls(
            seed=seed,
            asked=count,
            pitches=pitches,
            real=real,
            second=None,
            protocol=protocol,
            first_seed=OTHER_LATENTS,
        )

    @property
    def count(self) -> int:
        """Notes on each side."""
        return self.real.count

    @property
    def labels(self) -> NoteLabels:
        """Those of the notes that are asked for."""
        return _labels(self.pitches, self.asked)

    def generation(self) -> GenerationOptions:
        """How a run makes its notes."""
        pitches = shortest_cycle(self.pitches) if self.pitches else None
        return GenerationOptions(count=self.count, first_seed=self.first_seed, pitches=pitches)


def settle_terms(
    runs: Sequence[FinishedRun], reference: ReferenceNotes, count: int, record: Record, *, seed: int
) -> EqualTerms:
    """The terms by the real notes that are here; without these, the last ones that the `record` holds.

    Raises: UserError if the real notes are neither here nor in the record.
    """
    asked = {"kind": TERMS, "asked": count, "seed": seed, "reference": _as_text(reference)}
    known = record.find(asked)
    if known is not None and not reference.real.is_dir():
        return _recorded(known, reference)
    terms = EqualTerms.of(runs, reference, count, seed=seed)
    plain: dict[str, Any] = {"protocol": dict(terms.protocol), "real": terms.real.to_plain()}
    if reference.second is not None and terms.second is None:
        return _with_recorded_second(terms, reference.second, record.find(asked | plain))
    plain["second"] = terms.second.to_plain() if terms.second else None
    return terms if known is not None and plain.items() <= known.items() else replace(terms, new_line=asked | plain)


def record_terms(terms: EqualTerms, record: Record) -> None:
    """Write into the `record` what it lacks of the `terms`. Raises: UserError."""
    if terms.new_line is not None:
        record.append([{**terms.new_line, "date": now()}])


def settle_terms_for_choosing(
    runs: Sequence[FinishedRun], of_scores: EqualTerms, count: int, record: Record
) -> EqualTerms:
    """As `settle_terms`, on which checkpoints are compared with each other. Raises: UserError."""
    folder = of_scores.real.folder
    apart_from = of_scores.real.sha256
    asked = {"kind": TERMS_FOR_CHOOSING, "asked": count, "seed": of_scores.seed + 1, "scores_sha256": apart_from}
    known = record.find(asked)
    if known is not None and of_scores.real.records is None:
        return replace(_recorded(known, ReferenceNotes(real=folder, second=None)), first_seed=OTHER_LATENTS)
    terms = EqualTerms.for_choosing(runs, of_scores, count)
    plain = {"protocol": dict(terms.protocol), "real": terms.real.to_plain()}
    return terms if known is not None and plain.items() <= known.items() else replace(terms, new_line=asked | plain)


def _recorded(line: Line, reference: ReferenceNotes) -> EqualTerms:
    second = reference.second
    return EqualTerms(
        seed=line["seed"],
        asked=line["asked"],
        pitches=(),
        real=RealNotes.recorded(reference.real, line["real"]),
        second=None if second is None else RealNotes.recorded(second, line["second"]),
        protocol=line["protocol"],
        recorded=date_of(line),
    )


def _with_recorded_second(terms: EqualTerms, second: Path, line: Line | None) -> EqualTerms:
    if line is None:
        raise DataError(f"{second}: no such folder; give the other real notes, or null for reference.second")
    return replace(terms, second=RealNotes.recorded(second, line["second"]), recorded=date_of(line))


def _as_text(reference: ReferenceNotes) -> dict[str, str | None]:
    return {
        "real": reference.real.as_posix(),
        "second": None if reference.second is None else reference.second.as_posix(),
    }


def _labels(pitches: Sequence[int], count: int) -> NoteLabels:
    return labels_of(pitches or [None] * count)


def _protocol(pitches: Sequence[int], real: RealNotes, seed: int) -> dict[str, Any]:
    per_pitch = {str(pitch): notes for pitch, notes in sorted(Counter(pitches).items())}
    # without pitches there may be fewer real notes than asked for
    return {"count": real.count, "notes_per_pitch": per_pitch, "seed": seed, "real_sha256": real.sha256}


def _common_pitches(runs: Sequence[FinishedRun], available: Mapping[int, int], real: Path, count: int) -> list[int]:
    """The pitch of each note; none if some run is not conditioned on pitch."""
    known = _known_pitches(runs)
    if known is None:
        return []
    common = {pitch: notes for pitch, notes in available.items() if pitch in known}
    if not common:
        raise DataError(f"{real}: holds no note of a pitch that all runs know; give other real notes")
    return balanced_pitches(common, count)


def _known_pitches(runs: Sequence[FinishedRun]) -> frozenset[int] | None:
    """The pitches that all runs know; None if some run is not conditioned on pitch."""
    known = [run.pitches for run in runs if run.pitches is not None]
    return frozenset.intersection(*known) if len(known) == len(runs) else None


def _n_available(runs: Sequence[FinishedRun], folder: Path, apart_from: RealNotes) -> int:
    known = _known_pitches(runs)
    if known is None:
        return len(notes_apart(folder, apart_from))
    return sum(notes for pitch, notes in notes_of_pitches(folder, apart_from).items() if pitch in known)
