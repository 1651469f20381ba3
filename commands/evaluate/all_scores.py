"""`eval.py all`: every score, from one decode and one pass of each network."""

import argparse
from pathlib import Path

from commands.evaluate.common import (
    add_notes,
    add_real,
    add_seed,
    add_user_network,
    add_vggish,
    embedding_options,
    report_options,
)
from evaluation.scoring.score_embeddings import all_embeddings
from evaluation.scoring.score_plan import plan_all
from evaluation.scoring.score_report import write_scores
from utils.arguments import add_device, add_skip_broken
from utils.ranks import joined_ranks, own_device


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `eval.py all`."""
    add_real(parser, required=False)
    add_notes(parser, "--fake")
    parser.add_argument("-d", "--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--embedding", type=Path, metavar="PATH", help="your own network too: TorchScript or ONNX")
    parser.set_defaults(inception_model=None)
    add_vggish(parser)
    add_user_network(parser)
    parser.add_argument("--inf", dest="infinite", action="store_true", help="extrapolate Frechet distances too")
    add_seed(parser)
    add_device(parser)
    add_skip_broken(parser)


def run(args: argparse.Namespace) -> str:
    """Every score of generated notes; without --real, those that need no real notes. in-tune takes 0.2 s a note."""
    with joined_ranks(own_device(args.device)) as ranks:
        options = report_options(args, ranks, leave_out=True)
        embeddings = all_embeddings(embedding_options(args), args.embedding)
        planned = plan_all(embeddings, infinite=args.infinite, seed=args.seed)
        return write_scores([each for each in planned if args.real or not each.needs_real], options)
