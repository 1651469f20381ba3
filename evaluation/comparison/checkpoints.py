"""The checkpoints that a run of a comparison has kept: where in its training each is, and which one is chosen."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.comparison.costs import rows_of_log, time_until
from evaluation.comparison.record import KEPT, Record, now
from evaluation.comparison.runs import FinishedRun
from evaluation.scoring.results_file import Line
from models.checkpoint import list_own_checkpoints
from models.growth import GrowthSchedule
from utils.files import sha256_of_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class KeptCheckpoint:
    """A checkpoint of a run after `step` training steps, which saw `notes_seen` notes and took `seconds`."""

    title: str  # of the representation
    seed: int
    sha256: str
    scale: int
    iteration: int
    step: int
    notes_seen: int
    seconds: float | None  # of training, see `with_shortest_times`; None: no log tells it
    folder: Path | None  # of the run; None: the checkpoint is not here
    is_last: bool


def kept_checkpoints(run: FinishedRun, record: Record) -> list[KeptCheckpoint]:
    """Those of `run` that are here, which the `record` then holds, and those that it held before, oldest first."""
    lines = record.find_all(_identity(run))
    here = {} if run.recorded else _places(run)
    known = {line["checkpoint_sha256"] for line in lines}
    new = list(_lines(run, {sha256: place for sha256, place in here.items() if sha256 not in known}))
    record.append(new)
    found = {line["checkpoint_sha256"]: line for line in (*lines, *new)}
    kept = [_kept(run, line, run.folder if sha256 in here else None) for sha256, line in found.items()]
    return sorted(kept, key=lambda each: each.step)


def with_shortest_times(kept: Sequence[KeptCheckpoint]) -> list[KeptCheckpoint]:
    """`kept` with the shortest time that any seed of the representation took to the same place in training.

    Runs that differ by their seed alone do the same work: those that took longer shared the machine with other work.
    """
    times: dict[tuple[str, int], list[float]] = {}
    for each in kept:
        times.setdefault((each.title, each.step), []).extend(_known([each.seconds]))
    return [replace(each, seconds=min(times[each.title, each.step], default=None)) for each in kept]


def best_of(kept: Sequence[KeptCheckpoint], values: Mapping[str, float], *, higher: bool) -> KeptCheckpoint | None:
    """That with the best of the `values` by hash; of equal ones the last. None if none has a value."""
    sign = 1 if higher else -1
    valued = [each for each in kept if each.sha256 in values]
    return max(valued, key=lambda each: (sign * values[each.sha256], each.step), default=None)


def last_within(kept: Sequence[KeptCheckpoint], seconds: float) -> KeptCheckpoint | None:
    """The last that took at most so many `seconds` of training; None if there is none."""
    within = [each for each in kept if each.seconds is not None and each.seconds <= seconds]
    return max(within, key=lambda each: each.step, default=None)


def fastest_time(kept: Sequence[KeptCheckpoint]) -> float | None:
    """Seconds in which the first run of `kept` is trained to its end; None if no such time is known."""
    return min(_known([each.seconds for each in kept if each.is_last]), default=None)


def _known(times: Sequence[float | None]) -> list[float]:
    return [time for time in times if time is not None]


def _identity(run: FinishedRun) -> dict[str, Any]:
    return {"kind": KEPT, "representation": run.title, "training_seed": run.seed, "run_sha256": run.sha256}


def _places(run: FinishedRun) -> dict[str, tuple[int, int, str]]:
    """Hash of each checkpoint that is here -> its scale, iteration, and name."""
    found = list_own_checkpoints(run.folder)
    return {sha256_of_file(path): (scale, iteration, path.name) for scale, iteration, path in found}


def _lines(run: FinishedRun, places: Mapping[str, tuple[int, int, str]]) -> Iterator[dict[str, Any]]:
    model, rows = run.experiment.model, rows_of_log(run.folder)
    schedule = GrowthSchedule(model)
    for sha256, (scale, iteration, name) in places.items():
        try:
            step = schedule.steps_done(scale, iteration)
            last = schedule.at(step - 1)
        except ValueError:
            logger.warning("%s: %s has no place in its schedule; it is left out", run.folder, name)
            continue
        yield {
            **_identity(run),
            "checkpoint_sha256": sha256,
            "checkpoint": name,
            "scale": scale,
            "iteration": iteration,
            "step": step,
            "notes_seen": last.first_note + last.batch_size,
            "seconds": time_until(rows, model, scale, iteration),
            "date": now(),
        }


def _kept(run: FinishedRun, line: Line, folder: Path | None) -> KeptCheckpoint:
    return KeptCheckpoint(
        title=run.title,
        seed=run.seed,
        sha256=line["checkpoint_sha256"],
        scale=line["scale"],
        iteration=line["iteration"],
        step=line["step"],
        notes_seen=line["notes_seen"],
        seconds=line["seconds"],
        folder=folder,
        is_last=line["checkpoint_sha256"] == run.sha256,
    )
