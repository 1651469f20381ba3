"""`generate.py page`: a folder with a web page to hear and see one or several runs."""

import argparse
from pathlib import Path

from commands.generate.common import flat
from commands.truncation_flag import add_truncation
from evaluation.listening_page.ogg_files import ogg_codec
from evaluation.listening_page.page import INDEX, PageOptions, write_page
from evaluation.listening_page.runs import MOST_PITCHES
from evaluation.listening_page.sound_files import FORMATS
from utils.arguments import pitch_list, seed_list
from utils.device import choose_device
from utils.errors import UserError
from utils.ranks import require_one_process

DEFAULT_SEEDS = (0, 1, 2)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate.py page`."""
    parser.add_argument("-d", "--dir", type=Path, nargs="+", required=True, help="run folders, as train.py made them")
    parser.add_argument("-o", "--output", type=Path, help="folder of the page (RUN/page if there is one run)")
    parser.add_argument(
        "--pitches",
        type=pitch_list,
        nargs="+",
        help=f"MIDI pitches, such as 60-71 (at most {MOST_PITCHES}, evenly from those that all runs learned)",
    )
    parser.add_argument("--seeds", type=seed_list, nargs="+", help="seeds of the latents, such as 0-3 or 2,7 (0-2)")
    add_truncation(parser)
    parser.add_argument(
        "--real", type=Path, metavar="DIR", help="real notes to compare with (those that each run learned from)"
    )
    parser.add_argument(
        "--scores", type=Path, nargs="+", metavar="DIR", help="folders that eval.py filled (RUN/scores* if there)"
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="wav", help=f"wav of 16 bits, or ogg, here {ogg_codec().lower()} (wav)"
    )
    parser.add_argument("-s", "--scale", type=int, help="scale of the checkpoint, of a single run (the newest)")
    parser.add_argument("-i", "--iteration", type=int, help="iteration of the checkpoint (the newest)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (auto)")


def run(args: argparse.Namespace) -> str:
    """A web page to hear and see runs: notes against real ones, losses, scores, configs and commands."""
    require_one_process("page")
    several = len(args.dir) > 1
    if several and args.output is None:
        raise UserError("-o: where does the page of several runs go? name a folder")
    if several and (args.scale is not None or args.iteration is not None):
        raise UserError("-s, -i: choose the checkpoint of a single run; leave them out, or give one run")
    options = PageOptions(
        runs=args.dir,
        output=args.output or args.dir[0] / "page",
        pitches=flat(args.pitches),
        seeds=flat(args.seeds) or DEFAULT_SEEDS,
        truncation=args.truncation,
        real=args.real,
        scores=args.scores,
        audio_format=args.format,
        scale=args.scale,
        iteration=args.iteration,
        device=choose_device(args.device),
    )
    count = write_page(options)
    return f"{count} notes in {options.output}; open {options.output / INDEX} in a browser\n"
