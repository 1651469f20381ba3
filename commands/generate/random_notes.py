"""`generate.py random`: notes of random timbre."""

import argparse
from collections.abc import Sequence

from commands.generate.flags import DEFAULT_COUNT
from commands.generate.options import (
    OF_TUNING,
    asked_seeds,
    asked_tuning,
    attributes_of,
    controls_of,
    note_folder,
    open_instrument,
    write_notes,
)
from data.nsynth import Value
from generation.random_notes import write_random_notes
from utils.errors import UserError
from utils.ranks import Ranks
from utils.spelling import counted


def run(args: argparse.Namespace) -> str:
    """Notes of random timbre."""
    return write_notes(args, _write, ("count", "seed", "seeds", *OF_TUNING), shown=0)


def _write(args: argparse.Namespace, ranks: Ranks) -> str:
    tuning = asked_tuning(args)
    if tuning is not None and not args.pitches:
        raise UserError("--tuning needs --pitches, the keys to play")
    instrument = open_instrument(args)
    attributes: dict[str, Sequence[Value | float]] = {**attributes_of(args, instrument, None)}
    if args.pitches:
        pitches = args.pitches if tuning is None else tuning.pitches_of_keys(args.pitches)
        instrument.require_pitches(pitches)
        attributes["pitch"] = pitches
    most_values = max((len(values) for values in attributes.values()), default=0)
    seeds = asked_seeds(args, max(DEFAULT_COUNT, most_values))
    folder = note_folder(args, instrument)
    written = write_random_notes(
        instrument, folder, seeds=seeds, attributes=attributes, controls=controls_of(args, instrument), ranks=ranks
    )
    if not ranks.leads:
        return ""
    notes = counted(written.count, "note")
    return f"{notes} in {folder.folder}, {written.first.name} first; see rainbowgrams.png there\n"
