"""`eval.py floor`: what representations lose by themselves."""

import argparse

from commands.evaluate.options import shipped_configs
from evaluation.floor.report import FloorOptions, write_floors
from utils.config_file import load_experiment
from utils.device import choose_device
from utils.ranks import require_one_process


def run(args: argparse.Namespace) -> str:
    """What representations lose by themselves: real notes, there and back, compared with what they were."""
    require_one_process("floor")
    options = FloorOptions(
        real=args.real,
        output=args.output,
        count=args.count,
        n_pairs=args.pairs,
        device=choose_device(args.device),
        skip_broken=args.skip_broken,
        vggish=args.vggish,
        seed=args.seed,
    )
    return write_floors([load_experiment(path) for path in args.config or shipped_configs()], options)
