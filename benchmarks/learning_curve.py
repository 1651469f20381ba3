"""How a run learned: `python -m benchmarks.learning_curve RUN [RUN ...] [--count 48] [--picture FILE] [--write]`.

Several runs are one that was continued under other names. From each checkpoint that RUN still has (`--keepCheckpoints
0` keeps all), as many notes as asked for, through all pitches in turn, and the score of `eval.py in-tune`; beside it
the scores that `train.py --scores-every` wrote.
"""

import argparse
import itertools
import math
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.results import show_section
from evaluation.embeddings.features import hear
from evaluation.embeddings.notes import made_notes
from evaluation.embeddings.sounding_pitch import PyinEmbedding
from evaluation.scoring.generated_notes import GenerationOptions, generate_notes
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.pitch_scores import score_in_tune
from generation.instrument import Instrument
from models.checkpoint import list_own_checkpoints
from utils.files import atomic_path
from utils.score_table import read_scores

SECTION = "## Learning curve"
SCORES = ("pis", "iis", "pkid")


class Point(NamedTuple):
    """A run after some steps of its training."""

    step: int
    scale: int
    in_tune: float  # share of notes within 50 cents
    median_cents: float
    scores: dict[str, float]


def main() -> int:
    """Measure, print, and with --write put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--picture", type=Path, help="PNG to be made")
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args = parser.parse_args()
    points = [point for run in args.runs for point in measured(run, args.count)]
    text = table(args, points)
    show_section(f"{SECTION}: {args.runs[0].name}", text, write=args.write)
    if args.picture:
        draw(points, args.picture)
    return 0


def measured(run: Path, count: int) -> list[Point]:
    """A point for each checkpoint, oldest first."""
    # a row bears the number of the last step, counted from 0
    scores = {int(row["step"]) + 1: row for row in read_scores(run)}
    points = []
    for scale, iteration, _ in list_own_checkpoints(run):
        instrument = Instrument.from_run(run, scale=scale, iteration=iteration, device=torch.device("cpu"))
        pitches = [int(pitch) for pitch in instrument.table.values["pitch"]]
        notes = generate_notes(instrument, run, GenerationOptions(count=count, pitches=pitches))
        source = made_notes(notes, instrument.transform.sample_rate)
        (heard,) = hear(source, [PyinEmbedding()]).values()
        (tuning,) = score_in_tune(heard.arrays["f0"], NoteLabels.of(notes.records), baseline=False)
        row = scores.get(instrument.step, {})
        known = {name: row[name] for name in SCORES if name in row}
        error = tuning.details["median_error_cents"]
        points.append(Point(instrument.step, scale, tuning.value, math.nan if error is None else error, known))
    return points


def table(args: argparse.Namespace, points: list[Point]) -> str:
    """The section of RESULTS.md."""
    lines = [
        f"{SECTION}: {args.runs[0].name}\n",
        f"`python -m benchmarks.learning_curve {' '.join(map(str, args.runs))} --count {args.count} --write`: "
        f"{args.count} notes of each checkpoint; the scores, of 256 notes, are those of `train.py --scores-every`.\n",
        "| step | scale | in tune (50 cents) | median error (cents) | " + " | ".join(map(str.upper, SCORES)) + " |",
        "|---|---|---|---|" + "---|" * len(SCORES),
    ]
    for point in points:
        scores = " | ".join(f"{point.scores[name]:.3g}" if name in point.scores else "" for name in SCORES)
        lines.append(f"| {point.step} | {point.scale} | {point.in_tune:.0%} | {point.median_cents:.0f} | {scores} |")
    return "\n".join(lines) + "\n"


def draw(points: list[Point], path: Path) -> None:
    """Write a PNG: share in tune, PIS and PKID against steps, a line where a scale begins."""
    figure = Figure(figsize=(9.6, 2.8), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    curves = {
        "in tune by pyin, %": [(point.step, 100 * point.in_tune) for point in points],
        "PIS (higher is better)": [(point.step, point.scores["pis"]) for point in points if "pis" in point.scores],
        "PKID (lower is better)": [(point.step, point.scores["pkid"]) for point in points if "pkid" in point.scores],
    }
    starts = [before.step for before, after in itertools.pairwise(points) if after.scale > before.scale]
    for place, (title, curve) in enumerate(curves.items()):
        axes = figure.add_subplot(1, len(curves), place + 1)
        axes.plot(*zip(*curve, strict=True), marker=".")
        for start in starts:
            axes.axvline(start, color="0.8", zorder=0)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("steps", fontsize=9)
        axes.set_ylim(bottom=0)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


if __name__ == "__main__":
    raise SystemExit(main())
