"""`generate.py random`: notes of random timbre."""

import argparse
from collections.abc import Sequence

from evaluation.asked_attributes import known_attributes
from evaluation.generation_commands.common import (
    add_from_card,
    add_run,
    add_sound,
    add_timbre,
    flat,
    note_folder,
    open_instrument,
    write_again,
)
from evaluation.random_notes import write_random_notes
from models.distributed import Ranks, joined_ranks, own_device
from utils.arguments import at_least_one, pitch_list, seed, seed_list
from utils.errors import UserError

DEFAULT_COUNT = 16
_OF_THE_CARD = {
    "count": "--count",
    "seed": "--seed",
    "seeds": "--seeds",
    "pitch": "--pitch",
    "attributes": "--attributes",
    "truncation": "--truncation",
    "bits": "--bits",
    "rate": "--rate",
}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate.py random`."""
    add_run(parser, "random")
    parser.add_argument(
        "--count", type=at_least_one, help=f"number of notes ({DEFAULT_COUNT}, or one per pitch if those are more)"
    )
    parser.add_argument("--seed", type=seed, help="seed of the first note; the next ones count on (0)")
    parser.add_argument("--seeds", type=seed_list, nargs="+", help="seeds of the notes instead, such as 0-99 or 2,7")
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
        again = write_again(args, _OF_THE_CARD)
        return f"{len(again)} sounds in {again[0].parent}, {again[0].name} first\n"
    with joined_ranks(own_device(args.device)) as ranks:
        return _write(args, ranks)


def _write(args: argparse.Namespace, ranks: Ranks) -> str:
    if args.seeds and (args.seed is not None or args.count):
        raise UserError("--seeds: names all seeds; leave --seed and --count out")
    instrument = open_instrument(args)
    attributes = known_attributes(instrument, args.attributes or [], flat(args.pitch))
    most_values = max((len(values) for values in attributes.values()), default=0)
    first, count = args.seed or 0, args.count or max(DEFAULT_COUNT, most_values)
    seeds: Sequence[int] = flat(args.seeds) or range(first, first + count)
    folder = note_folder(args, instrument)
    written = write_random_notes(
        instrument, folder, seeds=seeds, attributes=attributes, truncation=args.truncation, ranks=ranks
    )
    if not ranks.leads:
        return ""
    return f"{len(written)} notes in {folder.folder}, {written[0].name} first; see rainbowgrams.png there\n"
