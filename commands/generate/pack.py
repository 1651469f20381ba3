"""`generate.py pack`: one latent at every pitch, or as every drum, as an instrument for samplers."""

import argparse

from commands.generate.options import asked_drum_map, attributes_of, controls_of, open_instrument, output_folder
from generation.sampler.keys import Asked
from generation.sampler.pack import REPORT, write_pack
from utils.errors import UserError
from utils.ranks import require_one_process
from utils.spelling import counted


def run(args: argparse.Namespace) -> str:
    """One latent as an instrument for samplers: WAV files, SFZ, a sound font and a report."""
    require_one_process("pack")
    instrument = open_instrument(args)
    attributes = attributes_of(args, instrument, None)
    for name, values in attributes.items():
        if len(values) > 1:
            raise UserError(f"--attributes {name}: an instrument takes one value of each attribute; give one")
    fixed = {name: values[0] for name, values in attributes.items()}
    drum_map = asked_drum_map(args, instrument)
    asked = Asked(args.seed, args.pitches, args.velocities, fixed, controls_of(args, instrument), drum_map)
    folder = output_folder(args)
    pack = write_pack(instrument, args.run_folder, folder, asked)
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(pack.verdicts.items()))
    samples = counted(pack.verdicts.total(), "sample")
    files = f"{pack.name}.sfz and {pack.name}.sf2 play them, see {REPORT} there"
    return f"{pack.kit}{samples} in {folder} ({verdicts}); {files}\n"
