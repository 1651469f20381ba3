"""`generate.py random`: notes of random timbre, each fixed by a seed of its own."""

import logging
from pathlib import Path

from tqdm import tqdm

from evaluation.generation import Instrument
from evaluation.note_files import MOST_IN_PICTURE, Note, write_note
from evaluation.note_labels import generated_name
from utils.cli import show_progress
from utils.files import write_json
from utils.pictures import save_rainbowgrams

logger = logging.getLogger(__name__)


def write_random_notes(
    instrument: Instrument, folder: Path, *, count: int, seed: int, pitches: list[int] | None
) -> list[Path]:
    """Write `count` wavs named by pitch and seed with a JSON card each, and `rainbowgrams.png` of the first 32.

    Note k has seed `seed + k` and, if `pitches` are given, takes them in turn; the same seed and pitch give the same
    note whatever else is asked for. Returns the wavs. Raises: UserError.
    """
    if pitches is not None:
        instrument.require_pitches(pitches)
        if len(pitches) > count:
            logger.warning(
                "%d notes for %d pitches: those from %d on are left out", count, len(pitches), pitches[count]
            )
    origin = instrument.card()
    paths: list[Path] = []
    shown: list[Note] = []
    for k in tqdm(range(count), unit="note", disable=not show_progress(), leave=False):
        note = seeded_note(instrument, seed + k, pitches[k % len(pitches)] if pitches else None)
        paths.append(write_note(folder, note, origin))
        shown += [note] if len(shown) < MOST_IN_PICTURE else []
    titles = [note.title for note in shown]
    save_rainbowgrams(
        folder / "rainbowgrams.png", [note.wave for note in shown], titles, instrument.transform.sample_rate
    )
    write_json(folder / "rainbowgrams.json", {**origin, "notes": [path.name for path in paths[: len(shown)]]})
    return paths


def seeded_note(instrument: Instrument, seed: int, pitch: int | None) -> Note:
    """The note of `seed` at MIDI `pitch`, or at one drawn by the seed. Raises: UserError."""
    labels = instrument.labels(seed, pitch)
    values = instrument.values_of(labels[0])
    name = generated_name(values, seed)
    wave = instrument.play([seed], labels)[0]
    return Note(name, name.replace("_", " "), wave, {"seed": seed, "attributes": values})
