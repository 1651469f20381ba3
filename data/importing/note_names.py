"""Names, numbers and metadata of imported notes, as NSynth gives them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.importing.labels import UNKNOWN_VELOCITY, LabelledFile
from data.importing.note_import import ImportedNote
from data.instrument_families import instrument_name
from data.nsynth import QUALITIES, SOURCES, family_numbers, note_name
from data.sound_font import SAMPLE_RATE
from utils.errors import UserError
from utils.spelling import hint

COPY_OF = "the same samples as "


@dataclass(frozen=True)
class NamedNote:
    """A note that is taken."""

    name: str
    outcome: ImportedNote
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class ImportResult:
    """All of an import: the files, what became of each note in them, and the notes that are taken, by name."""

    files: Sequence[LabelledFile]
    outcomes: Sequence[ImportedNote]
    notes: Sequence[NamedNote]


def choose_instruments(
    files: Sequence[LabelledFile], only: Sequence[str], others_than: Sequence[str]
) -> list[LabelledFile]:
    """The `files` of the instruments `only`, if there are any, and not `others_than`; a fault says why others go.

    Raises: UserError if a name is no instrument of `files`.
    """
    known = sorted({file.instrument for file in files if not file.fault})
    wanted, unwanted = ({instrument_name(name) for name in names} for names in (only, others_than))
    for name in sorted(wanted | unwanted):
        if name not in known:
            raise UserError(f"instrument {name!r}: none of the files; {hint(name, known)}")
    return [
        replace(file, fault="another instrument was asked for")
        if not file.fault and ((wanted and file.instrument not in wanted) or file.instrument in unwanted)
        else file
        for file in files
    ]


def without_copies(outcomes: Iterable[ImportedNote], files: Sequence[LabelledFile]) -> list[ImportedNote]:
    """All `outcomes`, of which those that have the same samples as an earlier one are dropped."""
    first: dict[bytes, ImportedNote] = {}
    told = []
    for outcome in outcomes:
        if not outcome.dropped:
            other = first.setdefault(outcome.digest, outcome)
            if other is not outcome:
                outcome = replace(outcome, dropped=f"{COPY_OF}{files[other.job.number].relative}")
        told.append(outcome)
    return told


def named_notes(
    outcomes: Sequence[ImportedNote], files: Sequence[LabelledFile], found: Sequence[LabelledFile]
) -> list[NamedNote]:
    """The notes that are taken, by name: `<family>_<source>_<nnn>-<pitch>-<velocity>`.

    Instruments are numbered over all files that were `found`, so that parts of a folder agree. A note without pitch has
    `none` in its name. Where several have one instrument, pitch and velocity, the second and later end with its number.
    """
    instruments = _instruments(found)
    numbers = {name: number for number, name in enumerate(sorted(instruments.values()))}
    families = family_numbers(file.family for file in found if not file.fault)
    taken: dict[str, tuple[ImportedNote, dict[str, Any]]] = {}
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.dropped:
            continue
        file = files[outcome.job.number]
        instrument = instruments[_key(file)]
        name = note_name(instrument, outcome.pitch, _velocity(file))
        counts[name] += 1
        name += f"_{counts[name]}" * (counts[name] > 1)
        numbered = {
            "instrument": numbers[instrument],
            "instrument_str": instrument,
            "instrument_family": families[file.family],
            "instrument_family_str": file.family,
        }
        taken[name] = outcome, {"note_str": name, **numbered, **_described(file, outcome)}
    return [
        NamedNote(name, taken[name][0], {"note": number, **taken[name][1]}) for number, name in enumerate(sorted(taken))
    ]


def _described(file: LabelledFile, outcome: ImportedNote) -> dict[str, Any]:
    """Metadata of a note beside its numbers and names; `pitch` only where it is known."""
    return {
        "instrument_source": SOURCES.index(file.source),
        "instrument_source_str": file.source,
        **({} if outcome.pitch is None else {"pitch": outcome.pitch}),
        "velocity": _velocity(file),
        "sample_rate": SAMPLE_RATE,
        "qualities": [0] * len(QUALITIES),
        "qualities_str": [],
        "instrument_name": file.instrument,
        **file.own,
        **outcome.measured,
    }


def _velocity(file: LabelledFile) -> int:
    return UNKNOWN_VELOCITY if file.velocity is None else file.velocity


def _key(file: LabelledFile) -> tuple[str, str, str]:
    return file.family, file.source, file.instrument


def _instruments(files: Sequence[LabelledFile]) -> dict[tuple[str, str, str], str]:
    """NSynth's name of each instrument: numbers within family and source, in the order of the instruments' names."""
    counts: Counter[str] = Counter()
    names = {}
    for family, source, instrument in sorted({_key(file) for file in files if not file.fault}):
        kind = f"{family}_{source}"
        names[family, source, instrument] = f"{kind}_{counts[kind]:03d}"
        counts[kind] += 1
    return names
