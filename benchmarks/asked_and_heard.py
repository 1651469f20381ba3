"""Whether notes sound as was asked for: the rank correlation of what is asked of a quantity and what is measured.

First of notes that differ in all else, then of single notes in which the quantity alone is moved.

python -m benchmarks.asked_and_heard demo/runs/bright --attribute brightness --count 192 [--write]
"""

import argparse
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from benchmarks.results import show_section
from data.importing.measures import MEASURES, measure
from data.quantities import is_quantity
from data.sampling import evenly_spaced
from generation.instrument import Instrument
from utils.arrays import Float64Array

SECTION = "## Asked and heard"
_MEASURED = tuple(name for name in MEASURES if name != "pitch")
_GROUPS = 6  # rows of the table
_RESAMPLED = 2_000
_MOVES = 8  # values of each note that is moved


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
    if not is_quantity(instrument.table.values.get(args.attribute, ())):
        parser.error(f"{instrument.run_name} was not conditioned on {args.attribute} as a quantity")
    section = f"{SECTION}: {args.attribute} of {instrument.run_name}"
    command = f"python -m benchmarks.asked_and_heard {args.run} --attribute {args.attribute} --count {args.count}"
    command += "".join(f" --{name} {number}" for name, number in place.items() if number is not None)
    how = f"`{command} --write`, {date.today()}: {instrument.checkpoint.name}"
    parts = (_of_notes, _of_moves)
    text = "\n\n".join([f"{section}\n\n{how}.", *(part(instrument, args.attribute, args.count) for part in parts)])
    show_section(section, text, write=args.write)
    return 0


def _of_notes(instrument: Instrument, attribute: str, count: int) -> str:
    asked = _spread(instrument, attribute, count)
    heard = measured(instrument, attribute, asked, range(count))
    known = np.isfinite(heard)
    found, low, high = rank_correlation(asked[known], heard[known])
    lines = [
        f"**Over notes**: {count} of the seeds 0 and up, which draw the other attributes; {attribute} evenly over the "
        f"ranks of what was learned, measured as the import does (without a measure: {int((~known).sum())}). "
        f"Spearman's rank correlation of asked and measured: **{found:.2f}** (95 % interval {low:.2f} to {high:.2f}, "
        f"percentiles of {_RESAMPLED:,} resamples of the notes).\n",
        "| notes | asked, from | to | measured, lower quartile | median | upper quartile |",
        "|--:|--:|--:|--:|--:|--:|",
        *_rows(asked[known], heard[known]),
    ]
    return "\n".join(lines)


def _of_moves(instrument: Instrument, attribute: str, count: int) -> str:
    moved = correlations_of_moves(instrument, attribute, max(count // _MOVES, 1))
    mean, low, high = mean_with_interval(moved)
    return (
        f"**Within notes**: {len(moved)} of the seeds 0 and up, each with {_MOVES} values and nothing else changed. "
        f"Mean of their correlations: **{mean:.2f}** (95 % interval {low:.2f} to {high:.2f}, resamples of these). "
        f"It is 0.8 or more in {np.mean(moved >= 0.8):.0%} of them."
    )


def measured(instrument: Instrument, attribute: str, asked: Float64Array, seeds: Iterable[int]) -> Float64Array:
    """What is measured of a note of each of `seeds`, with the value asked for; NaN where there is no measure."""
    found = []
    for seed, value in zip(seeds, asked, strict=True):
        attributes: dict[str, Any] = {attribute: float(value)}
        found.append(measure(attribute, instrument.note(seed=seed, **attributes), instrument.sample_rate))
    return np.array([np.nan if value is None else value for value in found])


def correlations_of_moves(instrument: Instrument, attribute: str, count: int) -> Float64Array:
    """The rank correlation within the note of each seed from 0 on, (count,), where it alone is moved over its range."""
    asked = _spread(instrument, attribute, _MOVES)
    heard = (measured(instrument, attribute, asked, [seed] * len(asked)) for seed in range(count))
    return np.array([_spearman(asked[known], row[known]) for row in heard if (known := np.isfinite(row)).sum() > 2])


def mean_with_interval(values: Float64Array) -> tuple[float, float, float]:
    """The mean, and the ends of its 95 % interval, over values drawn again with replacement."""
    drawn = np.random.default_rng(0).integers(len(values), size=(_RESAMPLED, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    return float(values.mean()), float(low), float(high)


def rank_correlation(asked: Float64Array, heard: Float64Array) -> tuple[float, float, float]:
    """Spearman's rank correlation, and the ends of its 95 % interval, over pairs drawn again with replacement."""
    rng = np.random.default_rng(0)
    drawn = (rng.integers(len(asked), size=len(asked)) for _ in range(_RESAMPLED))
    low, high = np.percentile([_spearman(asked[rows], heard[rows]) for rows in drawn], (2.5, 97.5))
    return _spearman(asked, heard), float(low), float(high)


def _spearman(asked: Float64Array, heard: Float64Array) -> float:
    return float(stats.spearmanr(asked, heard).statistic)


def _spread(instrument: Instrument, attribute: str, count: int) -> Float64Array:
    """Learned values of so many evenly spaced ranks."""
    learned = instrument.table.values[attribute]
    return np.array([learned[rank] for rank in evenly_spaced(len(learned), count)])


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
