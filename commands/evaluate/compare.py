"""`eval.py compare`: the scores of several folders in one table."""

import argparse
import logging
from pathlib import Path

from evaluation.scoring.comparison import compare_results

logger = logging.getLogger(__name__)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `eval.py compare`."""
    parser.add_argument("folders", type=Path, nargs="+", metavar="OUT", help="folders with a results.jsonl")


def run(args: argparse.Namespace) -> str:
    """All scores of the folders in one table; those that were not made alike are named, and in what they differ."""
    table, warnings = compare_results(args.folders)
    for warning in warnings:
        logger.warning("%s", warning)
    return f"{table}\n"
