"""`eval.py pis|iis|pkid|ikid|fad`: one score of generated notes."""

import argparse
from pathlib import Path

from evaluation.commands.common import add_device, add_seed, add_skip_broken
from evaluation.score_report import ScoreOptions, write_scores
from models.device import choose_device


def add_flags(parser: argparse.ArgumentParser, name: str) -> None:
    """The flags of the score `name`; those that it does not have are set to what they would be."""
    parser.set_defaults(real=None, vggish=None, embedding="inception", estimator="unbiased", infinite=False)
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
        choice = parser.add_argument("--estimator", choices=("unbiased", "published"))
        choice.help = "published: as old numbers were made, biased (unbiased)"
    add_seed(parser)
    add_device(parser)
    add_skip_broken(parser)


def run(args: argparse.Namespace) -> str:
    """One of the scores of generated notes."""
    options = ScoreOptions(
        score=args.evaluation,
        real=args.real,
        fake=args.fake,
        output=args.output,
        inception_model=args.inception_model,
        vggish=args.vggish,
        embedding=args.embedding,
        published=args.estimator == "published",
        infinite=args.infinite,
        seed=args.seed,
        device=choose_device(args.device),
        skip_broken=args.skip_broken,
    )
    return write_scores(options)
