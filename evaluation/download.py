"""Fetch the weights of VGGish, which the Frechet audio distance needs, verify them and keep them for eval.py.

`python -m evaluation.download vggish` takes the torch port of the original, `--from tensorflow` the original itself,
which needs tensorflow; `--from` also takes another address, or a file or folder that is already there. All become the
same float32 safetensors. Source: Hershey et al. 2017; the weights are Google's, licence Apache-2.0.
"""

import argparse
import sys
from collections.abc import Sequence

from utils.arguments import path
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line


@user_errors_in_one_line("download")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit code is 0, or 2 after a user's mistake or without a network."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    from evaluation.embeddings.vggish_download import provide_vggish  # here, so that --help needs no torch

    sys.stdout.write(provide_vggish(args.origin, args.output))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="python -m evaluation.download", description="Fetch, verify and convert weights that are not shipped."
    )
    help_ = "network whose weights are fetched; the Frechet audio distance uses it"
    parser.add_argument("network", choices=("vggish",), help=help_)
    help_ = "torch, tensorflow, another address, or a path (default: %(default)s)"
    parser.add_argument("--from", dest="origin", default="torch", metavar="SOURCE", help=help_)
    help_ = "file to write (default: where eval.py looks)"
    parser.add_argument("-o", "--output", type=path, metavar="FILE", help=help_)
    add_verbosity(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
