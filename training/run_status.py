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

from audio_transforms import AudioTransform  # noqa: F401 - fills the registry by which configs are read
from models.checkpoint import experiment_of, find_checkpoint, list_checkpoints, list_own_checkpoints, load_checkpoint
from models.growth import GrowthSchedule
from training.pace import Remaining, in_total, remaining_time
from utils.config import ExperimentConfig
from utils.config_file import load_experiment
from utils.durations import in_words
from utils.errors import CheckpointError
from utils.folder_lock import is_locked
from utils.run_folder import CONFIG_NAME
from utils.run_lock import Holder, read_holder
from utils.run_log import LOG_NAME, Row, read_last_rows
from utils.score_table import read_scores
from utils.spelling import counted
from utils.tables import markdown_table

_NO_LOSSES = {"step", "scale", "iteration", "alpha", "notes_per_second"}
_NOTE = "~ is an estimate, by the pace at other scales; all times are of the steps alone, without previews and scores"


@dataclass(frozen=True)
class ScaleStatus:
    """What is done of one scale, and what is left where a pace is known."""

    scale: int
    steps: int
    total_steps: int
    notes_per_second: float | None
    left: Remaining | None


@dataclass(frozen=True)
class Files:
    """How many files there are, and their size in bytes."""

    count: int
    size: int


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """How far a run is: place, pace, losses, scores, checkpoints, disk, and who trains it."""

    run: str
    name: str
    transform: str
    step: int
    total_steps: int
    logged_steps: int
    scale: int
    last_scale: int
    iteration: int
    alpha: float
    is_training: bool
    trainer: Holder | None  # who trains, or was killed
    seconds_since_log: float | None  # since its last line
    scales: Sequence[ScaleStatus]
    left: Remaining | None  # None: no pace is known
    log: Row | None  # the last row
    scores: Row | None  # the last row
    checkpoints: Files
    newest_checkpoint: str | None
    disk: Files
    free_disk: int  # bytes

    def to_plain(self) -> dict[str, Any]:
        """As JSON values; a number that is not finite is None."""
        return asdict(self) | {"log": _finite(self.log), "scores": _finite(self.scores)}

    def in_words(self) -> list[str]:
        """Lines of text."""
        lines = [f"{self.run}: {self.name} ({self.transform})", self._place()]
        if self.logged_steps > self.step:
            logged = f"the log goes on to step {self.logged_steps:,}"
            lines.append(f"{logged}, but nothing is saved of that: it will be trained again")
        lines += [self._trainer(), "", *self._table(), ""]
        if row := self.log:
            of_generator = {name: value for name, value in row.items() if name.startswith("g_")}
            of_discriminator = {name: value for name, value in row.items() if name not in of_generator}
            lines += [f"losses at step {int(row['step']):,}: {_numbers(of_discriminator)};", _numbers(of_generator)]
        if self.scores:
            lines.append(f"scores at step {int(self.scores['step']):,}: {_numbers(self.scores)}")
        saved = "none yet"
        if self.newest_checkpoint:
            saved = f"{self.checkpoints.count}, {self.checkpoints.size / 1e6:,.1f} MB; newest {self.newest_checkpoint}"
        files = counted(self.disk.count, "file", form=",")
        used = f"{self.disk.size / 1e6:,.1f} MB in {files}; {self.free_disk / 1e6:,.0f} MB free"
        return [*lines, f"checkpoints: {saved}", f"disk: {used}"]

    def _place(self) -> str:
        if self.step == self.total_steps:
            return f"trained to the end, {counted(self.total_steps, 'step', form=',')}"
        return (
            f"step {self.step:,} of {self.total_steps:,} ({100 * self.step / self.total_steps:.1f} %): "
            f"scale {self.scale} of 0 to {self.last_scale}, iteration {self.iteration:,}, alpha {self.alpha:.3f}"
        )

    def _trainer(self) -> str:
        if self.is_training:
            text = f"is training: {self.trainer or 'an unknown process'}"
        else:
            text = f"is not training; {self.trainer}, was killed" if self.trainer else "is not training"
        if self.seconds_since_log is None:
            return f"{text}; no log yet" if self.is_training else f"{text}; no log"
        return f"{text}; last log line {in_words(self.seconds_since_log)} ago"

    def _table(self) -> list[str]:
        places = [(str(each.scale), each.steps, each.total_steps, each.left) for each in self.scales]
        places.append(("all", self.step, self.total_steps, self.left))
        paces = [each.notes_per_second for each in self.scales]
        rows = [
            [name, f"{steps:,}", f"{total:,}", "" if pace is None else f"{pace:.3g}", _time(left, steps, total)]
            for (name, steps, total, left), pace in zip(places, [*paces, None], strict=True)
        ]
        table = markdown_table(["scale", "steps", "of", "notes/s", "time left"], rows).splitlines()
        return [*table, _NOTE] if self.left and self.step < self.total_steps else table


def read_status(run_folder: Path) -> RunStatus:
    """How far a run of any origin is; of published and shared runs, which have no log, what there is.

    Raises: UserError if the folder is no run's, or if its config or its only checkpoint is damaged.
    """
    experiment, saved = _read_place(run_folder)
    trained_now = is_locked(run_folder)
    rows = read_last_rows(run_folder)
    last = next(iter([each[-1] for each in rows.values()][-1:]), None)
    logged = int(last["step"]) + 1 if last else 0
    schedule = GrowthSchedule(experiment.model)
    total = schedule.total_steps
    done = min(max(logged, saved) if trained_now else saved, total)
    phase = schedule.at(min(done, total - 1))
    log = run_folder / LOG_NAME
    checkpoints = [path for _, _, path in list_checkpoints(run_folder)]
    paces = {scale: _pace(of_scale) for scale, of_scale in rows.items()}
    left = remaining_time(experiment.model, done, {scale: pace for scale, pace in paces.items() if pace > 0})
    everything = (Path(folder, name) for folder, _, names in os.walk(run_folder) for name in names)
    return RunStatus(
        run=str(run_folder),
        name=experiment.name,
        transform=experiment.transform.transform,
        step=done,
        total_steps=total,
        logged_steps=logged,
        scale=phase.scale,
        last_scale=schedule.at(total - 1).scale,
        iteration=phase.iteration + (done == total),
        alpha=phase.alpha,
        is_training=trained_now,
        trainer=read_holder(run_folder),
        seconds_since_log=max(time.time() - log.stat().st_mtime, 0) if log.exists() else None,
        scales=_scales(experiment, done, paces, left),
        left=in_total(left) if left else None,
        log=last,
        scores=next(iter(read_scores(run_folder)[-1:]), None),
        checkpoints=_files(checkpoints),
        newest_checkpoint=checkpoints[-1].name if checkpoints else None,
        disk=_files(everything),
        free_disk=shutil.disk_usage(run_folder).free,
    )


def _read_place(run_folder: Path) -> tuple[ExperimentConfig, int]:
    """The experiment, and the steps that its newest checkpoint has done."""
    config, checkpoints = run_folder / CONFIG_NAME, list_own_checkpoints(run_folder)
    if not config.is_file() or (not checkpoints and list_checkpoints(run_folder)):
        path = find_checkpoint(run_folder)
        state = load_checkpoint(path)
        return experiment_of(state, path), int(state["step"])
    experiment = load_experiment(config)
    if not checkpoints:
        return experiment, 0
    scale, iteration, path = checkpoints[-1]
    try:
        return experiment, GrowthSchedule(experiment.model).steps_done(scale, iteration)
    except ValueError as error:
        raise CheckpointError(f"{path}: has no place in the schedule of {config}; restore that file") from error


def _scales(
    experiment: ExperimentConfig, done: int, paces: Mapping[int, float], left: Mapping[int, Remaining]
) -> list[ScaleStatus]:
    model, schedule = experiment.model, GrowthSchedule(experiment.model)
    found = []
    for scale in range(model.start_scale, model.n_scales):
        length = model.max_iter_at_scale[scale]
        steps = min(max(done - schedule.steps_done(scale, 0), 0), length)
        found.append(ScaleStatus(scale, steps, length, paces.get(scale), left.get(scale)))
    return found


def _time(left: Remaining | None, steps: int, total_steps: int) -> str:
    if steps == total_steps:
        return "done"
    return str(left) if left else "unknown"


def _pace(rows: Sequence[Row]) -> float:
    """Notes per second in the middle of the rows; the first of a scale is of the scale before, or of its warm-up."""
    later = [row for row in rows if row.get("iteration") != 0] or rows
    return statistics.median(row.get("notes_per_second", 0.0) for row in later)


def _numbers(row: Row) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in row.items() if name not in _NO_LOSSES)


def _finite(row: Row | None) -> dict[str, float | None] | None:
    return None if row is None else {name: value if math.isfinite(value) else None for name, value in row.items()}


def _files(paths: Iterable[Path]) -> Files:
    """Those that are still there: the trainer removes older checkpoints."""
    sizes = []
    for path in paths:
        with suppress(FileNotFoundError):
            sizes.append(path.lstat().st_size)
    return Files(len(sizes), sum(sizes))
