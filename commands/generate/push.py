"""`generate.py push`: a run for others, on the Hugging Face Hub."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from evaluation.scoring.checkpoint_scores import scores_of_checkpoint
from generation.instrument import Instrument
from generation.run_terms import MODEL_CARD
from generation.sharing.model_card import CardFacts
from generation.sharing.shared_files import NOTES, shared_files
from models.hub import client
from models.hub_upload import upload
from utils.files import sha256_of_file
from utils.hub_name import HubName
from utils.ranks import require_one_process
from utils.spelling import counted


def run(args: argparse.Namespace) -> str:
    """The run as a shared generator with its card, uploaded in one commit; what is sent is shown before."""
    require_one_process("push")
    if not args.dry_run:
        client()
    cpu = torch.device("cpu")
    instrument = Instrument.from_run(args.run_folder, scale=args.scale, iteration=args.iteration, device=cpu)
    scores = None
    if args.scores:
        scores = scores_of_checkpoint(args.scores, sha256_of_file(instrument.checkpoint))
    facts = CardFacts(licence=args.license, learned_from=args.learned_from, scores=scores)
    with TemporaryDirectory(prefix="push-") as made:
        files = shared_files(instrument, args.run_folder, Path(made), args.to, facts, half=args.half, notes=args.notes)
        listed = _listed(args.to, files, args)
        if args.dry_run:
            return f"{listed}nothing was sent; {MODEL_CARD}:\n\n{files[MODEL_CARD].read_text(encoding='utf-8')}"
        sys.stdout.write(listed)
        sys.stdout.flush()
        message = f"{instrument.run_name}, {instrument.checkpoint.name}"
        page = upload(args.to, files, private=args.private, update=args.update, message=message)
    return f"sent; see {page}, and play it with\n  python generate.py random -d {args.to}\n"


def _listed(name: HubName, files: Mapping[str, Path], args: argparse.Namespace) -> str:
    sizes = {path: file.stat().st_size for path, file in files.items()}
    kind = (
        "a repository that is there" if args.update else f"a new {'private' if args.private else 'public'} repository"
    )
    lines = [f"{name}, {kind}: {counted(len(files), 'file')}, {sum(sizes.values()) / 1e6:.2f} MB"]
    lines += [f"  {size:13,} bytes  {path}" for path, size in sizes.items()]
    if not args.notes and (args.run_folder / NOTES).is_dir():
        lines.append(f"  {NOTES} is not sent; --notes sends it")
    return "\n".join(lines) + "\n"
