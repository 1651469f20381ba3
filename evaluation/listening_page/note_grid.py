"""The notes of a page: runs and latents against pitches, with a real note for each."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.note_records import NoteRecord
from data.nsynth import Value, described
from evaluation.listening_page.real_notes import RealNotes, find_real_notes, heard_in_training, matching_note
from evaluation.listening_page.runs import HeardRun
from evaluation.listening_page.sound_files import PageSound, SoundFolder
from generation.latent_controls import LatentControls
from generation.note_files import Note
from generation.one_gain import gain_of_all, kept_on_disk
from generation.random_notes import seeded_note
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
    """The notes of one run: `rows` by seed, then by pitch (None where it did not learn the pitch)."""

    run: HeardRun
    rows: dict[int, list[GeneratedNote | None]]
    reals: RealNotes

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
    """Make and write every note: each run at each of `pitches` that it learned, for each of `seeds`.

    A note is that of `generate.py random` with its seed, pitch and `controls`; those of a run have one gain. `real` is
    a folder of notes to take in place of those that the runs learned from. Raises: UserError.
    """
    reals = _RealNotesOfPage(sounds)
    grid = []
    for number, run in enumerate(runs, start=1):
        known = find_real_notes(run, real)
        columns: Sequence[int | None] = pitches if run.pitches is not None else [None]
        places = [(seed, pitch) for seed in seeds for pitch in columns]
        notes: dict[tuple[int, int | None], GeneratedNote | None] = dict.fromkeys(places)
        for place, (note, gain_db) in _made(run, places, controls).items():
            turn = (places.index(place), len(places))
            notes[place] = _write_note(run, number, note, gain_db, known, turn, reals)
        lacking = sum(1 for note in notes.values() if note and not note.real)
        if known.records and lacking:
            text = "%s: no real note has the attributes of %d of %s"
            logger.warning(text, run.name, lacking, counted(len(notes), "note"))
        grid.append(RunNotes(run, {seed: [notes[seed, pitch] for pitch in columns] for seed in seeds}, known))
    return grid


def _made(
    run: HeardRun, places: Sequence[tuple[int, int | None]], controls: LatentControls
) -> dict[tuple[int, int | None], tuple[Note, float]]:
    """The notes of those `places`, seed and pitch, that the run learned, turned down by one gain, and that gain in dB.

    Their waves are on disk.
    """
    learned = [place for place in places if run.pitches is None or place[1] in run.pitches]
    found: list[Note] = []

    def waves() -> Iterator[Wave]:
        for seed, pitch in tqdm(learned, desc=run.name, unit="note", disable=not show_progress(), leave=False):
            note = seeded_note(run.instrument, seed, pitch, controls)
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
    number: int,
    note: Note,
    gain_db: float,
    known: RealNotes,
    place: tuple[int, int],
    reals: _RealNotesOfPage,
) -> GeneratedNote:
    attributes: dict[str, Value] = note.details["attributes"]
    pitch = attributes.get("pitch")
    sound = reals.sounds.write(f"run{number}_{note.name}", note.wave, run.instrument.transform.sample_rate, gain_db)
    record = matching_note(known.records, attributes, place)
    real = reals.write(run, record) if record else None
    return GeneratedNote(note.details["seed"], None if pitch is None else int(pitch), attributes, sound, real)
