"""`eval.py timbre`: whether one latent of a run stays one instrument along a scale."""

import argparse

from commands.evaluate.options import report_in_words
from commands.shared_flags import latent_controls
from evaluation.embeddings.note_classifier import SHIPPED, NoteClassifierEmbedding
from evaluation.scoring.timbre_score import TimbreOptions, write_timbre
from generation.latent_controls import LatentControls
from models.checkpoint import find_checkpoint
from utils.device import choose_device
from utils.ranks import require_one_process


def run(args: argparse.Namespace) -> str:
    """Scales of a run, one for each latent, and real instruments as baseline."""
    require_one_process("timbre")
    find_checkpoint(args.run_folder, args.scale, args.iteration)
    options = TimbreOptions(
        run=args.run_folder,
        real=args.real,
        output=args.output,
        n_latents=args.count,
        pitches=args.pitches,
        scale=args.scale,
        iteration=args.iteration,
        skip_broken=args.skip_broken,
        device=choose_device(args.device),
        controls=LatentControls(**latent_controls(args)),
    )
    return report_in_words(write_timbre(NoteClassifierEmbedding(SHIPPED, options.device), options), args)
