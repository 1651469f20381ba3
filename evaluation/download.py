"""Fetch or convert the weights of published networks, verify them and keep them for eval.py.

`python -m evaluation.download vggish` takes the torch port of the original, `--from tensorflow` the original itself,
which needs tensorflow; `--from` also takes another address, or a file or folder that is already there. All become the
same float32 safetensors. Source: Hershey et al. 2017; the weights are Google's, licence Apache-2.0.

`python -m evaluation.download musicnn --from WHEEL -o FILE` makes the shipped weights of musicnn again, from the wheel
that `pip download --no-deps musicnn==0.1.0` fetches. Source: Pons and Serra 2019, licence ISC.
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
    from evaluation.embeddings.musicnn_weights import provide_musicnn  # here, so that --help needs no torch
    from evaluation.embeddings.vggish_download import provide_vggish

    provide = provide_musicnn if args.network == "musicnn" else provide_vggish
    sys.stdout.write(provide(args.origin, args.output))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="python -m evaluation.download", description="Fetch, verify and convert the weights of published networks."
    )
    help_ = "vggish, which the Frechet audio distance uses and is not shipped; or musicnn, which is shipped"
    parser.add_argument("network", choices=("vggish", "musicnn"), help=help_)
    help_ = "of vggish: torch, tensorflow, another address, or a path (default: torch); of musicnn: the package's wheel"
    parser.add_argument("--from", dest="origin", metavar="SOURCE", help=help_)
    help_ = "file to write (default: where eval.py looks)"
    parser.add_argument("-o", "--output", type=path, metavar="FILE", help=help_)
    add_verbosity(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
