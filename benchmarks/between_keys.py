"""How far notes sound from the pitch that was asked for: those of the keys, and those between them.

python -m benchmarks.between_keys pretrained/mag-if --count 16 [--write]
"""

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import torch

from benchmarks.results import show_section
from data.note_pitch import LEAST_PERIODICITY, sounding_pitch
from generation.instrument import Instrument
from generation.playing.sustain import STEADY_SHARE
from utils.arrays import Float64Array

SECTION = "## Pitch between the keys"
OFFSETS = (0.0, 0.25, 0.5)  # semitones from a learned pitch; the same notes, resampled


def main() -> int:
    """Measure, and print the section, or write it to RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    instrument = Instrument.from_run(args.run, scale=None, iteration=None, device=torch.device("cpu"))
    known = [int(pitch) for pitch in instrument.table.values["pitch"]]
    asked = [known[number * (len(known) - 1) // max(args.count - 1, 1)] for number in range(args.count)]
    section = f"{SECTION}: {instrument.run_name}"
    text = "\n".join(
        [
            f"{section}\n",
            f"`python -m benchmarks.between_keys {args.run} --count {args.count} --write`, {date.today()}: "
            f"{args.count} notes for each row, seeds 0 and up, evenly over {known[0]} to {known[-1]}. Errors are "
            "against the pitch asked for, by `data/note_pitch.py`, of the first 70 % of each note.\n",
            "| asked | notes with a clear pitch | median error, cents | median absolute error, cents | within 50 |",
            "|:--|--:|--:|--:|--:|",
            *(_row(offset, errors(instrument, asked, offset)) for offset in OFFSETS),
        ]
    )
    show_section(section, text, write=args.write)
    return 0


def errors(instrument: Instrument, pitches: list[int], offset: float) -> Float64Array:
    """Cents between each note and what was asked for, seeds 0 and up; NaN where no pitch is clear."""
    found = np.full(len(pitches), np.nan)
    for seed, pitch in enumerate(pitches):
        wave = instrument.note(seed=seed, pitch=pitch + offset)
        heard = sounding_pitch(wave[: int(STEADY_SHARE * len(wave))], pitch + offset, instrument.sample_rate)
        if heard.periodicity >= LEAST_PERIODICITY:
            found[seed] = 100 * heard.offset
    return found


def _row(offset: float, found: Float64Array) -> str:
    clear = found[np.isfinite(found)]
    name = "keys" if offset == 0 else f"keys {offset:+g} semitones"
    middle, absolute = np.median(clear), np.median(np.abs(clear))
    return f"| {name} | {len(clear)} | {middle:+.1f} | {absolute:.1f} | {np.mean(np.abs(clear) <= 50):.0%} |"


if __name__ == "__main__":
    raise SystemExit(main())
