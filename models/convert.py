"""Convert a published run to a run folder of ours, or a run to a generator for sharing."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from audio_transforms import AudioTransform  # noqa: F401 - registers the representations, which reading configs needs
from models.checkpoint import find_checkpoint, load_checkpoint, save_checkpoint
from models.published_checkpoint import is_published
from models.shared_generator import CARD, WEIGHTS, is_shared, write_shared
from utils.arguments import whole_number
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.errors import UserError
from utils.run_folder import write_config


@user_errors_in_one_line("models.convert")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    path = find_checkpoint(args.source, args.scale, args.iteration)
    target = args.to or ("ours" if is_published(path) else "safetensors")
    _require_useful(path, target, half=args.half)
    _require_empty(args.output)
    state = load_checkpoint(path)
    if target == "ours":
        made = save_checkpoint(args.output, state)
        write_config(args.output, state["config"])
        sys.stdout.write(f"{made}: the networks of {path.name}, without optimisers\n")
    else:
        write_shared(args.output, state, half=args.half)
        size = (args.output / WEIGHTS).stat().st_size
        sys.stdout.write(f"{args.output}: {WEIGHTS} ({size / 1e6:.2f} MB) and {CARD}, from {path.name}\n")
    sys.stdout.write(f"hear it with\n  python generate.py random -d {args.output}\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line of this script."""
    parser = Parser(prog="models.convert", description=__doc__)
    parser.add_argument("source", type=Path, help="run folder: a published one, or one of train.py")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to create")
    parser.add_argument(
        "--to",
        choices=("ours", "safetensors"),
        help="ours: a run folder; safetensors: averaged generator and JSON, for sharing (ours for a published run, "
        "else safetensors)",
    )
    parser.add_argument("-s", "--scale", type=whole_number, help="scale of the checkpoint (the newest)")
    parser.add_argument("-i", "--iteration", type=whole_number, help="iteration in the checkpoint's name (the newest)")
    parser.add_argument("--half", action="store_true", help="safetensors in float16, half the size")
    add_verbosity(parser)
    return parser


def _require_useful(path: Path, target: str, *, half: bool) -> None:
    if is_shared(path):
        raise UserError(f"{path.parent}: is a shared generator already; copy the folder")
    if target == "ours" and not is_published(path):
        raise UserError(f"{path}: is one of our runs already; --to safetensors makes a generator for sharing")
    if target == "ours" and half:
        raise UserError("--half: is for --to safetensors; leave it out")


def _require_empty(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder}: is not empty; name a folder that does not exist")


if __name__ == "__main__":
    sys.exit(main())
