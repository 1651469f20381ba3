"""Flags and defaults that several subcommands of eval.py share."""

import argparse
from dataclasses import replace
from pathlib import Path

from commands.truncation_flag import add_truncation
from evaluation.scoring.generated_notes import GenerationOptions
from evaluation.scoring.open_side import SideOptions, is_run
from evaluation.scoring.score_embeddings import EmbeddingOptions
from evaluation.scoring.score_report import ReportOptions
from models.checkpoint import find_checkpoint
from utils.arguments import at_least_one, pitches, seed
from utils.errors import UserError
from utils.ranks import Ranks, own_device

CONFIG_FILES = Path(__file__).resolve().parents[2] / "config_files"
_SIDE = "folder of notes, run folder of train.py, or statistics file (.npz)"


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Add `--seed` of subsets and splits."""
    parser.add_argument("--seed", type=seed, default=0, help="of subsets and splits (0)")


def add_real(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add `--real`; where it is not required, the real notes serve as baseline."""
    what = "real notes" if required else "real notes, as baseline"
    parser.add_argument("--real", type=Path, required=required, metavar="PATH", help=f"{what}: {_SIDE}")


def add_notes(parser: argparse.ArgumentParser, flag: str) -> None:
    """Add `flag` and what may stand in its place: `--run`, with the flags of the notes that a run makes."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument(flag, dest="notes", type=Path, metavar="PATH", help=f"notes: {_SIDE}")
    group.add_argument(
        "--run",
        dest="run_folder",
        type=Path,
        metavar="RUN",
        help="run folder of train.py: its notes are made on the fly",
    )
    made = parser.add_argument_group("notes that a run makes, as generate.py random does")
    made.add_argument("--n", dest="count", type=at_least_one, help="number of notes, of seeds 0 to N - 1 (1000)")
    made.add_argument(
        "--pitch", type=pitches, nargs="+", help="MIDI pitches in turn, such as 60-72 (drawn by the seed)"
    )
    add_truncation(made)
    made.add_argument("-s", "--scale", type=int, help="scale of the checkpoint (the newest)")
    made.add_argument("-i", "--iteration", type=int, help="iteration of the checkpoint (the newest)")


def add_inception(parser: argparse.ArgumentParser) -> None:
    """Add `--inception-model`."""
    parser.add_argument("--inception-model", type=Path, metavar="PATH", help="weights of the published Inception")


def add_vggish(parser: argparse.ArgumentParser) -> None:
    """Add `--vggish`."""
    parser.add_argument("--vggish", type=Path, metavar="PATH", help="weights of VGGish (those that were downloaded)")


def add_user_network(parser: argparse.ArgumentParser) -> None:
    """Add what a user's own network hears."""
    parser.add_argument("--embedding-rate", type=at_least_one, help="Hz, of your network (16000)")
    parser.add_argument("--embedding-samples", type=at_least_one, help="that it hears (16000)")


def notes_path(args: argparse.Namespace) -> Path:
    """What `add_notes` was given. Raises: CheckpointError if `--run` is no run folder."""
    if args.run_folder:
        find_checkpoint(args.run_folder, args.scale, args.iteration)
    path: Path = args.run_folder or args.notes
    return path


def embedding_options(args: argparse.Namespace) -> EmbeddingOptions:
    """What the flags say of networks."""
    return EmbeddingOptions(
        device=own_device(args.device),
        inception_model=args.inception_model,
        vggish=args.vggish,
        user_rate=args.embedding_rate,
        user_samples=args.embedding_samples,
    )


def report_options(args: argparse.Namespace, ranks: Ranks, *, leave_out: bool) -> ReportOptions:
    """Both sides and where the results go; `leave_out` as in `ReportOptions`. Raises: UserError."""
    fake = notes_path(args)
    return ReportOptions(
        real=args.real,
        fake=fake,
        output=args.output,
        sides=replace(side_options(args, args.output / "features", args.real, fake), ranks=ranks),
        seed=args.seed,
        leave_out=leave_out,
    )


def side_options(args: argparse.Namespace, cache: Path | None, *sides: Path | None) -> SideOptions:
    """What the flags say of reading and making notes. Raises: UserError if they are of a run and no side is one."""
    flags = {
        "--n": args.count,
        "--pitch": args.pitch,
        "--truncation": args.truncation,
        "--scale": args.scale,
        "--iteration": args.iteration,
    }
    given = [flag for flag, value in flags.items() if value is not None]
    if given and not any(side is not None and is_run(side) for side in sides):
        raise UserError(f"{given[0]}: is of notes that a run makes, but no run folder is given; leave it out")
    asked = [pitch for group in args.pitch for pitch in group] if args.pitch else None
    count = {} if args.count is None else {"count": args.count}
    generation = GenerationOptions(
        **count, pitches=asked, truncation=args.truncation, scale=args.scale, iteration=args.iteration
    )
    return SideOptions(cache=cache, skip_broken=args.skip_broken, device=own_device(args.device), generation=generation)


def shipped_configs() -> list[Path]:
    """The configs of the paper's sizes, one for each representation. Raises: UserError if there is none."""
    paths = sorted(CONFIG_FILES.glob("*/paper.json"))
    if not paths:
        raise UserError(f"{CONFIG_FILES}: no */paper.json here; name configs with -c")
    return paths
