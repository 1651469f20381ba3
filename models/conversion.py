"""What `python -m models.convert` does: a run read, and written in the form that is asked for."""

import argparse
from pathlib import Path

from audio_transforms import AudioTransform  # noqa: F401 - registers the representations, which reading configs needs
from models.checkpoint import find_checkpoint, load_checkpoint, save_checkpoint
from models.published_checkpoint import is_published
from models.shared_generator import CARD, WEIGHTS, is_shared, write_shared
from utils.errors import UserError
from utils.run_folder import write_config


def convert(args: argparse.Namespace) -> str:
    """Write the folder `args.output`; returns what the terminal shows. Raises: UserError."""
    path = find_checkpoint(args.source, args.scale, args.iteration)
    target = args.to or ("ours" if is_published(path) else "safetensors")
    _require_useful(path, target, half=args.half)
    if args.output.exists() and not (args.output.is_dir() and not any(args.output.iterdir())):
        raise UserError(f"{args.output}: is not empty; give a folder that does not exist")
    state = load_checkpoint(path)
    if target == "ours":
        made = save_checkpoint(args.output, state)
        write_config(args.output, state["config"])
        said = f"{made}: the networks of {path.name}, without optimisers"
    else:
        write_shared(args.output, state, half=args.half)
        size = (args.output / WEIGHTS).stat().st_size
        said = f"{args.output}: {WEIGHTS} ({size / 1e6:.2f} MB) and {CARD}, from {path.name}"
    return f"{said}\nhear it with\n  python generate.py random -d {args.output}\n"


def _require_useful(path: Path, target: str, *, half: bool) -> None:
    if is_shared(path):
        raise UserError(f"{path.parent}: is a shared generator already; copy the folder")
    if target == "ours" and not is_published(path):
        raise UserError(f"{path}: is a run of train.py already; convert it to safetensors for sharing")
    if target == "ours" and half:
        raise UserError("half precision is for safetensors alone; leave it out")
