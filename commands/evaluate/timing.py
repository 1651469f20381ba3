"""`eval.py time`: how long generators and representations take for a note."""

import argparse
import math
from pathlib import Path

import torch

from commands.evaluate.common import shipped_configs
from evaluation.timing.report import TimingOptions, write_times
from utils.arguments import at_least_one
from utils.config_file import load_experiment
from utils.device import choose_device
from utils.ranks import require_one_process


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `eval.py time`."""
    parser.add_argument("-c", "--config", type=Path, nargs="+", help="experiments (JSON); config_files/*/paper.json")
    parser.add_argument("--run", dest="runs", type=Path, nargs="+", metavar="RUN", help="run folders of train.py")
    parser.add_argument("-d", "--output", type=Path, default=Path("time"), help="folder for the report (time)")
    parser.add_argument("--batch", type=at_least_one, nargs="+", default=[1, 64], help="notes at once (1 64)")
    parser.add_argument("--device", nargs="+", help="cpu, cuda, cuda:1, mps (cpu, and cuda where there is one)")
    parser.add_argument("--seconds", type=_seconds, default=2.0, help="of each measurement, about (2)")


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


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: must be a number of seconds above 0")
    return seconds
