"""`eval.py pis|iis|pkid|ikid|fad|in-tune`: one score of generated notes."""

import argparse

from commands.evaluate.options import embedding_options, report_in_words, report_options
from evaluation.scoring.score_embeddings import VGGISH
from evaluation.scoring.score_plan import plan_score
from evaluation.scoring.score_report import write_scores
from utils.ranks import joined_ranks, own_device


def run(args: argparse.Namespace) -> str:
    """One of the scores of generated notes."""
    with joined_ranks(own_device(args.device)) as ranks:
        options = report_options(args, ranks, leave_out=False)
        planned = plan_score(
            args.evaluation,
            args.embedding or VGGISH,
            embedding_options(args),
            published=args.estimator == "published",
            infinite=args.infinite,
            seed=args.seed,
        )
        return report_in_words(write_scores([planned], options), args)
