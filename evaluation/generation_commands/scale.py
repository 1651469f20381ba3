"""`generate.py scale`: one latent, or several, through the pitches."""

import argparse

from evaluation.asked_attributes import known_attributes
from evaluation.generation_commands.common import (
    add_from_card,
    add_gap,
    add_run,
    add_sound,
    add_timbre,
    flat,
    note_folder,
    open_instrument,
    write_again,
)
from evaluation.scale_notes import write_scales
from utils.arguments import at_least_one, pitch_list, seed, seed_list
from utils.errors import UserError

_OF_THE_CARD = {
    "seed": "--seed",
    "count": "--count",
    "seeds": "--seeds",
    "pitches": "--pitches",
    "attributes": "--attributes",
    "truncation": "--truncation",
    "gap": "--gap",
    "bits": "--bits",
    "rate": "--rate",
}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate.py scale`."""
    add_run(parser, "scale")
    parser.add_argument("--seed", type=seed, help="seed of the latent, or of the first; the next ones count on (0)")
    parser.add_argument("--count", type=at_least_one, help="number of latents, with a scale each (1)")
    parser.add_argument("--seeds", type=seed_list, nargs="+", help="seeds of the latents instead, such as 0-3 or 2,7")
    parser.add_argument(
        "--pitches",
        "--pitch",
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
        written = write_again(args, _OF_THE_CARD)
        return f"{len(written)} sounds in {written[0].parent}, {written[-1].name} last\n"
    if args.seeds and (args.seed is not None or args.count):
        raise UserError("--seeds: names all seeds; leave --seed and --count out")
    first = args.seed or 0
    seeds = flat(args.seeds) or range(first, first + (args.count or 1))
    instrument = open_instrument(args)
    attributes = known_attributes(instrument, args.attributes or [], None)
    for name, values in attributes.items():
        if len(values) > 1:
            raise UserError(f"--attributes {name}: a scale has one value of it; give one, or use interpolation")
    folder = note_folder(args, instrument)
    written = write_scales(
        instrument,
        folder,
        seeds=seeds,
        pitches=flat(args.pitches),
        fixed={name: values[0] for name, values in attributes.items()},
        truncation=args.truncation,
        gap=args.gap or 0.0,
    )
    whole = written[-1]
    return f"{len(written)} sounds in {folder.folder}; {whole.name} is a whole scale, see {whole.stem}.png there\n"
