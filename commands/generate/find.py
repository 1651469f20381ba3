"""`generate.py find`: the notes of a run that are nearest to sounds."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from commands.generate.options import attributes_of, note_folder, open_instrument
from data.nsynth import Value, value_in_words
from generation.finding.found_files import TARGETS, AskedSound, FoundFile, find_sounds
from generation.finding.references import training_notes
from generation.finding.search import SearchSettings
from generation.instrument import Instrument
from generation.places import one_for_each
from utils.errors import UserError
from utils.ranks import require_one_process
from utils.tables import markdown_table


def run(args: argparse.Namespace) -> str:
    """The note nearest to each sound, with its card; and a table of how near it is."""
    require_one_process("find")
    instrument = open_instrument(args)
    asked = _asked(args, instrument)
    found = find_sounds(
        instrument,
        note_folder(args, instrument, [each.path for each in asked]),
        asked,
        SearchSettings(args.seed, args.starts, args.steps),
        lambda: training_notes(instrument, args.run_folder, args.notes),
        args.notes,
    )
    folder = found[0].wav.parent
    return f"{_table(found)}\nin {folder}; the sounds as the run hears them are in {folder / TARGETS}\n"


def _asked(args: argparse.Namespace, instrument: Instrument) -> list[AskedSound]:
    fixed = _single(attributes_of(args, instrument, None))
    sounds: Sequence[Path] = args.sound
    if args.pitches is None:
        return [AskedSound(path, fixed) for path in sounds]
    instrument.require_pitches(args.pitches)
    pitches = one_for_each(args.pitches, len(sounds), "--pitches")
    return [AskedSound(path, {**fixed, "pitch": pitch}) for path, pitch in zip(sounds, pitches, strict=True)]


def _single(attributes: Mapping[str, Sequence[Value]]) -> dict[str, Value]:
    for name, values in attributes.items():
        if len(values) > 1:
            raise UserError(f"--attributes {name}: a note has one value of each attribute; give one, or leave it out")
    return {name: values[0] for name, values in attributes.items()}


def _table(found: Sequence[FoundFile]) -> str:
    header = ["note", "attributes", "compared by", "found", "floor", "nearest training note", "which"]
    return markdown_table(header, map(_row, found)) + "\n"


def _row(found: FoundFile) -> list[str]:
    attributes = ", ".join(value_in_words(name, value) for name, value in found.attributes.items())
    nearest = ["-", "-"]
    if found.nearest is not None:
        nearest = [f"{found.nearest['distance']:.3f}", f"{found.nearest['note']} (of {found.nearest['among']})"]
    distances = [f"{found.distance:.3f}", f"{found.floor:.3f}"]
    return [found.wav.name, attributes, found.compared, *distances, *nearest]
