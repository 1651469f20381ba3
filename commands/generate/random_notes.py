"""`generate.py random`: notes of random timbre."""

import argparse

from commands.generate.common import (
    add_from_card,
    add_run,
    add_seeds,
    add_sound,
    add_timbre,
    asked_seeds,
    flat,
    note_folder,
    open_instrument,
    write_again,
)
from generation.asked_attributes import known_attributes
from generation.random_notes import write_random_notes
from utils.arguments import pitch_list
from utils.ranks import Ranks, joined_ranks, own_device

DEFAULT_COUNT = 16


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate.py random`."""
    add_run(parser, "random")
    add_seeds(parser, f"notes ({DEFAULT_COUNT}, or one per pitch if those are more)")
    parser.add_argument(
        "--pitch",
        "--pitches",
        type=pitch_list,
        nargs="+",
        help="MIDI pitches taken in turn, such as 60 or 60-72 (drawn by the seed)",
    )
    add_timbre(parser)
    add_sound(parser)
    add_from_card(parser)


def run(args: argparse.Namespace) -> str:
    """Notes of random timbre."""
    if args.from_card:
        again = write_again(args, "count", "seed", "seeds")
        return f"{len(again)} sounds in {again[0].parent}, {again[0].name} first\n"
    with joined_ranks(own_device(args.device)) as ranks:
        return _write(args, ranks)


def _write(args: argparse.Namespace, ranks: Ranks) -> str:
    instrument = open_instrument(args)
    attributes = known_attributes(instrument, args.attributes or [], flat(args.pitch))
    most_values = max((len(values) for values in attributes.values()), default=0)
    seeds = asked_seeds(args, max(DEFAULT_COUNT, most_values))
    folder = note_folder(args, instrument)
    written = write_random_notes(
        instrument, folder, seeds=seeds, attributes=attributes, truncation=args.truncation, ranks=ranks
    )
    if not ranks.leads:
        return ""
    return f"{len(written)} notes in {folder.folder}, {written[0].name} first; see rainbowgrams.png there\n"
