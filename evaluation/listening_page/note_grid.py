"""The notes of a page: runs and latents against pitches, with a real note for each."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.note_records import NoteRecord
from data.nsynth import Value, described
from evaluation.listening_page.real_notes import RealNotes, find_real_notes, heard_in_training, matching_note
from evaluation.listening_page.runs import HeardRun, columns_of
from evaluation.listening_page.sound_files import PageSound, SoundFolder
from generation.latent_controls import LatentControls
from generation.note_files import Note
from generation.one_gain import gain_of_all, kept_on_disk
from generation.places import seeded_place
from generation.synthesis import Wave, fit_full_scale
from utils.cli import show_progress
from utils.spelling import counted

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RealNote:
    """A real note as the page plays it."""

    name: str
    sound: PageSound


@dataclass(frozen=True)
class GeneratedNote:
    """A note that a run made of a seed."""

    seed: int
    pitch: int | None
    attributes: dict[str, Value]
    sound: PageSound
    real: RealNote | None

    @property
    def others(self) -> str:
        """The values of its attributes beside pitch."""
        return ", ".join(described(name, value) for name, value in self.attributes.items() if name != "pitch")


@dataclass(frozen=True)
class RunNotes:
    """The notes of one run: `rows` by seed, then by column (None where it did not learn the pitch).

    `columns` has what the notes of each have in common: see `columns_of`.
    """

    run: HeardRun
    rows: dict[int, list[GeneratedNote | None]]
    reals: RealNotes
    columns: list[dict[str, Value]]

    @property
    def headings(self) -> list[str]:
        """The columns in words, of a run without pitch; empty if they have nothing in common."""
        return [", ".join(described(*each) for each in column.items()) for column in self.columns if column]

    @property
    def has_reals(self) -> bool:
        """Whether any of its notes can be held against a real one."""
        return any(note and note.real for notes in self.rows.values() for note in notes)

    @property
    def reals_by_column(self) -> list[RealNote | None] | None:
        """The real note of each column, if all rows share it, else None."""
        columns = list(zip(*self.rows.values(), strict=True))
        found = [{note.real for note in column if note} for column in columns]
        if not self.has_reals or any(len(each) > 1 for each in found):
            return None
        return [next(iter(each), None) for each in found]


@dataclass
class _RealNotesOfPage:
    """Writes each real note once, however many notes of the page it stands beside."""

    sounds: SoundFolder
    written: dict[tuple[Path, int, int, bool], RealNote] = field(default_factory=dict)

    def write(self, run: HeardRun, note: NoteRecord) -> RealNote:
        transform = run.instrument.transform
        key = (
            note.path.resolve(),
            transform.sample_rate,
            transform.n_samples,
            run.instrument.experiment.transform.fade_out,
        )
        if key not in self.written:
            wave, gain_db = fit_full_scale(heard_in_training(run, note))
            sound = self.sounds.write(f"real-{len(self.written) + 1:03d}", wave, transform.sample_rate, gain_db)
            self.written[key] = RealNote(note.name, sound)
        return self.written[key]


def write_grid(
    runs: Sequence[HeardRun],
    pitches: Sequence[int],
    seeds: Sequence[int],
    sounds: SoundFolder,
    *,
    controls: LatentControls,
    real: Path | None,
) -> list[RunNotes]:
    """Make and write every note: each run at each of `pitches` that it learned, for each of `seeds`; see `columns_of`.

    A note is that of `generate.py random` with its seed, what its column has, and `controls`; those of a run have one
    gain. `real` is a folder of notes to take in place of those that the runs learned from. Raises: UserError.
    """
    reals = _RealNotesOfPage(sounds)
    grid = []
    for number, run in enumerate(runs, start=1):
        known = find_real_notes(run, real)
        columns = columns_of(run, pitches)
        places = [(seed, column) for seed in seeds for column in range(len(columns))]
        notes: dict[tuple[int, int], GeneratedNote | None] = dict.fromkeys(places)
        for place, (note, gain_db) in _made(run, places, columns, controls).items():
            turn = (places.index(place), len(places))
            name = f"run{number}_{note.name}"
            if run.pitches is None and len(columns) > 1:
                name += f"_{place[1] + 1}"
            notes[place] = _write_note(run, name, note, gain_db, known, turn, reals)
        lacking = sum(1 for note in notes.values() if note and not note.real)
        if known.records and lacking:
            text = "%s: no real note has the attributes of %d of %s"
            logger.warning(text, run.name, lacking, counted(len(notes), "note"))
        rows = {seed: [notes[seed, column] for column in range(len(columns))] for seed in seeds}
        grid.append(RunNotes(run, rows, known, columns))
    return grid


def _made(
    run: HeardRun,
    places: Sequence[tuple[int, int]],
    columns: Sequence[Mapping[str, Value]],
    controls: LatentControls,
) -> dict[tuple[int, int], tuple[Note, float]]:
    """The notes of those `places`, seed and column, that the run learned, turned down by one gain, and that gain in dB.

    Their waves are on disk.
    """
    learned = [place for place in places if run.pitches is None or columns[place[1]]["pitch"] in run.pitches]
    found: list[Note] = []

    def waves() -> Iterator[Wave]:
        for seed, column in tqdm(learned, desc=run.name, unit="note", disable=not show_progress(), leave=False):
            note = seeded_place(run.instrument, seed, columns[column], controls).sound(run.instrument)
            found.append(replace(note, wave=note.wave[:0]))
            yield note.wave

    rows = kept_on_disk(waves(), len(learned), run.instrument.transform.n_samples)
    gain, gain_db = gain_of_all(rows)
    for row in rows:
        row *= np.float32(gain)
    notes = (replace(note, wave=row) for note, row in zip(found, rows, strict=True))
    return {place: (note, gain_db) for place, note in zip(learned, notes, strict=True)}


def _write_note(
    run: HeardRun,
    name: str,
    note: Note,
    gain_db: float,
    known: RealNotes,
    place: tuple[int, int],
    reals: _RealNotesOfPage,
) -> GeneratedNote:
    attributes: dict[str, Value] = note.details["attributes"]
    pitch = attributes.get("pitch")
    sound = reals.sounds.write(name, note.wave, run.instrument.transform.sample_rate, gain_db)
    record = matching_note(known.records, attributes, place)
    real = reals.write(run, record) if record else None
    return GeneratedNote(note.details["seed"], None if pitch is None else int(pitch), attributes, sound, real)
