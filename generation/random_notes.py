"""Notes of random timbre, each with its own seed, as `generate.py random` writes them."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from data.nsynth import Value
from generation.instrument import Instrument
from generation.note_files import MOST_IN_PICTURE, Note, NoteFolder
from generation.places import Place, distinct, seeded_place
from utils.cli import show_progress
from utils.files import write_json
from utils.ranks import ALONE, Ranks

logger = logging.getLogger(__name__)


def write_random_notes(
    instrument: Instrument,
    folder: NoteFolder,
    *,
    seeds: Sequence[int],
    attributes: Mapping[str, Sequence[Value]],
    truncation: float | None = None,
    ranks: Ranks = ALONE,
) -> list[Path]:
    """Write a note for each of `seeds`: a wav named by pitch and seed, with a card; and a picture of the first 32.

    Each attribute given takes its values in turn, the seeds draw the others; the same seed and attributes always give
    the same note. Each of `ranks` writes its share. Returns all wavs. Raises: UserError.
    """
    for name, values in attributes.items():
        if len(values) > len(seeds):
            text = "%d notes for %d values of %s: those from %s on are left out"
            logger.warning(text, len(seeds), len(values), name, values[len(seeds)])
    places = [
        seeded_place(instrument, seed, in_turn(attributes, number), truncation=truncation)
        for number, seed in enumerate(seeds)
    ]
    return write_places(instrument, folder, distinct(places), ranks)


def write_places(
    instrument: Instrument, folder: NoteFolder, places: Sequence[Place], ranks: Ranks = ALONE
) -> list[Path]:
    """Write the note of each of `places`, and the picture `rainbowgrams` of the first 32 with its card.

    Each note is written before the next one is made. Each of `ranks` writes the notes of its share, and rank 0 the
    picture. Returns all wavs, once all are written. Raises: UserError.
    """
    share = ranks.share_of(len(places))
    shown: list[Note] = []
    for place in tqdm(places[share.start : share.stop], unit="note", disable=not show_progress(), leave=False):
        note = place.sound(instrument)
        folder.write(note)
        shown += [note] if len(shown) < MOST_IN_PICTURE else []
    if ranks.leads:
        # notes of other ranks are generated again here: they are few, and bit-identical
        shown += [place.sound(instrument) for place in places[len(shown) : MOST_IN_PICTURE]]
        folder.write_picture("rainbowgrams", shown)
        write_json(folder.folder / "rainbowgrams.json", {**folder.origin, "notes": [note.to_plain() for note in shown]})
    ranks.wait()
    return [folder.folder / f"{place.name}.wav" for place in places]


def in_turn(attributes: Mapping[str, Sequence[Value]], number: int) -> dict[str, Value]:
    """The attributes of note `number`: each takes its values in turn.

    >>> in_turn({"pitch": [60, 64]}, 3)
    {'pitch': 64}
    """
    return {name: values[number % len(values)] for name, values in attributes.items()}


def seeded_note(instrument: Instrument, seed: int, pitch: int | None, truncation: float | None) -> Note:
    """The note of `seed` at MIDI `pitch`, or at one drawn by the seed. Raises: UserError."""
    fixed: Mapping[str, Value] = {} if pitch is None else {"pitch": pitch}
    return seeded_place(instrument, seed, fixed, truncation=truncation).sound(instrument)
