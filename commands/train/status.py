"""`train.py --status`: how far a run is, or all runs of a comparison."""

import argparse

from commands.shared_flags import as_json
from commands.train.comparison import status as status_of_comparison
from training.run_status import read_status
from utils.comparison_file import is_comparison
from utils.printable import printable


def run(args: argparse.Namespace) -> str:
    """The state of the run, or of the comparison if it is the file of one, in words or as JSON."""
    if args.status.suffix == ".json" and args.status.is_file() and is_comparison(args.status):
        return status_of_comparison(args)
    status = read_status(args.status)
    return as_json(status.to_plain()) if args.json else "".join(f"{printable(line)}\n" for line in status.in_words())
