"""`eval.py time`: how long generators and representations take for a note."""

import argparse

import torch

from commands.evaluate.options import shipped_configs
from evaluation.timing.report import TimingOptions, write_times
from utils.config_file import load_experiment
from utils.device import choose_device
from utils.ranks import require_one_process


def run(args: argparse.Namespace) -> str:
    """How long a note takes: the generator's image, and the representation's way back to sound."""
    require_one_process("time")
    paths = args.config or ([] if args.runs else shipped_configs())
    names = args.device or ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    options = TimingOptions(
        output=args.output,
        devices=[choose_device(name) for name in dict.fromkeys(names)],
        batches=list(dict.fromkeys(args.batch)),
        seconds=args.seconds,
    )
    return write_times([load_experiment(path) for path in paths], args.runs or [], options)
