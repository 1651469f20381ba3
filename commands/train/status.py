"""`train.py --status`: how far a run is."""

import argparse

from commands.shared_flags import as_json
from training.run_status import read_status
from utils.printable import printable


def run(args: argparse.Namespace) -> str:
    """The state of the run, in words or as JSON."""
    status = read_status(args.status)
    return as_json(status.to_plain()) if args.json else "".join(f"{printable(line)}\n" for line in status.in_words())
