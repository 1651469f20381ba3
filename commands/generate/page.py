"""`generate.py page`: a folder with a web page to hear and see one or several runs."""

import argparse

from commands.generate.titles import require_titles
from commands.shared_flags import latent_controls
from evaluation.listening_page.page import INDEX, PageOptions, write_page
from generation.latent_controls import LatentControls
from utils.device import choose_device
from utils.errors import UserError
from utils.ranks import require_one_process
from utils.spelling import counted

DEFAULT_SEEDS = (0, 1, 2)


def run(args: argparse.Namespace) -> str:
    """A web page to hear and see runs: notes against real ones, losses, scores, configs and commands."""
    require_one_process("page")
    several = len(args.run_folder) > 1
    if several and args.output is None:
        raise UserError("-o/--output is needed with several runs; name the folder of the page")
    if several and (args.scale is not None or args.iteration is not None):
        raise UserError("--scale and --iteration go with a single run; leave them out, or give one run")
    require_titles(args.titles, len(args.run_folder))
    options = PageOptions(
        runs=args.run_folder,
        titles=args.titles,
        output=args.output or args.run_folder[0] / "page",
        pitches=args.pitches,
        seeds=args.seeds or DEFAULT_SEEDS,
        controls=LatentControls(**latent_controls(args)),
        real=args.real,
        scores=args.scores,
        audio_format=args.format,
        scale=args.scale,
        iteration=args.iteration,
        device=choose_device(args.device),
    )
    count = write_page(options)
    return f"{counted(count, 'note')} in {options.output}; open {options.output / INDEX} in a browser\n"
