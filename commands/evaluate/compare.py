"""`eval.py compare`: the scores of several folders in one table."""

import argparse
import logging

from commands.shared_flags import as_json
from evaluation.scoring.comparison import compare_results
from evaluation.scoring.results_file import results_table

logger = logging.getLogger(__name__)


def run(args: argparse.Namespace) -> str:
    """All scores of the folders in one table; those that were not made alike are named, and in what they differ."""
    lines, warnings = compare_results(args.folders)
    for warning in warnings:
        logger.warning("%s", warning)
    return as_json({"scores": lines, "not_comparable": warnings}) if args.json else f"{results_table(lines)}\n"
