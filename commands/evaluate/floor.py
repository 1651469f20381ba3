"""`eval.py floor`: what representations lose by themselves."""

import argparse
from pathlib import Path

from commands.evaluate.common import add_seed, shipped_configs
from evaluation.floor.report import FloorOptions, write_floors
from utils.arguments import add_device, add_skip_broken, at_least_one
from utils.config_file import load_experiment
from utils.device import choose_device
from utils.ranks import require_one_process


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `eval.py floor`."""
    parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="folder of notes, WAV or FLAC")
    parser.add_argument("-c", "--config", type=Path, nargs="+", help="experiments (JSON); config_files/*/paper.json")
    parser.add_argument("-d", "--output", type=Path, default=Path("floor"), help="folder for the report (floor)")
    parser.add_argument("-n", "--count", type=at_least_one, default=200, help="notes at most, over all families (200)")
    parser.add_argument("--pairs", type=at_least_one, default=4, help="notes to listen to, before and after (4)")
    parser.add_argument("--vggish", type=Path, metavar="PATH", help="weights of VGGish: scores have FAD by it")
    add_seed(parser)
    add_device(parser)
    add_skip_broken(parser)


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
