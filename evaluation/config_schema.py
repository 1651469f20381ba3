"""Write config_files/schema.json and comparison_schema.json, by which editors complete and check configs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from utils.arguments import path
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.comparison_keys import comparison_schema
from utils.config_file import experiment_schema
from utils.errors import UserError
from utils.files import read_json, write_json
from utils.own_files import require_replaceable

COMPARISON_NAME = "comparison_schema.json"
SCHEMA_PATH = Path(__file__).resolve().parents[1] / "config_files" / "schema.json"


@user_errors_in_one_line("config_schema")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    comparison = args.output.with_name(COMPARISON_NAME)
    require_replaceable([args.output, comparison], _is_schema, "a schema of configs")
    import audio_transforms  # noqa: F401 - registers the representations, whose keys the schema lists; needs torch

    for file, schema in ((args.output, experiment_schema()), (comparison, comparison_schema())):
        write_json(file, schema)
        sys.stdout.write(f"{file}\n")
    return 0


def _is_schema(path: Path) -> bool:
    try:
        found = read_json(path)
    except UserError:
        return False
    return isinstance(found, dict) and found.keys() >= {"$schema", "properties"}


def build_parser() -> argparse.ArgumentParser:
    """The command line of this module."""
    parser = Parser(prog="python -m evaluation.config_schema", description=__doc__)
    help_ = "file to write (default: config_files/schema.json); that of comparisons is written beside it"
    parser.add_argument("-o", "--output", type=path, default=SCHEMA_PATH, metavar="FILE", help=help_)
    add_verbosity(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
