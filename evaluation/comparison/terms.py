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
    notes_of_pitches,
    shortest_cycle,
)
from evaluation.comparison.record import Record, date_of, now
from evaluation.comparison.runs import FinishedRun
from evaluation.scoring.generated_notes import GenerationOptions
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.results_file import Line
from utils.comparison_file import ReferenceNotes
from utils.errors import DataError

TERMS = "terms"


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
    recorded: str | None = None  # date of the record that tells the terms, where the real notes are not here

    @classmethod
    def of(cls, runs: Sequence[FinishedRun], reference: ReferenceNotes, count: int, *, seed: int) -> Self:
        """`count` notes, or as many as there are real ones.

        Raises: UserError if these cannot be read, or have no pitch that all runs know.
        """
        pitches = _common_pitches(runs, reference.real, count)
        labels = _labels(pitches, count)
        real = RealNotes.chosen(reference.real, labels, seed)
        second = reference.second
        other = None if second is None or not second.is_dir() else RealNotes.chosen(second, labels, seed)
        # without pitches there may be fewer real notes than asked for
        per_pitch = {str(pitch): notes for pitch, notes in sorted(Counter(pitches).items())}
        protocol = {"count": real.count, "notes_per_pitch": per_pitch, "seed": seed, "real_sha256": real.sha256}
        return cls(seed=seed, asked=count, pitches=pitches, real=real, second=other, protocol=protocol)

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
        return GenerationOptions(count=self.count, pitches=shortest_cycle(self.pitches) if self.pitches else None)


def settle_terms(
    runs: Sequence[FinishedRun], reference: ReferenceNotes, count: int, record: Record, *, seed: int
) -> EqualTerms:
    """The terms by the real notes that are here, which the `record` then holds; else the last ones that it holds.

    Raises: UserError if the real notes are neither here nor in the record.
    """
    asked = {"kind": TERMS, "asked": count, "seed": seed, "reference": _as_text(reference)}
    known = record.find(asked)
    if known is not None and not reference.real.is_dir():
        return _recorded(known, reference)
    terms = EqualTerms.of(runs, reference, count, seed=seed)
    plain = {"protocol": dict(terms.protocol), "real": terms.real.to_plain()}
    if reference.second is not None and terms.second is None:
        return _with_recorded_second(terms, reference.second, record.find(asked | plain))
    plain["second"] = terms.second.to_plain() if terms.second else None
    if known is None or not plain.items() <= known.items():
        record.append([{**asked, **plain, "date": now()}])
    return terms


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
