"""What several subcommands of eval.py make of their flags, and of what they found."""

import argparse
from dataclasses import replace
from pathlib import Path

from commands.shared_flags import as_json, latent_controls
from evaluation.embeddings.note_classifier import named_weights
from evaluation.scoring.generated_notes import GenerationOptions
from evaluation.scoring.open_side import SideOptions, is_run
from evaluation.scoring.score_embeddings import EmbeddingOptions
from evaluation.scoring.score_report import ReportOptions, ScoreReport
from generation.latent_controls import LatentControls
from models.checkpoint import find_checkpoint
from utils.errors import UserError
from utils.ranks import Ranks, own_device

CONFIG_FILES = Path(__file__).resolve().parents[2] / "config_files"


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
        classifier=None if args.classifier is None else named_weights(args.classifier),
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
        references=leave_out and args.references,
        unseen=args.unseen if leave_out else None,
    )


def side_options(args: argparse.Namespace, cache: Path | None, *sides: Path | None) -> SideOptions:
    """What the flags say of reading and making notes. Raises: UserError if they are of a run and no side is one."""
    names = ("count", "pitches", "scale", "iteration")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    controls = latent_controls(args)
    if (given or controls) and not any(side is not None and is_run(side) for side in sides):
        flag = next(iter(given | controls)).replace("_", "-")
        raise UserError(f"--{flag} is for notes made by a run, but no run folder is given; leave it out")
    generation = GenerationOptions(**given, controls=LatentControls(**controls))
    return SideOptions(cache=cache, skip_broken=args.skip_broken, device=own_device(args.device), generation=generation)


def report_in_words(report: ScoreReport, args: argparse.Namespace) -> str:
    """What the terminal shows of new scores: a table and remarks, or the lines of results.jsonl as `--json` wants."""
    if not report.lines:
        return ""
    return as_json(report.lines) if args.json else report.in_words()


def shipped_configs() -> list[Path]:
    """The configs of the paper's sizes, one for each representation. Raises: UserError if there is none."""
    paths = sorted(CONFIG_FILES.glob("*/paper.json"))
    if not paths:
        raise UserError(f"{CONFIG_FILES}: no */paper.json here; name configs with -c")
    return paths
