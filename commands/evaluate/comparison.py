"""`eval.py comparison`: which representation is better, by all runs of a comparison."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from evaluation.comparison.report import ComparisonOptions, write_comparison
from evaluation.comparison.runs import FinishedRun
from evaluation.listening_page.page import CARD, INDEX, MADE_BY, PageOptions, write_page
from generation.latent_controls import NO_CONTROLS
from utils.comparison_file import load_comparison
from utils.device import choose_device
from utils.errors import UserError
from utils.own_files import require_own_folder
from utils.ranks import require_one_process

logger = logging.getLogger(__name__)

PAGE = "page"


def run(args: argparse.Namespace) -> str:
    """Scores of every finished run of a comparison file, what they allow to claim, and a page to hear them."""
    require_one_process("comparison")
    require_own_folder(args.output / PAGE, CARD, MADE_BY)
    options = ComparisonOptions(output=args.output, count=args.count, seed=args.seed, device=choose_device(args.device))
    comparison = load_comparison(args.file)
    scored = write_comparison(comparison, options)
    here = [run for run in scored.runs if run.recorded is None]
    if not here:
        return f"{scored.text}no page: no run is here to be heard\n"
    try:
        page = _write_page(here, args.output, comparison.reference.real, options.device)
    except UserError as error:
        # hours of scoring are not undone by a note that cannot be shown
        logger.warning("no page: %s", error)
        return scored.text
    return f"{scored.text}open {page} in a browser to hear them\n"


def _write_page(runs: Sequence[FinishedRun], output: Path, real: Path, device: torch.device) -> Path:
    """A page of the first run of each representation beside its scores: few pitches, one latent. Raises: UserError."""
    first = {run.title: run for run in reversed(runs)}
    heard = [first[title] for title in dict.fromkeys(run.title for run in runs)]
    options = PageOptions(
        runs=[run.folder for run in heard],
        titles=[run.title for run in heard],
        output=output / PAGE,
        pitches=None,
        seeds=(0,),
        controls=NO_CONTROLS,
        real=real if real.exists() else None,
        scores=[output],
        audio_format="wav",
        scale=None,
        iteration=None,
        device=device,
    )
    write_page(options)
    return options.output / INDEX
