"""`generate.py scale`: one latent, or several, through the pitches."""

import argparse
from typing import Any

from commands.generate.options import (
    OF_TUNING,
    asked_seeds,
    asked_tuning,
    attributes_of,
    controls_of,
    note_folder,
    open_instrument,
    require_one_origin,
    write_notes,
)
from data.nsynth import Value
from generation.instrument import Instrument
from generation.scale_notes import write_scale_of_card, write_scales
from utils.errors import UserError
from utils.ranks import Ranks
from utils.spelling import counted


def run(args: argparse.Namespace) -> str:
    """One latent, or several, through the pitches: a note for each, and the whole scale as one file."""
    return write_notes(args, _write, ("count", "seed", "seeds", "start", "gap", *OF_TUNING), shown=-1)


def _write(args: argparse.Namespace, ranks: Ranks) -> str:
    require_one_origin(args, ("count", "seed", "seeds"))
    tuning, instrument = asked_tuning(args), open_instrument(args)
    in_scale: dict[str, Any] = {"pitches": args.pitches, "tuning": tuning, "gap": args.gap or 0.0, "ranks": ranks}
    if args.start:
        folder = note_folder(args, instrument, [args.start.path])
        written = write_scale_of_card(instrument, folder, args.start, **in_scale)
    else:
        fixed, controls = _fixed(args, instrument), controls_of(args, instrument)
        folder = note_folder(args, instrument)
        seeds = asked_seeds(args, 1)
        written = write_scales(instrument, folder, seeds=seeds, fixed=fixed, controls=controls, **in_scale)
    if not ranks.leads:
        return ""
    whole, sounds = written.last, counted(written.count, "sound")
    return f"{sounds} in {folder.folder}; {whole.name} is a whole scale, see {whole.stem}.png there\n"


def _fixed(args: argparse.Namespace, instrument: Instrument) -> dict[str, Value]:
    attributes = attributes_of(args, instrument, None)
    for name, values in attributes.items():
        if len(values) > 1:
            raise UserError(
                f"--attributes {name}: a scale takes one value of each attribute; give one, or use interpolation"
            )
    return {name: values[0] for name, values in attributes.items()}
