"""`generate.py scale`: one latent, or several, through the pitches."""

import argparse

from commands.generate.options import (
    OF_TUNING,
    asked_seeds,
    asked_tuning,
    attributes_of,
    controls_of,
    note_folder,
    open_instrument,
    write_notes,
)
from generation.scale_notes import write_scales
from utils.errors import UserError
from utils.ranks import Ranks
from utils.spelling import counted


def run(args: argparse.Namespace) -> str:
    """One latent, or several, through the pitches: a note for each, and the whole scale as one file."""
    return write_notes(args, _write, ("count", "seed", "seeds", "gap", *OF_TUNING), shown=-1)


def _write(args: argparse.Namespace, ranks: Ranks) -> str:
    seeds, tuning, instrument = asked_seeds(args, 1), asked_tuning(args), open_instrument(args)
    attributes = attributes_of(args, instrument, None)
    for name, values in attributes.items():
        if len(values) > 1:
            raise UserError(
                f"--attributes {name}: a scale takes one value of each attribute; give one, or use interpolation"
            )
    folder = note_folder(args, instrument)
    written = write_scales(
        instrument,
        folder,
        seeds=seeds,
        pitches=args.pitches,
        fixed={name: values[0] for name, values in attributes.items()},
        controls=controls_of(args, instrument),
        tuning=tuning,
        gap=args.gap or 0.0,
        ranks=ranks,
    )
    if not ranks.leads:
        return ""
    whole, sounds = written.last, counted(written.count, "sound")
    return f"{sounds} in {folder.folder}; {whole.name} is a whole scale, see {whole.stem}.png there\n"
