"""How varied the notes of a run are, and whether they are copies of the notes that it learned from.

python -m benchmarks.variety pretrained/mel -c config_files/mel/pretrained.json --count 384 [--write]
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks.pitch_diversity import diversity_within_pitch
from benchmarks.recipe_notes import LearnedNotes, generated
from benchmarks.results import show_section
from evaluation.embeddings.note_classifier import SHIPPED, NoteClassifierEmbedding
from evaluation.embeddings.notes import MadeNotes
from evaluation.metrics.samples import squared_distances
from evaluation.scoring.open_side import side_of_made
from evaluation.scoring.side import Side
from generation.instrument import Instrument
from utils.arrays import Float64Array
from utils.config_file import load_experiment

SECTION = "## Variety and copies"


def main() -> int:
    """Measure, and print the section, or write it to RESULTS.md too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("-c", "--config", type=Path, required=True, help="its config, which names its notes")
    parser.add_argument("--count", type=int, default=384)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    instrument = Instrument.from_run(args.run, scale=None, iteration=None, device=torch.device("cpu"))
    learned = LearnedNotes.of(load_experiment(args.config), instrument.training_seed)
    rate = instrument.transform.sample_rate
    fake = _heard("generated", generated(instrument, args.run, args.count), rate)
    real = _heard("learned", learned.all_notes(), rate)
    text = "\n".join(
        [
            f"{SECTION}: {instrument.run_name}\n",
            f"`python -m benchmarks.variety {args.run} -c {args.config} --count {args.count} --write`: {len(fake)} "
            f"notes and all {len(real)} that it learned from, by the features of the note classifier. Diversity in a "
            "pitch is 1 for the learned notes. The distance is that to the nearest learned note of the same pitch; for "
            f"learned notes, {args.count} of them, to the nearest of another instrument.\n",
            f"Diversity within a pitch: {diversity_within_pitch(*_features(real), *_features(fake)):.2f}\n",
            "| notes | least distance | lowest tenth | median |",
            "|---|---:|---:|---:|",
            _row("generated", nearest(fake, real, own_instrument=True)),
            _row("learned", nearest(_some(real, args.count), real, own_instrument=False)),
        ]
    )
    show_section(f"{SECTION}: {instrument.run_name}", text, write=args.write)
    return 0


def nearest(notes: Side, learned: Side, *, own_instrument: bool) -> Float64Array:
    """Distance from each note to the nearest learned one of its pitch, without those of its own instrument if asked."""
    features, pitches = _features(notes)
    others, other_pitches = _features(learned)
    distances = np.sqrt(squared_distances(features, others))
    distances[pitches[:, None] != other_pitches] = np.inf
    if not own_instrument:
        distances[notes.labels.instruments[:, None] == learned.labels.instruments] = np.inf
    found = distances.min(axis=1)
    return found[np.isfinite(found)]


def _heard(name: str, notes: MadeNotes, sample_rate: int) -> Side:
    return side_of_made(name, notes, [NoteClassifierEmbedding(SHIPPED, torch.device("cpu"))], sample_rate)


def _features(side: Side) -> tuple[Float64Array, Float64Array]:
    return side.arrays[NoteClassifierEmbedding.name]["features"].astype(np.float64), side.labels.pitches


def _some(side: Side, count: int) -> Side:
    return side.of_rows(np.sort(np.random.default_rng(0).permutation(len(side))[:count]))


def _row(name: str, distances: Float64Array) -> str:
    return f"| {name} | {distances.min():.2f} | {np.quantile(distances, 0.1):.2f} | {np.median(distances):.2f} |"


if __name__ == "__main__":
    raise SystemExit(main())
