"""How far a run is, read from its folder while it trains or afterwards; nothing in it is touched."""

import math
import os
import shutil
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.checkpoint import find_checkpoint, list_checkpoints, list_own_checkpoints, load_checkpoint
from models.growth import GrowthSchedule
from training.pace import Remaining, in_total, remaining_time
from utils.config import ExperimentConfig
from utils.config_file import load_experiment, parse_experiment
from utils.durations import in_words
from utils.errors import CheckpointError
from utils.run_folder import CONFIG_NAME, Holder, is_trained_now, read_holder
from utils.run_log import LOG_NAME, Row, read_last_rows, read_scores
from utils.tables import markdown_table

_NO_LOSSES = {"step", "scale", "iteration", "alpha", "notes_per_second"}
_NOTE = "~ is an estimate, by the pace at other scales; all times are of the steps alone, without previews and scores"


@dataclass(frozen=True)
class ScaleStatus:
    """What is done of one scale; without `left` there is no pace to tell the time that is left."""

    scale: int
    steps: int
    of: int  # steps
    notes_per_second: float | None
    left: Remaining | None


@dataclass(frozen=True)
class DiskUse:
    """Files and their bytes; `free` bytes are left on the disk."""

    files: int
    size: int
    free: int


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """How far a run is: progress, pace, losses, scores, checkpoints, disk, and who trains it."""

    run_folder: Path
    experiment: ExperimentConfig
    done: int  # steps
    logged: int  # steps
    is_trained_now: bool
    holder: Holder | None  # who trains, or was killed
    log_age: float | None  # s since the last line of the log
    scales: Sequence[ScaleStatus]
    last_row: Row | None  # of the log
    scores: Row | None
    checkpoints: Sequence[Path]
    checkpoint_size: int  # bytes of all of them
    disk: DiskUse

    def in_words(self) -> list[str]:
        """Lines of text."""
        experiment, row = self.experiment, self.last_row
        lines = [f"{self.run_folder}: {experiment.name} ({experiment.transform.transform})", self._progress()]
        if self.logged > self.done:
            lines.append(
                f"the log goes on to step {self.logged:,}, but nothing is saved of that: it will be trained again"
            )
        lines += [self._trainer(), "", *self._table(), ""]
        if row:
            of_generator = {name: value for name, value in row.items() if name.startswith("g_")}
            of_discriminator = {name: value for name, value in row.items() if name not in of_generator}
            lines += [f"losses at step {int(row['step']):,}: {_numbers(of_discriminator)};", _numbers(of_generator)]
        if self.scores:
            lines.append(f"scores at step {int(self.scores['step']):,}: {_numbers(self.scores)}")
        newest, size = self.checkpoints[-1:], self.checkpoint_size / 1e6
        saved = f"{len(self.checkpoints)}, {size:,.1f} MB; newest {newest[0].name}" if newest else "none yet"
        disk = f"{self.disk.size / 1e6:,.1f} MB in {self.disk.files:,} files; {self.disk.free / 1e6:,.0f} MB free"
        return [*lines, f"checkpoints: {saved}", f"disk: {disk}"]

    def to_plain(self) -> dict[str, Any]:
        """As JSON values; what is not known, or is no finite number, is None."""
        schedule = GrowthSchedule(self.experiment.model)
        total = schedule.total_steps
        phase = schedule.at(min(self.done, total - 1))
        left = self._all_left()
        return {
            "run": str(self.run_folder),
            "name": self.experiment.name,
            "transform": self.experiment.transform.transform,
            "step": self.done,
            "total_steps": total,
            "logged_steps": self.logged,
            "scale": phase.scale,
            "iteration": phase.iteration if self.done < total else phase.iteration + 1,
            "alpha": phase.alpha,
            "is_training": self.is_trained_now,
            "trainer": asdict(self.holder) if self.holder else None,
            "seconds_since_log": self.log_age,
            "scales": [
                {
                    "scale": each.scale,
                    "steps": each.steps,
                    "total_steps": each.of,
                    "notes_per_second": each.notes_per_second,
                    **_plain_time(each.left, open_steps=each.of - each.steps),
                }
                for each in self.scales
            ],
            **_plain_time(left, open_steps=total - self.done),
            "log": _plain_row(self.last_row),
            "scores": _plain_row(self.scores),
            "checkpoints": {
                "count": len(self.checkpoints),
                "bytes": self.checkpoint_size,
                "newest": str(self.checkpoints[-1]) if self.checkpoints else None,
            },
            "disk": {"files": self.disk.files, "bytes": self.disk.size, "free_bytes": self.disk.free},
        }

    def _progress(self) -> str:
        schedule = GrowthSchedule(self.experiment.model)
        done, total = self.done, schedule.total_steps
        if done == total:
            return f"trained to the end, {total:,} steps"
        phase, last = schedule.at(done), schedule.at(total - 1)
        return (
            f"step {done:,} of {total:,} ({100 * done / total:.1f} %): "
            f"scale {phase.scale} of 0 to {last.scale}, iteration {phase.iteration:,}, alpha {phase.alpha:.3f}"
        )

    def _trainer(self) -> str:
        if self.is_trained_now:
            text = f"is training: {self.holder or 'a process that left no word of itself'}"
        else:
            text = f"is not training; {self.holder}, was killed" if self.holder else "is not training"
        if self.log_age is None:
            return f"{text}; no log yet" if self.is_trained_now else f"{text}; no log"
        return f"{text}; last log line {in_words(self.log_age)} ago"

    def _table(self) -> list[str]:
        lines = []
        for each in self.scales:
            pace = "" if each.notes_per_second is None else f"{each.notes_per_second:.3g}"
            time_left = _time(each.left, open_steps=each.of - each.steps)
            lines.append([str(each.scale), f"{each.steps:,}", f"{each.of:,}", pace, time_left])
        done, total, left = self.done, GrowthSchedule(self.experiment.model).total_steps, self._all_left()
        lines.append(["all", f"{done:,}", f"{total:,}", "", _time(left, open_steps=total - done)])
        table = markdown_table(["scale", "steps", "of", "notes/s", "time left"], lines)
        return [*table.splitlines(), *([_NOTE] if left and done < total else [])]

    def _all_left(self) -> Remaining | None:
        left = {each.scale: each.left for each in self.scales if each.left}
        return in_total(left) if left else None


def read_status(run_folder: Path) -> RunStatus:
    """How far a run of any origin is; of published and shared runs, which have no log, what there is.

    Raises: UserError if the folder is no run's, or if its config or its only checkpoint is damaged.
    """
    experiment, saved = _read_place(run_folder)
    trained_now = is_trained_now(run_folder)
    rows = read_last_rows(run_folder)
    last = [each[-1] for each in rows.values()][-1:]
    logged = int(last[0]["step"]) + 1 if last else 0
    done = min(max(logged, saved) if trained_now else saved, GrowthSchedule(experiment.model).total_steps)
    log = run_folder / LOG_NAME
    checkpoints = [path for _, _, path in list_checkpoints(run_folder)]
    return RunStatus(
        run_folder=run_folder,
        experiment=experiment,
        done=done,
        logged=logged,
        is_trained_now=trained_now,
        holder=read_holder(run_folder),
        log_age=max(time.time() - log.stat().st_mtime, 0) if log.exists() else None,
        scales=_scales(experiment, done, rows),
        last_row=last[0] if last else None,
        scores=next(iter(read_scores(run_folder)[-1:]), None),
        checkpoints=checkpoints,
        checkpoint_size=sum(_sizes(checkpoints)),
        disk=_disk(run_folder),
    )


def _read_place(run_folder: Path) -> tuple[ExperimentConfig, int]:
    """The experiment, and the steps that its newest checkpoint has done."""
    config, checkpoints = run_folder / CONFIG_NAME, list_own_checkpoints(run_folder)
    if not config.is_file() or (not checkpoints and list_checkpoints(run_folder)):
        path = find_checkpoint(run_folder)
        state = load_checkpoint(path)
        return parse_experiment(state["config"], str(path)), int(state["step"])
    experiment = load_experiment(config)
    if not checkpoints:
        return experiment, 0
    scale, iteration, path = checkpoints[-1]
    try:
        return experiment, GrowthSchedule(experiment.model).steps_done(scale, iteration)
    except ValueError as error:
        raise CheckpointError(f"{path}: has no place in the schedule of {config}; restore that file") from error


def _scales(experiment: ExperimentConfig, done: int, rows: Mapping[int, Sequence[Row]]) -> list[ScaleStatus]:
    model, schedule = experiment.model, GrowthSchedule(experiment.model)
    paces = {scale: _pace(of_scale) for scale, of_scale in rows.items()}
    left = remaining_time(model, done, {scale: pace for scale, pace in paces.items() if pace > 0})
    found = []
    for scale in range(model.start_scale, model.n_scales):
        length = model.max_iter_at_scale[scale]
        steps = min(max(done - schedule.steps_done(scale, 0), 0), length)
        found.append(ScaleStatus(scale, steps, length, paces.get(scale), left.get(scale)))
    return found


def _time(left: Remaining | None, *, open_steps: int) -> str:
    if not open_steps:
        return "done"
    return str(left) if left else "unknown"


def _plain_time(left: Remaining | None, *, open_steps: int) -> dict[str, Any]:
    if not open_steps:
        return {"seconds_left": 0.0, "is_measured": True}
    return {"seconds_left": left and left.seconds, "is_measured": bool(left and left.is_measured)}


def _pace(rows: Sequence[Row]) -> float:
    """Notes per second in the middle of the rows; the first of a scale is of the scale before, or of its warm-up."""
    later = [row for row in rows if row.get("iteration") != 0] or rows
    return statistics.median(row.get("notes_per_second", 0.0) for row in later)


def _numbers(row: Row) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in row.items() if name not in _NO_LOSSES)


def _plain_row(row: Row | None) -> dict[str, float | None] | None:
    return None if row is None else {name: value if math.isfinite(value) else None for name, value in row.items()}


def _sizes(paths: Iterable[Path]) -> list[int]:
    """Bytes of the files that are still there: the trainer keeps the newest checkpoints only."""
    sizes = []
    for path in paths:
        with suppress(FileNotFoundError):
            sizes.append(path.lstat().st_size)
    return sizes


def _disk(run_folder: Path) -> DiskUse:
    sizes = _sizes(Path(folder, name) for folder, _, names in os.walk(run_folder) for name in names)
    return DiskUse(len(sizes), sum(sizes), shutil.disk_usage(run_folder).free)
