"""`generate.py scale`: one latent, or several, through the pitches."""

import argparse

from evaluation.generation_commands.common import (
    add_gap,
    add_run,
    flat,
    open_instrument,
    output_folder,
    pitch_list,
    seed_list,
)
from evaluation.scale_notes import write_scales
from utils.arguments import at_least_one, seed
from utils.errors import UserError


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
    add_gap(parser)


def run(args: argparse.Namespace) -> str:
    """One latent, or several, through the pitches: a note for each, and the whole scale as one file."""
    if args.seeds and (args.seed is not None or args.count):
        raise UserError("--seeds: names all seeds; leave --seed and --count out")
    first = args.seed or 0
    seeds = flat(args.seeds) or range(first, first + (args.count or 1))
    instrument, folder = open_instrument(args), output_folder(args)
    written = write_scales(instrument, folder, seeds=seeds, pitches=flat(args.pitches), gap=args.gap)
    whole = written[-1]
    return f"{len(written)} sounds in {folder}; {whole.name} is a whole scale, see {whole.stem}.png there\n"
