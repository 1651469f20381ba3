"""`generate.py interpolation`: notes along a path through the latents."""

import argparse
from collections.abc import Sequence

from commands.generate.common import (
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
from generation.asked_attributes import known_attributes
from generation.instrument import Instrument
from generation.interpolation_notes import PATHS, RADII, seeded_anchors, write_interpolation
from generation.note_spec import MOST_STEPS, CardReference
from generation.places import Place, places_of_cards
from utils.arguments import at_least_one, number_between, pitch_list, seed_list
from utils.errors import UserError
from utils.ranks import Ranks, joined_ranks, own_device

DEFAULT_PATH, DEFAULT_STEPS = "spherical", 8


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate.py interpolation`."""
    add_run(parser, "interpolation")
    parser.add_argument(
        "--seeds", type=seed_list, nargs="+", help="seeds of the latents, in order, such as 0 1 2 (0 1)"
    )
    parser.add_argument(
        "--from",
        dest="start",
        type=CardReference.parse,
        metavar="CARD",
        help="card of a note to start from instead; CARD#3 is one of the notes that it lists",
    )
    parser.add_argument("--to", dest="end", type=CardReference.parse, metavar="CARD", help="card of the note to go to")
    parser.add_argument(
        "--pitch",
        type=pitch_list,
        nargs="+",
        help="MIDI pitch, or one for each latent (of the cards; drawn by the first seed)",
    )
    add_timbre(parser)
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in PATHS.items())
    parser.add_argument("--path", choices=PATHS, help=f"{meanings} ({DEFAULT_PATH})")
    parser.add_argument(
        "--steps",
        type=at_least_one,
        help=f"steps from each latent to the next, or of the whole circle or radius ({DEFAULT_STEPS})",
    )
    parser.add_argument(
        "--radii",
        type=number_between(0, 100),
        nargs=2,
        metavar=("LOW", "HIGH"),
        help=f"norms of the radius, as parts of the usual sqrt(latent_dim) ({RADII[0]:g} {RADII[1]:g})",
    )
    add_gap(parser)
    add_sound(parser)
    add_from_card(parser)


def run(args: argparse.Namespace) -> str:
    """Notes along a path through the latents, or between values of attributes: each by itself and all as one file."""
    if args.from_card:
        written = write_again(args, "seeds", "start", "end", "path", "steps", "radii", "gap")
        return f"{len(written)} sounds in {written[0].parent}, {written[-1].name} last\n"
    with joined_ranks(own_device(args.device)) as ranks:
        return _write(args, ranks)


def _write(args: argparse.Namespace, ranks: Ranks) -> str:
    path, steps = args.path or DEFAULT_PATH, args.steps or DEFAULT_STEPS
    low, high = args.radii or RADII
    if args.radii and path != "radius":
        raise UserError(f"--radii: is of --path radius, not of {path}; leave it out")
    if low >= high:
        raise UserError(f"--radii {low:g} {high:g}: must be the smaller first; turn them round")
    if steps > MOST_STEPS:
        raise UserError(f"--steps {steps}: more than {MOST_STEPS}; take fewer")
    _require_one_origin(args)
    instrument = open_instrument(args)
    folder, anchors = note_folder(args, instrument), _anchors(args, instrument, path)
    written = write_interpolation(
        instrument, folder, anchors, path=path, steps=steps, radii=(low, high), gap=args.gap or 0.0, ranks=ranks
    )
    if not ranks.leads:
        return ""
    whole = written[-1]
    return f"{len(written)} sounds in {folder.folder}; {whole.name} is the whole path, see {whole.stem}.png there\n"


def _require_one_origin(args: argparse.Namespace) -> None:
    if args.end and not args.start:
        raise UserError("--to: where from? add --from CARD")
    if args.start:
        for value, flag in ((args.seeds, "--seeds"), (args.attributes, "--attributes")):
            if value:
                raise UserError(f"--from, --to: name latents by their cards; leave {flag} out")
        if args.truncation is not None:
            raise UserError("--from, --to: name latents by their cards; leave --truncation out")


def _anchors(args: argparse.Namespace, instrument: Instrument, path: str) -> Sequence[Place]:
    pitches = flat(args.pitch)
    if args.start:
        return places_of_cards(instrument, [args.start, args.end] if args.end else [args.start], pitches)
    attributes = known_attributes(instrument, args.attributes or [], pitches)
    between_values = any(len(values) > 1 for name, values in attributes.items() if name != "pitch")
    seeds = flat(args.seeds) or ([0] if path == "radius" or between_values else [0, 1])
    return seeded_anchors(instrument, seeds, attributes, truncation=args.truncation)
