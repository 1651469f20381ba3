"""`eval.py all`: every score, from one decode and one pass of each network."""

import argparse
import logging

from commands.evaluate.options import embedding_options, report_in_words, report_options
from evaluation.scoring.score_embeddings import all_embeddings
from evaluation.scoring.score_plan import plan_all
from evaluation.scoring.score_report import write_scores
from utils.ranks import joined_ranks, own_device

logger = logging.getLogger(__name__)


def run(args: argparse.Namespace) -> str:
    """Every score of generated notes; without --real, those that need no real notes."""
    if args.inception_model:
        logger.warning(
            "--inception-model: pis and iis, and pkid and ikid, are computed from the same outputs of that network; "
            "use those that its classes stand for"
        )
    with joined_ranks(own_device(args.device)) as ranks:
        options = report_options(args, ranks, leave_out=True)
        embeddings = all_embeddings(embedding_options(args), args.embedding)
        published = args.estimator == "published"
        planned = plan_all(embeddings, infinite=args.infinite, seed=args.seed, published=published)
        report = write_scores([each for each in planned if args.real or not each.needs_real], options)
        return report_in_words(report, args)
