"""`generate.py page`: a folder with a web page to hear and see one or several runs."""

import argparse
from collections.abc import Sequence

from commands.shared_flags import latent_controls
from evaluation.listening_page.page import INDEX, PageOptions, write_page
from generation.latent_controls import LatentControls
from utils.device import choose_device
from utils.errors import UserError
from utils.ranks import require_one_process
from utils.spelling import counted, shortened

DEFAULT_SEEDS = (0, 1, 2)
LONGEST_TITLE = 40


def run(args: argparse.Namespace) -> str:
    """A web page to hear and see runs: notes against real ones, losses, scores, configs and commands."""
    require_one_process("page")
    several = len(args.run_folder) > 1
    if several and args.output is None:
        raise UserError("-o/--output is needed with several runs; name the folder of the page")
    if several and (args.scale is not None or args.iteration is not None):
        raise UserError("--scale and --iteration go with a single run; leave them out, or give one run")
    _require_titles(args.titles, len(args.run_folder))
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


def _require_titles(titles: Sequence[str] | None, n_runs: int) -> None:
    """Raise UserError unless there is a title of its own for each run, or none at all."""
    if titles is None:
        return
    if len(titles) != n_runs:
        raise UserError(f"--titles: {counted(len(titles), 'title')} for {counted(n_runs, 'run')}; give one for each")
    for title in titles:
        if not title.strip() or len(title) > LONGEST_TITLE or titles.count(title) > 1:
            wanted = f"titles must differ and have 1 to {LONGEST_TITLE} characters"
            raise UserError(f"--titles: {shortened(title) or 'an empty one'}: {wanted}")
