"""`train.py --dry-run`: what experiments will cost."""

import argparse

from commands.shared_flags import as_json
from commands.train.comparison_flags import trains_comparison
from commands.train.experiments import read_experiments
from training.budget import cost_of
from training.comparison_runs import plan_runs
from utils.comparison_file import load_comparison
from utils.config import ExperimentConfig


def run(args: argparse.Namespace) -> str:
    """The cost of each experiment, in words or as JSON."""
    costs = [cost_of(experiment, seed) for experiment, seed in _asked(args)]
    if args.json:
        return as_json([cost.to_plain() for cost in costs])
    return "".join(f"{line}\n" for cost in costs for line in cost.in_words())


def _asked(args: argparse.Namespace) -> list[tuple[ExperimentConfig, int]]:
    if trains_comparison(args):
        return [(run.experiment, run.seed) for run in plan_runs(load_comparison(args.config[0]))]
    return [(experiment, args.seed or 0) for experiment in read_experiments(args)]
