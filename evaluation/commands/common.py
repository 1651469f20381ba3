"""Flags that several subcommands of eval.py take."""

import argparse

from utils.arguments import seed


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (auto)")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Add `--seed` of subsets and splits."""
    parser.add_argument("--seed", type=seed, default=0, help="of subsets and splits (0)")


def add_skip_broken(parser: argparse.ArgumentParser) -> None:
    """Add `--skip-broken`."""
    parser.add_argument("--skip-broken", action="store_true", help="go on without the notes that cannot be read")
