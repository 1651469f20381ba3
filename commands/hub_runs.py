"""Runs that the command line names on the Hub, pulled before its work begins."""

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

from utils.hub_name import HubName

_FLAGS = {"run_folder", "runs", "notes", "real", "unseen"}
"""Where a run may be named, by its folder or on the Hub."""


def pull_named_runs(args: argparse.Namespace) -> None:
    """Replace the runs in `args` that are named on the Hub by the folders that they were pulled into, in a cache.

    The sound of such a run goes to `generated/NAME/MODE` unless `--output` says where. Raises: UserError.
    """
    run = getattr(args, "run_folder", None)
    alone = run[0] if isinstance(run, list) and len(run) == 1 else run
    if isinstance(alone, HubName) and "mode" in args and getattr(args, "output", "none") is None:
        args.output = Path("generated", alone.name, args.mode)
    for flag in _FLAGS & vars(args).keys():
        value = getattr(args, flag)
        setattr(args, flag, [_pulled(each) for each in value] if isinstance(value, list) else _pulled(value))


def _pulled(value: Any) -> Any:
    if not isinstance(value, HubName):
        return value
    return import_module("models.hub").pull(value)  # needs torch, which most command lines are checked without
