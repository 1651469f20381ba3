"""Flags that several scripts share beyond those of `utils.arguments`."""

import argparse
import json
from typing import Any

from utils.arguments import MOST_TRUNCATION, number_between


def add_truncation(parser: argparse._ActionsContainer) -> None:
    """Add `--truncation` to a parser or to a group of its flags."""
    parser.add_argument(
        "--truncation",
        type=number_between(1e-3, MOST_TRUNCATION),
        metavar="BOUND",
        help="largest absolute value in a latent: 1 or less gives cleaner, less varied notes (default: no bound)",
    )


def add_json(parser: argparse._ActionsContainer, what: str) -> None:
    """Add `--json`, which makes `what` one JSON document on stdout."""
    parser.add_argument("--json", action="store_true", help=f"print {what} as one JSON document")


def as_json(value: Any) -> str:
    """Plain values as the JSON document that `--json` prints."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"
