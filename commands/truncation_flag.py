"""The flag `--truncation` of all commands that make notes."""

import argparse

from generation.note_spec import MOST_TRUNCATION
from utils.arguments import number_between


def add_truncation(parser: argparse._ActionsContainer) -> None:
    """Add `--truncation` to a parser or to a group of its flags."""
    parser.add_argument(
        "--truncation",
        type=number_between(1e-3, MOST_TRUNCATION),
        help="bound of the latents' numbers: with 1 or less, cleaner and less various (none)",
    )
