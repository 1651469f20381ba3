"""The runs that a page lets one hear, and the pitches that it plays them at."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from data.nsynth import Value
from data.quantities import is_quantity
from data.sampling import evenly_spaced_to_last
from generation.instrument import Instrument
from generation.run_titles import run_titles
from utils.errors import UserError
from utils.spelling import counted, numbered

MOST_PITCHES = 8


@dataclass(frozen=True)
class HeardRun:
    """A trained run: `name` is its own in the logs, `title` on the page; `card` says where its sounds come from."""

    folder: Path
    name: str
    title: str
    instrument: Instrument
    card: dict[str, Any]

    @property
    def pitches(self) -> tuple[int, ...] | None:
        """The MIDI pitches that it learned, ascending; None if it was not conditioned on pitch."""
        known = self.instrument.table.values.get("pitch")
        return None if known is None else tuple(int(pitch) for pitch in known)


def open_runs(
    folders: Sequence[Path],
    *,
    scale: int | None,
    iteration: int | None,
    device: torch.device,
    titles: Sequence[str] | None = None,
) -> list[HeardRun]:
    """The runs in `folders`, at their newest checkpoints or at that of `scale` and `iteration`.

    Without `titles`, several runs are called by their representations, a single one by its name. Runs of one name or
    one title get a number behind it. Raises: UserError, CheckpointError.
    """
    for folder, count in Counter(folder.resolve() for folder in folders).items():
        if count > 1:
            raise UserError(f"{folder}: is given {count} times; give each run once")
    instruments = [Instrument.from_run(folder, scale=scale, iteration=iteration, device=device) for folder in folders]
    names = numbered([instrument.run_name for instrument in instruments])
    each = zip(folders, names, run_titles(instruments) if titles is None else titles, instruments, strict=True)
    return [
        HeardRun(folder, name, title, instrument, instrument.to_plain()) for folder, name, title, instrument in each
    ]


def choose_pitches(runs: Sequence[HeardRun], asked: Sequence[int] | None) -> list[int]:
    """The pitches of the page's columns: those `asked`, or at most 8, evenly from those that all runs learned.

    Runs without pitch do not count; runs that share no pitch give theirs together. Raises: UserError if a pitch that
    was asked for is known to no run.
    """
    known = [set(run.pitches) for run in runs if run.pitches is not None]
    union = sorted(set().union(*known))
    if asked is not None:
        foreign = [pitch for pitch in asked if pitch not in union]
        if foreign:
            there = f"the pitches they learned are {_ranges(union)}" if union else "none was conditioned on pitch"
            raise UserError(f"pitch {foreign[0]}: no run learned it; {there}")
        return list(dict.fromkeys(asked))
    shared = sorted(set.intersection(*known)) if known else []
    offered = shared or union
    return [offered[k] for k in evenly_spaced_to_last(len(offered), MOST_PITCHES)] if offered else []


def columns_of(run: HeardRun, pitches: Sequence[int]) -> list[dict[str, Value]]:
    """What the notes of each column of the page have in common: one of `pitches`.

    For a run without pitch it is a value of the first of its attributes that is no quantity, at most 8 of them evenly
    chosen; nothing if it has no such attribute.
    """
    if run.pitches is not None:
        return [{"pitch": pitch} for pitch in pitches]
    for name, values in run.instrument.table.values.items():
        if not is_quantity(values):
            return [{name: values[k]} for k in evenly_spaced_to_last(len(values), MOST_PITCHES)]
    return [{}]


def _ranges(pitches: Sequence[int]) -> str:
    return f"{pitches[0]} to {pitches[-1]} ({len(pitches)} of them)"


def run_facts(run: HeardRun) -> list[tuple[str, str]]:
    """What the page says of a run, term by term."""
    instrument = run.instrument
    transform = instrument.transform
    seconds = transform.n_samples / transform.sample_rate
    rate = f"{transform.sample_rate:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    shape = " × ".join(str(size) for size in transform.shape)
    pitches, last_scale = run.pitches, len(instrument.networks.sizes) - 1
    return [
        ("Run", run.name),
        ("Representation", f"{instrument.experiment.transform.transform}, images of {shape}"),
        ("Sound", f"{rate} Hz, {seconds:.3g} s a note"),
        ("Trained", f"{counted(instrument.step, 'step')}, up to scale {instrument.scale} of {last_scale}"),
        ("Pitches", f"MIDI {_ranges(pitches)}" if pitches else "not conditioned on pitch"),
        ("Attributes", ", ".join(instrument.table.names) or "none"),
        ("Checkpoint", f"{instrument.checkpoint.name}, SHA-256 {run.card['checkpoint_sha256'][:12]}…"),
    ]
