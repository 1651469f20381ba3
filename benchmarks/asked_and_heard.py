"""Whether notes sound as was asked for: the rank correlation of what is asked of a quantity and what is measured.

python -m benchmarks.asked_and_heard demo/runs/bright --attribute brightness --count 192 [--write]
"""

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import soxr
import torch
from scipy import stats

from benchmarks.results import show_section
from data.importing.measures import MEASURES
from data.quantities import is_quantity
from data.sampling import evenly_spaced
from data.sound_font import SAMPLE_RATE
from generation.instrument import Instrument
from utils.arrays import Float64Array

SECTION = "## Asked and heard"
_MEASURED = tuple(name for name in MEASURES if name != "pitch")
_GROUPS = 6  # rows of the table
_RESAMPLED = 2_000


def main() -> int:
    """Measure, and print the section, or write it to RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--attribute", choices=_MEASURED, default="brightness")
    parser.add_argument("--count", type=int, default=192)
    parser.add_argument("--scale", type=int)
    parser.add_argument("--iteration", type=int)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    place = {"scale": args.scale, "iteration": args.iteration}
    instrument = Instrument.from_run(args.run, **place, device=torch.device("cpu"))
    learned = instrument.table.values.get(args.attribute, ())
    if not is_quantity(learned):
        parser.error(f"{instrument.run_name} was not conditioned on {args.attribute} as a quantity")
    asked = np.array([learned[rank] for rank in evenly_spaced(len(learned), args.count)])
    heard = measured(instrument, args.attribute, asked)
    known = np.isfinite(heard)
    found, low, high = rank_correlation(asked[known], heard[known])
    section = f"{SECTION}: {args.attribute} of {instrument.run_name}"
    command = f"python -m benchmarks.asked_and_heard {args.run} --attribute {args.attribute} --count {args.count}"
    command += "".join(f" --{name} {number}" for name, number in place.items() if number is not None)
    text = "\n".join(
        [
            f"{section}\n",
            f"`{command} --write`, {date.today()}: {instrument.checkpoint.name}, {len(asked)} notes of the seeds 0 and "
            f"up, which draw the other attributes; {args.attribute} evenly over the ranks of the {len(learned)} values "
            f"learned, measured as the import does. Without a measure: {int((~known).sum())}.\n",
            f"Spearman's rank correlation of asked and measured: **{found:.2f}** (95 % interval {low:.2f} to "
            f"{high:.2f}, percentiles of {_RESAMPLED:,} resamples of the notes).\n",
            "| notes | asked, from | to | measured, lower quartile | median | upper quartile |",
            "|--:|--:|--:|--:|--:|--:|",
            *_rows(asked[known], heard[known]),
        ]
    )
    show_section(section, text, write=args.write)
    return 0


def measured(instrument: Instrument, attribute: str, asked: Sequence[float] | Float64Array) -> Float64Array:
    """What is measured of a note of each seed from 0 on, with the value asked for; NaN where there is no measure."""
    found = np.full(len(asked), np.nan)
    for seed, value in enumerate(asked):
        wave = instrument.note(seed=seed, **{attribute: float(value)})
        if instrument.sample_rate != SAMPLE_RATE:
            wave = soxr.resample(wave, instrument.sample_rate, SAMPLE_RATE)
        if wave.any():
            found[seed] = MEASURES[attribute](wave).get(attribute, np.nan)
    return found


def rank_correlation(asked: Float64Array, heard: Float64Array) -> tuple[float, float, float]:
    """Spearman's rank correlation, and the ends of its 95 % interval, over pairs drawn again with replacement."""
    rng = np.random.default_rng(0)
    drawn = (rng.integers(len(asked), size=len(asked)) for _ in range(_RESAMPLED))
    low, high = np.percentile([_spearman(asked[rows], heard[rows]) for rows in drawn], (2.5, 97.5))
    return _spearman(asked, heard), float(low), float(high)


def _spearman(asked: Float64Array, heard: Float64Array) -> float:
    return float(stats.spearmanr(asked, heard).statistic)


def _rows(asked: Float64Array, heard: Float64Array) -> list[str]:
    order = np.argsort(asked, kind="stable")
    rows = []
    for group in np.array_split(order, _GROUPS):
        quartiles = np.percentile(heard[group], (25, 50, 75))
        cells = [f"{value:,.4g}" for value in (asked[group].min(), asked[group].max(), *quartiles)]
        rows.append(f"| {len(group)} | " + " | ".join(cells) + " |")
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
