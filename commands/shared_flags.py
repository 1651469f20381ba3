"""Flags that several scripts share beyond those of `utils.arguments`."""

import argparse
import json
from typing import Any

from utils.arguments import LATENT_SCALES, MOST_TRUNCATION, number_between
from utils.errors import UserError


def add_truncation(parser: argparse._ActionsContainer) -> None:
    """Add `--truncation` to a parser or to a group of its flags."""
    parser.add_argument(
        "--truncation",
        type=number_between(1e-3, MOST_TRUNCATION),
        metavar="BOUND",
        help="largest absolute value in a latent: 1 or less gives louder, more typical notes (default: no bound)",
    )


def add_latent_controls(parser: argparse._ActionsContainer) -> None:
    """Add `--truncation`, `--keep-norm` and `--latent-scale` to a parser or to a group of its flags."""
    add_truncation(parser)
    help_ = "give each bounded latent its length back, so that --truncation changes its direction only"
    parser.add_argument("--keep-norm", action="store_const", const=True, help=help_)
    help_ = "factor of the latents: less than 1 makes the attributes stronger, more than 1 weaker (default: 1)"
    parser.add_argument("--latent-scale", type=number_between(*LATENT_SCALES), metavar="FACTOR", help=help_)


def latent_controls(args: argparse.Namespace) -> dict[str, Any]:
    """The values of the flags of `add_latent_controls` that are given. Raises: UserError if they do not fit."""
    if args.keep_norm and args.truncation is None:
        raise UserError("--keep-norm goes with --truncation; give a bound, or leave it out")
    names = ("truncation", "keep_norm", "latent_scale")
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def add_json(parser: argparse._ActionsContainer, what: str) -> None:
    """Add `--json`, which makes `what` one JSON document on stdout."""
    parser.add_argument("--json", action="store_true", help=f"print {what} as one JSON document")


def as_json(value: Any) -> str:
    """Plain values as the JSON document that `--json` prints."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"
