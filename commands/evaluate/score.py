"""`eval.py pis|iis|pkid|ikid|fad|in-tune|note-sound|all`: one score of generated notes, or every score in one pass."""

import argparse
import logging

from commands.evaluate.options import embedding_options, report_in_words, report_options
from evaluation.scoring.score_embeddings import VGGISH, all_embeddings
from evaluation.scoring.score_plan import plan_all, plan_score
from evaluation.scoring.score_report import write_scores
from utils.ranks import joined_ranks, own_device

logger = logging.getLogger(__name__)


def run(args: argparse.Namespace) -> str:
    """One score of generated notes, or all; without --real, all means those that need no real notes."""
    every = args.evaluation == "all"
    if every and args.inception_model:
        logger.warning(
            "--inception-model: pis and iis, and pkid and ikid, are computed from the same outputs of that network; "
            "use those that its classes stand for"
        )
    with joined_ranks(own_device(args.device)) as ranks:
        options = report_options(args, ranks, leave_out=every)
        networks, published = embedding_options(args), args.estimator == "published"
        if every:
            embeddings = all_embeddings(networks, args.embedding)
            planned = plan_all(embeddings, infinite=args.infinite, seed=args.seed, published=published)
            planned = [each for each in planned if args.real or not each.needs_real]
        else:
            score, embedding = args.evaluation, args.embedding or VGGISH
            choices = {"published": published, "infinite": args.infinite, "seed": args.seed}
            planned = plan_score(score, embedding, networks, **choices)
        return report_in_words(write_scores(planned, options), args)
