"""How near `generate.py find` comes to sounds that a run did not learn from, beside the nearest training note.

python -m benchmarks.finding RUN --sounds DIR --notes DIR --count 20 [--only NAME ...] [--starts 16] [--steps 80]
"""

import argparse
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.results import show_section
from data.audio_io import read_audio
from data.note_folder import notes_of_folder, spread_over_families
from data.note_records import NoteRecord
from generation.finding.references import floor_of, nearest_note, training_notes
from generation.finding.search import DEFAULT, SearchSettings, find_note
from generation.instrument import Instrument

SECTION = "## Found notes"


class Distances(NamedTuple):
    """Of one sound, and the processor's seconds that the search took."""

    name: str
    found: float
    floor: float
    nearest: float
    seconds: float


def main() -> int:
    """Measure, and print the section, or write it to RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--sounds", type=Path, required=True)
    parser.add_argument("--notes", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="the notes of the folder to find, not some of all")
    parser.add_argument("--starts", type=int, default=DEFAULT.starts)
    parser.add_argument("--steps", type=int, default=DEFAULT.steps)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    instrument = Instrument.from_run(args.run, scale=None, iteration=None, device=torch.device("cpu"))
    training = training_notes(instrument, args.run, args.notes)
    learned = instrument.table.values["pitch"]
    sounds = [each for each in notes_of_folder(args.sounds) if each.attributes.get("pitch") in learned]
    settings = SearchSettings(starts=args.starts, steps=args.steps)
    rows = []
    chosen = spread_over_families(sounds, args.count)
    chosen = [each for first in range(5) for each in chosen[first::5]]  # if stopped, some of each family are done
    if args.only is not None:
        named = {each.name: each for each in sounds}
        chosen = [named[name] for name in args.only]
    for record in chosen:
        rows.append(measure(instrument, record, training, settings))
        print(row_of_table(rows[-1]), flush=True)
    section = f"{SECTION}: {instrument.run_name}"
    show_section(section, f"{section}\n\n{report(args, rows)}", write=args.write)
    return 0


def measure(
    instrument: Instrument, record: NoteRecord, training: list[NoteRecord], settings: SearchSettings
) -> Distances:
    """Find one sound at the pitch of its label."""
    samples = read_audio(record.path, instrument.sample_rate)
    began = time.process_time()
    found = find_note(instrument, samples, record.name, {"pitch": record.attributes["pitch"]}, settings)
    seconds = time.process_time() - began
    nearest = nearest_note(instrument, found.target, training, found.attributes)
    floor = floor_of(instrument, found.target)
    beside = float("nan") if nearest is None else nearest.distance
    return Distances(record.name, found.distance, floor, beside, seconds)


def report(args: argparse.Namespace, rows: list[Distances]) -> str:
    """How often a found note is nearer than the nearest training note, and the medians."""
    found, floor, nearest, seconds = np.array([row[1:] for row in rows]).T
    ratio = np.median(found / nearest)
    medians = Distances("median", *(float(np.median(each)) for each in (found, floor, nearest, seconds)))
    return (
        f"`python -m benchmarks.finding {args.run} --sounds {args.sounds} --notes {args.notes} --starts {args.starts} "
        f"--steps {args.steps}`, with `--only` and the names below, {date.today()}: "
        f"{len(rows)} sounds, each at the pitch of its label. The found note is nearer than the nearest training note "
        f"of its pitch {np.sum(found < nearest)} times; median of the ratio {ratio:.2f}.\n\n"
        "| sound | found | floor | nearest training note | seconds of the processor |\n|:--|--:|--:|--:|--:|\n"
        + "\n".join(row_of_table(row) for row in [*rows, medians])
    )


def row_of_table(row: Distances) -> str:
    """One line."""
    return f"| {row.name} | {row.found:.3f} | {row.floor:.3f} | {row.nearest:.3f} | {row.seconds:.0f} |"


if __name__ == "__main__":
    raise SystemExit(main())
