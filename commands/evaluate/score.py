"""`eval.py pis|iis|pkid|ikid|fad|in-tune`: one score of generated notes."""

import argparse
from pathlib import Path

from commands.evaluate.common import (
    add_inception,
    add_notes,
    add_real,
    add_seed,
    add_user_network,
    add_vggish,
    embedding_options,
    report_options,
)
from evaluation.scoring.score_embeddings import VGGISH
from evaluation.scoring.score_plan import plan_score
from evaluation.scoring.score_report import write_scores
from utils.arguments import add_device, add_skip_broken
from utils.ranks import joined_ranks, own_device

SCORES = {
    "pis": "inception score of a pitch classifier",
    "iis": "inception score of an instrument classifier",
    "pkid": "kernel distance between a pitch classifier's outputs",
    "ikid": "kernel distance between an instrument classifier's outputs",
    "fad": "Frechet audio distance",
    "in-tune": "share of notes within 50 cents of the pitch that was asked for",
}


def add_flags(parser: argparse.ArgumentParser, name: str) -> None:
    """The flags of the score `name`; those that it does not have are set to what they would be."""
    parser.set_defaults(vggish=None, embedding=VGGISH, embedding_rate=None, embedding_samples=None)
    parser.set_defaults(estimator="unbiased", infinite=False)
    add_real(parser, required=name in ("pkid", "ikid", "fad"))
    add_notes(parser, "--fake")
    parser.add_argument("-d", "--output", type=Path, required=True, help="folder for the results")
    if name == "in-tune":
        parser.set_defaults(inception_model=None, seed=0)
    else:
        add_inception(parser)
        add_seed(parser)
    if name == "fad":
        which = parser.add_argument("--embedding", default=VGGISH)
        which.help = "vggish, classifier, inception, or your own network: a TorchScript or ONNX file (vggish)"
        add_vggish(parser)
        add_user_network(parser)
        parser.add_argument("--inf", dest="infinite", action="store_true", help="extrapolate to infinitely many notes")
    elif name != "in-tune":
        choice = parser.add_argument("--estimator", choices=("unbiased", "published"))
        choice.help = "published: as old numbers were made, biased (unbiased)"
    add_device(parser)
    add_skip_broken(parser)


def run(args: argparse.Namespace) -> str:
    """One of the scores of generated notes."""
    with joined_ranks(own_device(args.device)) as ranks:
        options = report_options(args, ranks, leave_out=False)
        planned = plan_score(
            args.evaluation,
            args.embedding,
            embedding_options(args),
            published=args.estimator == "published",
            infinite=args.infinite,
            seed=args.seed,
        )
        return write_scores([planned], options)
