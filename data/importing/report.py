"""What became of every file of an import: in words, as a table of files, and as a picture."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data.importing.labels import UNKNOWN_VELOCITY, LabelledFile
from data.importing.note_import import ImportedNote
from data.importing.note_names import COPY_OF, ImportResult, NamedNote
from data.note_pitch import TOLERANCE, pitch_name
from utils.files import write_text
from utils.pictures import save_figure
from utils.spelling import counted
from utils.tables import markdown_table

TABLE_NAME, PICTURE_NAME = "report.csv", "report.png"
REPORTS = (TABLE_NAME, PICTURE_NAME)

_COLUMNS = (
    *("file", "part", "taken", "reason", "note", "instrument", "family", "source", "label_pitch", "pitch"),
    *("heard_pitch", "periodicity", "velocity", "seconds", "warnings"),
)
_OCTAVES = 2  # of difference that the picture shows


def account_of(result: ImportResult) -> dict[str, Any]:
    """The part of the card that says how the import went; the same for any number of workers."""
    notes = result.notes
    names = {note.metadata["instrument_str"]: note.metadata["instrument_name"] for note in notes}
    families = {note.metadata["instrument_family_str"]: note.metadata["instrument_family"] for note in notes}
    return {
        "files": len(result.files),
        "notes": {
            "kept": len(notes),
            "kept_by_family": _sorted_counts(note.metadata["instrument_family_str"] for note in notes),
            "dropped": _dropped(result),
            "warnings": _warnings(result),
            "velocity_unknown": sum(1 for note in notes if _file(result, note.outcome).velocity is None),
        },
        "velocity": f"{UNKNOWN_VELOCITY} where neither velocity nor dynamic of a file is known",
        "qualities": "unknown, so all are zero",
        "instruments": dict(sorted(names.items())),
        "families": dict(sorted(families.items())),
        "versions": {name: version(name) for name in ("soundfile", "soxr", "numpy")},
    }


def summary_of(result: ImportResult) -> str:
    """For the terminal: counts by family and range of pitches, what was dropped and why, and what is odd."""
    by_family: defaultdict[str, list[NamedNote]] = defaultdict(list)
    for note in result.notes:
        by_family[note.metadata["instrument_family_str"]].append(note)
    rows = [_row_of_family(family, notes) for family, notes in sorted(by_family.items())]
    lines = [markdown_table(("family", "instruments", "notes", "pitches", "not at their label"), rows)]
    for title, counts in (("dropped", _dropped(result)), ("warnings", _warnings(result))):
        if counts:
            lines += ["", *(f"{title}: {count} {reason}" for reason, count in counts.items())]
    unknown = sum(1 for note in result.notes if _file(result, note.outcome).velocity is None)
    if unknown:
        lines += ["", f"velocity unknown, {UNKNOWN_VELOCITY} written: {counted(unknown, 'note')}"]
    return "\n".join(lines)


def reasons_of(result: ImportResult) -> str:
    """Why files and notes were dropped, in one line."""
    return ", ".join(f"{count} {reason}" for reason, count in _dropped(result).items()) or "there are none"


def write_reports(folder: Path, result: ImportResult) -> None:
    """Write the table and the picture into `folder`."""
    write_text(folder / TABLE_NAME, _table(result))
    _draw(folder / PICTURE_NAME, result.notes)


def _file(result: ImportResult, outcome: ImportedNote) -> LabelledFile:
    return result.files[outcome.job.number]


def _row_of_family(family: str, notes: Sequence[NamedNote]) -> list[str]:
    pitches = [note.outcome.pitch for note in notes if note.outcome.pitch is not None]
    span = f"{pitch_name(min(pitches))} to {pitch_name(max(pitches))}" if pitches else "none"
    instruments = len({note.metadata["instrument_str"] for note in notes})
    off = sum(1 for note in notes if (away := _off(note.outcome)) is not None and abs(away) > TOLERANCE)
    return [family, str(instruments), str(len(notes)), span, str(off)]


def _off(outcome: ImportedNote) -> float | None:
    """Semitones between the pitch that a note is given and the one that is heard; None if nothing tells."""
    heard = outcome.heard
    if heard is None or outcome.pitch is None or outcome.job.pitch is None or not np.isfinite(heard.offset):
        return None
    return heard.offset - (outcome.pitch - outcome.job.pitch)


def broken_files(result: ImportResult) -> list[str]:
    """The files that cannot be read."""
    return [_file(result, outcome).relative for outcome in result.outcomes if outcome.is_broken]


def _dropped(result: ImportResult) -> dict[str, int]:
    """Reasons, and the number of files or notes; files that are broken in their own ways count as one kind."""
    reasons = [file.fault for file in result.files if file.fault]
    for outcome in result.outcomes:
        if outcome.is_broken:
            reasons.append("not readable")
        elif outcome.dropped:
            reasons.append("copies of another note" if outcome.dropped.startswith(COPY_OF) else outcome.dropped)
    return _sorted_counts(reasons)


def _warnings(result: ImportResult) -> dict[str, int]:
    """Kinds of warnings, and the number of notes that are taken and have one."""
    return _sorted_counts(_kind_of_warning(text) for note in result.notes for text in note.outcome.warnings)


def _kind_of_warning(text: str) -> str:
    if "semitones" in text:
        return "sounds at another pitch than its label"
    return text.partition(":")[0]


def _sorted_counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _table(result: ImportResult) -> str:
    """CSV: a row for each note that was found, or for the file where it was not opened; by file."""
    names = {(note.outcome.job.number, note.outcome.part): note for note in result.notes}
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, file in enumerate(result.files):
        if file.fault:
            rows.append((number, {"file": file.relative, "taken": "no", "reason": file.fault}))
    for outcome in result.outcomes:
        note = names.get((outcome.job.number, outcome.part))
        rows.append((outcome.job.number, _row(_file(result, outcome), outcome, note)))
    rows.sort(key=lambda row: row[0])
    extra = sorted({key for _, row in rows for key in row} - set(_COLUMNS))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_COLUMNS, *extra], lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for _, row in rows)
    return text.getvalue()


def _row(file: LabelledFile, outcome: ImportedNote, note: NamedNote | None) -> dict[str, Any]:
    heard, label = outcome.heard, outcome.job.pitch
    at = None
    if heard is not None and label is not None and np.isfinite(heard.offset):
        at = round(label + heard.offset, 2)
    return {
        **file.own,
        **outcome.measured,
        "file": file.relative,
        "part": outcome.part,
        "taken": "no" if note is None else "yes",
        "reason": outcome.dropped,
        "note": "" if note is None else note.name,
        "instrument": file.instrument,
        "family": file.family,
        "source": file.source,
        "label_pitch": label,
        "pitch": outcome.pitch,
        "heard_pitch": at,
        "periodicity": None if heard is None else round(heard.periodicity, 2),
        "velocity": file.velocity,
        "seconds": round(outcome.seconds, 3),
        "warnings": "; ".join(outcome.warnings),
    }


def _draw(path: Path, notes: Sequence[NamedNote]) -> None:
    """How many notes there are of each pitch, by family; and how far they sound from it."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    families = sorted({note.metadata["instrument_family_str"] for note in notes})
    of_family = {
        family: [note.outcome for note in notes if note.metadata["instrument_family_str"] == family]
        for family in families
    }
    pitched = {family: [o for o in of if o.pitch is not None] for family, of in of_family.items()}
    _draw_counts(above, {family: [o.pitch for o in of if o.pitch is not None] for family, of in pitched.items()})
    for family, of in pitched.items():
        points = [(o.pitch, away) for o in of if (away := _off(o)) is not None]
        if points:
            below.plot(*zip(*points, strict=True), ".", label=family, alpha=0.6)
    below.set_xlabel("pitch")
    below.set_ylabel("sounds away from it (semitones)")
    below.set_ylim(-12 * _OCTAVES - 1, 12 * _OCTAVES + 1)
    below.set_yticks(range(-12 * _OCTAVES, 12 * _OCTAVES + 1, 12))
    save_figure(figure, path)


def _draw_counts(axes: Axes, pitches: dict[str, list[int]]) -> None:
    every = [pitch for of in pitches.values() for pitch in of]
    edges = np.arange(min(every, default=59), max(every, default=61) + 2) - 0.5
    axes.hist(list(pitches.values()), bins=edges.tolist(), stacked=True, label=list(pitches))
    axes.set_ylabel("notes")
    axes.legend(fontsize=8)
