"""Measure representations, and what was generated."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation.floor_report import FloorOptions, write_floors
from evaluation.score_report import ScoreOptions, write_scores
from models.device import choose_device
from utils.arguments import at_least_one, seed
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.config_file import load_experiment
from utils.errors import UserError

CONFIG_FILES = Path(__file__).resolve().parent / "config_files"
SCORES = {
    "pis": "inception score of a pitch classifier",
    "iis": "inception score of an instrument classifier",
    "pkid": "kernel distance between a pitch classifier's outputs",
    "ikid": "kernel distance between an instrument classifier's outputs",
    "fad": "Frechet audio distance",
}


@user_errors_in_one_line("eval.py")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    sys.stdout.write(args.evaluate(args))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this script: each evaluation is a subcommand whose function returns what it found."""
    parser = Parser(prog="eval.py", description=__doc__)
    evaluations = parser.add_subparsers(dest="evaluation", required=True, metavar="evaluation")
    add_floor(evaluations.add_parser("floor", help="what a representation itself loses", description=floor.__doc__))
    for name, meaning in SCORES.items():
        add_score(evaluations.add_parser(name, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}."), name)
    return parser


def add_floor(parser: argparse.ArgumentParser) -> None:
    """The flags of `eval.py floor`."""
    parser.set_defaults(evaluate=floor)
    parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="folder of notes, WAV or FLAC")
    parser.add_argument("-c", "--config", type=Path, nargs="+", help="experiments (JSON); config_files/*/paper.json")
    parser.add_argument("-d", "--output", type=Path, default=Path("floor"), help="folder for the report (floor)")
    parser.add_argument("-n", "--count", type=at_least_one, default=200, help="notes at most, over all families (200)")
    parser.add_argument("--pairs", type=at_least_one, default=4, help="notes to listen to, before and after (4)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--skip-broken", action="store_true", help="measure without the notes that cannot be read")
    add_verbosity(parser)


def add_score(parser: argparse.ArgumentParser, name: str) -> None:
    """The flags of the score `name`; those that it does not have are set to what they would be."""
    parser.set_defaults(evaluate=score, real=None, vggish=None, embedding="inception", published=False, infinite=False)
    parser.add_argument("--fake", type=Path, required=True, metavar="DIR", help="folder of generated notes")
    if name in ("pkid", "ikid", "fad"):
        parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="folder of real notes")
    parser.add_argument("-d", "--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--inception-model", type=Path, metavar="PATH", help="weights of the published Inception")
    if name == "fad":
        parser.add_argument("--embedding", choices=("vggish", "inception"), default="vggish", help="(vggish)")
        parser.add_argument("--vggish", type=Path, metavar="PATH", help="weights of VGGish, .pth or .safetensors")
        parser.add_argument("--inf", dest="infinite", action="store_true", help="extrapolate to infinitely many notes")
    else:
        choice = parser.add_argument("--estimator", choices=("unbiased", "published"), default="unbiased")
        choice.help = "published: as old numbers were made, biased (unbiased)"
    parser.add_argument("--seed", type=seed, default=0, help="of subsets and splits (0)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--skip-broken", action="store_true", help="score without the notes that cannot be read")
    add_verbosity(parser)


def score(args: argparse.Namespace) -> str:
    """One of the scores of generated notes."""
    options = ScoreOptions(
        score=args.evaluation,
        real=args.real,
        fake=args.fake,
        output=args.output,
        inception_model=args.inception_model,
        vggish=args.vggish,
        embedding=args.embedding,
        published=getattr(args, "estimator", "unbiased") == "published",
        infinite=args.infinite,
        seed=args.seed,
        device=choose_device(args.device),
        skip_broken=args.skip_broken,
    )
    return write_scores(options)


def floor(args: argparse.Namespace) -> str:
    """What representations lose by themselves: real notes, there and back, compared with what they were."""
    paths = args.config or sorted(CONFIG_FILES.glob("*/paper.json"))
    if not paths:
        raise UserError(f"{CONFIG_FILES}: no */paper.json here; name configs with -c")
    options = FloorOptions(
        real=args.real,
        output=args.output,
        count=args.count,
        n_pairs=args.pairs,
        device=choose_device(args.device),
        skip_broken=args.skip_broken,
    )
    return write_floors([load_experiment(path) for path in paths], options)


if __name__ == "__main__":
    sys.exit(main())
