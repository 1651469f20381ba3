"""What a run costs beside its quality: parameters, training time by its log, and the time that a note takes."""

import shlex
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from evaluation.comparison.record import Record, now
from evaluation.comparison.runs import FinishedRun
from evaluation.scoring.results_file import Line
from evaluation.timing.measures import Subject, time_notes
from utils.config import ModelConfig
from utils.device import device_name, versions
from utils.run_log import LOG_NAME, Row, read_log

COST = "cost"
_OF_TRAINING = {"parameters": "", "training-time": "s", "time-per-step": "s"}
_OF_NOTE = {"generation-time": "ms", "inversion-time": "ms"}
UNITS = _OF_TRAINING | _OF_NOTE
"""Name of each cost -> its unit. A step is one at the last scale, and notes are made one by one."""

_SECONDS = 0.2  # of each measurement of a note's time


@dataclass(frozen=True)
class TrainingTime:
    """Seconds of all training steps, and of one at the last scale, by the median pace of each scale in the log."""

    total: float
    step: float


def measure_costs(run: FinishedRun, record: Record, device: torch.device) -> None:
    """Write what the `record` lacks of the costs of `run`; a note is timed on `device`. Raises: UserError."""
    for names, measure in ((_OF_TRAINING, _cost_of_training), (_OF_NOTE, _cost_of_note)):
        lacking = [name for name in names if record.find(_identity(run, name, device)) is None]
        if lacking:
            found = measure(run, device)
            record.append([_line(run, name, found[name], device) for name in lacking if name in found])


def costs_of(run: FinishedRun, record: Record, device: torch.device) -> dict[str, Line]:
    """Cost -> its line, for those that are known of the `run`; of a run that is not here, on whatever device."""
    lines = {name: record.find(_identity(run, name, device)) for name in UNITS}
    if run.recorded:
        lines |= {name: record.find(_of_any_device(run, name)) for name, line in lines.items() if line is None}
    return {name: line for name, line in lines.items() if line is not None}


def training_time(rows: Sequence[Row], model: ModelConfig) -> TrainingTime | None:
    """By the `rows` of a log; None where a scale has none. The first row of a scale is left out: it holds a warm-up."""
    last = max(scale for scale in range(model.start_scale, model.n_scales) if model.max_iter_at_scale[scale])
    total, step = time_until(rows, model, last, model.max_iter_at_scale[last]), _time_of_step(rows, model, last)
    return None if total is None or step is None else TrainingTime(total, step)


def rows_of_log(folder: Path) -> list[Row]:
    """Those of the run's log; none without a log."""
    return read_log(folder) if (folder / LOG_NAME).exists() else []


def time_until(rows: Sequence[Row], model: ModelConfig, scale: int, iterations: int) -> float | None:
    """Seconds of training until `iterations` of `scale` are done, as `training_time`."""
    lengths = [*model.max_iter_at_scale[:scale], iterations]
    trained = [place for place in range(model.start_scale, scale + 1) if lengths[place]]
    times = [_time_of_step(rows, model, place) for place in trained]
    known = [lengths[place] * time for place, time in zip(trained, times, strict=True) if time is not None]
    return sum(known) if len(known) == len(trained) else None


def _time_of_step(rows: Sequence[Row], model: ModelConfig, scale: int) -> float | None:
    of_scale = [row for row in rows if row.get("scale") == scale and row.get("notes_per_second", 0) > 0]
    paces = [row["notes_per_second"] for row in of_scale if row.get("iteration") != 0 or len(of_scale) == 1]
    return model.notes_per_step[scale] / statistics.median(paces) if paces else None


def _cost_of_training(run: FinishedRun, _: torch.device) -> dict[str, float]:
    found = {"parameters": float(run.parameters)}
    time = training_time(rows_of_log(run.folder), run.experiment.model)
    return found if time is None else found | {"training-time": time.total, "time-per-step": time.step}


def _cost_of_note(run: FinishedRun, device: torch.device) -> dict[str, float]:
    timing = time_notes(Subject.from_run(run.folder), batch=1, device=device, seconds=_SECONDS)
    spreads = zip(_OF_NOTE, (timing.generation, timing.inversion), strict=True)
    return {name: 1000 * spread.median for name, spread in spreads if spread is not None}


def _identity(run: FinishedRun, name: str, device: torch.device) -> dict[str, Any]:
    """What a line has that need not be measured again."""
    timed = {"device": str(device)} if name in _OF_NOTE else {}
    return {**_of_any_device(run, name), **timed}


def _of_any_device(run: FinishedRun, name: str) -> dict[str, Any]:
    return {"kind": COST, **run.identity, "name": name}


def _line(run: FinishedRun, name: str, value: float, device: torch.device) -> Mapping[str, Any]:
    machine = {"machine": device_name(device)} if name in _OF_NOTE else {}
    return {
        **_identity(run, name, device),
        "value": value,
        "unit": UNITS[name],
        **machine,
        "command": shlex.join(["eval.py", *sys.argv[1:]]),
        "date": now(),
        "versions": versions(),
    }
