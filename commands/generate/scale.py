"""`generate.py scale`: one latent, or several, through the pitches."""

import argparse

from commands.generate.common import (
    add_from_card,
    add_gap,
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
from generation.scale_notes import write_scales
from utils.arguments import pitch_list
from utils.errors import UserError
from utils.ranks import Ranks, joined_ranks, own_device


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate.py scale`."""
    add_run(parser, "scale")
    add_seeds(parser, "latents, with a scale each (1)")
    parser.add_argument(
        "--pitch",
        "--pitches",
        type=pitch_list,
        nargs="+",
        help="MIDI pitches in the order of playing, such as 48-60,64 (all that the run learned)",
    )
    add_timbre(parser)
    add_gap(parser)
    add_sound(parser)
    add_from_card(parser)


def run(args: argparse.Namespace) -> str:
    """One latent, or several, through the pitches: a note for each, and the whole scale as one file."""
    if args.from_card:
        written = write_again(args, "count", "seed", "seeds", "gap")
        return f"{len(written)} sounds in {written[0].parent}, {written[-1].name} last\n"
    with joined_ranks(own_device(args.device)) as ranks:
        return _write(args, ranks)


def _write(args: argparse.Namespace, ranks: Ranks) -> str:
    seeds, instrument = asked_seeds(args, 1), open_instrument(args)
    attributes = known_attributes(instrument, args.attributes or [], None)
    for name, values in attributes.items():
        if len(values) > 1:
            raise UserError(f"--attributes {name}: a scale has one value of it; give one, or use interpolation")
    folder = note_folder(args, instrument)
    written = write_scales(
        instrument,
        folder,
        seeds=seeds,
        pitches=flat(args.pitch),
        fixed={name: values[0] for name, values in attributes.items()},
        truncation=args.truncation,
        gap=args.gap or 0.0,
        ranks=ranks,
    )
    if not ranks.leads:
        return ""
    whole = written[-1]
    return f"{len(written)} sounds in {folder.folder}; {whole.name} is a whole scale, see {whole.stem}.png there\n"
