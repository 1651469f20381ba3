"""`generate.py random`: notes of random timbre."""

import argparse

from commands.generate.flags import DEFAULT_COUNT
from commands.generate.options import asked_seeds, attributes_of, note_folder, open_instrument, write_again
from generation.random_notes import write_random_notes
from utils.ranks import Ranks, joined_ranks, own_device


def run(args: argparse.Namespace) -> str:
    """Notes of random timbre."""
    if args.from_card:
        again = write_again(args, "count", "seed", "seeds")
        return f"{len(again)} sounds in {again[0].parent}, {again[0].name} first\n"
    with joined_ranks(own_device(args.device)) as ranks:
        return _write(args, ranks)


def _write(args: argparse.Namespace, ranks: Ranks) -> str:
    instrument = open_instrument(args)
    attributes = attributes_of(args, instrument, args.pitches)
    most_values = max((len(values) for values in attributes.values()), default=0)
    seeds = asked_seeds(args, max(DEFAULT_COUNT, most_values))
    folder = note_folder(args, instrument)
    written = write_random_notes(
        instrument, folder, seeds=seeds, attributes=attributes, truncation=args.truncation, ranks=ranks
    )
    if not ranks.leads:
        return ""
    return f"{len(written)} notes in {folder.folder}, {written[0].name} first; see rainbowgrams.png there\n"
