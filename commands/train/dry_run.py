"""`train.py --dry-run`: what experiments will cost."""

import argparse

from commands.shared_flags import as_json
from commands.train.experiments import read_experiments
from training.budget import cost_of


def run(args: argparse.Namespace) -> str:
    """The cost of each experiment, in words or as JSON."""
    costs = [cost_of(experiment, args.seed) for experiment in read_experiments(args)]
    if args.json:
        return as_json([cost.to_plain() for cost in costs])
    return "".join(f"{line}\n" for cost in costs for line in cost.in_words())
