"""`generate.py interpolation`: notes along a path through the latents."""

import argparse
from collections.abc import Sequence

from commands.generate.flags import DEFAULT_PATH, DEFAULT_STEPS
from commands.generate.options import (
    attributes_of,
    controls_of,
    note_folder,
    open_instrument,
    require_one_origin,
    write_notes,
)
from generation.instrument import Instrument
from generation.interpolation_notes import seeded_anchors, write_interpolation
from generation.note_spec import MOST_STEPS, RADII
from generation.places import Place, places_of_cards
from utils.errors import UserError
from utils.ranks import Ranks
from utils.spelling import counted


def run(args: argparse.Namespace) -> str:
    """Notes along a path through the latents, or between values of attributes: each by itself and all as one file."""
    return write_notes(args, _write, ("seeds", "start", "end", "path", "steps", "radii", "gap"), shown=-1)


def _write(args: argparse.Namespace, ranks: Ranks) -> str:
    path, steps = args.path or DEFAULT_PATH, args.steps or DEFAULT_STEPS
    low, high = args.radii or RADII
    if args.radii and path != "radius":
        raise UserError(f"--radii goes with --path radius, not with --path {path}; leave it out")
    if low >= high:
        raise UserError(f"--radii {low:g} {high:g}: the smaller one must come first; swap them")
    if steps > MOST_STEPS:
        raise UserError(f"--steps {steps}: must be at most {MOST_STEPS}")
    if args.end and not args.start:
        raise UserError("--to needs --from CARD")
    require_one_origin(args, ["seeds"])
    instrument = open_instrument(args)
    cards = [card.path for card in (args.start, args.end) if card]
    folder, anchors = note_folder(args, instrument, cards), _anchors(args, instrument, path)
    written = write_interpolation(
        instrument, folder, anchors, path=path, steps=steps, radii=(low, high), gap=args.gap or 0.0, ranks=ranks
    )
    if not ranks.leads:
        return ""
    whole, sounds = written.last, counted(written.count, "sound")
    return f"{sounds} in {folder.folder}; {whole.name} is the whole path, see {whole.stem}.png there\n"


def _anchors(args: argparse.Namespace, instrument: Instrument, path: str) -> Sequence[Place]:
    if args.start:
        return places_of_cards(instrument, [args.start, args.end] if args.end else [args.start], args.pitches)
    attributes = attributes_of(args, instrument, args.pitches)
    between_values = any(len(values) > 1 for name, values in attributes.items() if name != "pitch")
    seeds = args.seeds or ([0] if path == "radius" or between_values else [0, 1])
    return seeded_anchors(instrument, seeds, attributes, controls=controls_of(args, instrument))
