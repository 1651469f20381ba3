"""`eval.py comparison`: which representation is better, by all runs of a comparison."""

import argparse

from evaluation.comparison.report import ComparisonOptions, write_comparison
from utils.comparison_file import load_comparison
from utils.device import choose_device
from utils.ranks import require_one_process


def run(args: argparse.Namespace) -> str:
    """Scores of every finished run of a comparison file, and what they allow to claim."""
    require_one_process("comparison")
    options = ComparisonOptions(output=args.output, count=args.count, seed=args.seed, device=choose_device(args.device))
    return write_comparison(load_comparison(args.file), options)
