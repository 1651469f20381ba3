"""`generate.py export`: generator and inverse representation as one program for other software."""

import argparse

import torch

from generation.export.program_file import card_of, require_language, write_program
from generation.instrument import Instrument
from utils.ranks import require_one_process


def run(args: argparse.Namespace) -> str:
    """Generator and inverse representation as one program, in ONNX or TorchScript."""
    require_one_process("export")
    require_language(args.output)
    cpu = torch.device("cpu")
    instrument = Instrument.from_run(args.run_folder, scale=args.scale, iteration=args.iteration, device=cpu)
    program = write_program(instrument, args.run_folder, args.output)
    return (
        f"{args.output}: {program.size / 1e6:.1f} MB, within {program.difference:.1e} of the sound of "
        f"{instrument.run_name}; see {card_of(args.output).name} for its inputs\n"
    )
