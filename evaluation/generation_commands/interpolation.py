"""`generate.py interpolation`: notes along a path through the latents."""

import argparse
from pathlib import Path

from evaluation.anchors import anchors_of_cards, anchors_of_seeds
from evaluation.generation_commands.common import (
    add_gap,
    add_run,
    flat,
    norm,
    open_instrument,
    output_folder,
    pitch_list,
    seed_list,
)
from evaluation.interpolation_notes import PATHS, RADII, write_interpolation
from utils.arguments import at_least_one
from utils.errors import UserError

DEFAULT_STEPS = 8


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate.py interpolation`."""
    add_run(parser, "interpolation")
    parser.add_argument(
        "--seeds", type=seed_list, nargs="+", help="seeds of the latents, in order, such as 0 1 2 (0 1)"
    )
    parser.add_argument("--from", dest="start", type=Path, metavar="CARD", help="card of a note to start from instead")
    parser.add_argument("--to", dest="end", type=Path, metavar="CARD", help="card of the note to go to")
    parser.add_argument(
        "--pitch",
        type=pitch_list,
        nargs="+",
        help="MIDI pitch, or one for each latent (of the cards; drawn by the first seed)",
    )
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in PATHS.items())
    parser.add_argument("--path", choices=PATHS, default="spherical", help=f"{meanings} (spherical)")
    parser.add_argument(
        "--steps",
        type=at_least_one,
        default=DEFAULT_STEPS,
        help=f"steps from each latent to the next, or of the whole circle or radius ({DEFAULT_STEPS})",
    )
    parser.add_argument(
        "--radii",
        type=norm,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help=f"norms of the radius, as parts of the usual sqrt(latent_dim) ({RADII[0]:g} {RADII[1]:g})",
    )
    add_gap(parser)


def run(args: argparse.Namespace) -> str:
    """Notes along a path through the latents, each by itself and all as one file."""
    cards = [card for card in (args.start, args.end) if card is not None]
    if cards and args.seeds:
        raise UserError("--from, --to: name latents by their cards; leave --seeds out")
    if args.end and not args.start:
        raise UserError("--to: where from? add --from CARD")
    low, high = args.radii or RADII
    if args.radii and args.path != "radius":
        raise UserError(f"--radii: is of --path radius, not of {args.path}; leave it out")
    if low >= high:
        raise UserError(f"--radii {low:g} {high:g}: must be the smaller first; turn them round")
    instrument, folder, pitches = open_instrument(args), output_folder(args), flat(args.pitch)
    if cards:
        anchors = anchors_of_cards(instrument, cards, pitches)
    else:
        seeds = flat(args.seeds) or ([0] if args.path == "radius" else [0, 1])
        anchors = anchors_of_seeds(instrument, seeds, pitches)
    written = write_interpolation(
        instrument, folder, anchors, path=args.path, steps=args.steps, radii=(low, high), gap=args.gap
    )
    whole = written[-1]
    return f"{len(written)} sounds in {folder}; {whole.name} is the whole path, see {whole.stem}.png there\n"
