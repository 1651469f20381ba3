"""How a run stands, in words, read from its folder while it trains or afterwards; nothing in it is touched."""

import os
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from models.checkpoint import find_checkpoint, list_checkpoints, list_own_checkpoints, load_checkpoint
from models.growth import GrowthSchedule
from training.pace import Remaining, in_total, remaining_time
from utils.config import ExperimentConfig
from utils.config_file import load_experiment, parse_experiment
from utils.durations import in_words
from utils.errors import CheckpointError
from utils.folder_lock import is_locked
from utils.run_folder import CONFIG_NAME
from utils.run_lock import read_holder
from utils.run_log import LOG_NAME, Row, read_last_rows
from utils.score_table import read_scores
from utils.tables import markdown_table

_NO_LOSSES = {"step", "scale", "iteration", "alpha", "notes_per_second"}
_NOTE = "~ is an estimate, by the pace at other scales; all times are of the steps alone, without previews and scores"


def describe_run(run_folder: Path) -> list[str]:
    """Lines of text on progress, pace, losses, scores, checkpoints, disk and trainer of a run of any origin.

    Of published and shared runs, which have no log, what there is. Raises: UserError if the folder is no run's, or if
    its config or its only checkpoint is damaged.
    """
    experiment, saved = _read_place(run_folder)
    trained_now = is_locked(run_folder)
    rows = read_last_rows(run_folder)
    last = [each[-1] for each in rows.values()][-1:]
    logged = int(last[0]["step"]) + 1 if last else 0
    schedule = GrowthSchedule(experiment.model)
    done = min(max(logged, saved) if trained_now else saved, schedule.total_steps)
    lines = [f"{run_folder}: {experiment.name} ({experiment.transform.transform})", _progress(schedule, done)]
    if logged > done:
        lines.append(f"the log goes on to step {logged:,}, but nothing is saved of that: it will be trained again")
    lines += [_trainer(run_folder, is_active=trained_now), "", *_table(experiment, done, rows), ""]
    if last:
        of_generator = {name: value for name, value in last[0].items() if name.startswith("g_")}
        of_discriminator = {name: value for name, value in last[0].items() if name not in of_generator}
        lines += [f"losses at step {int(last[0]['step']):,}: {_numbers(of_discriminator)};", _numbers(of_generator)]
    if scores := read_scores(run_folder)[-1:]:
        lines.append(f"scores at step {int(scores[0]['step']):,}: {_numbers(scores[0])}")
    return [*lines, _checkpoints(run_folder), _disk(run_folder)]


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


def _progress(schedule: GrowthSchedule, done: int) -> str:
    total = schedule.total_steps
    if done == total:
        return f"trained to the end, {total:,} steps"
    phase, last = schedule.at(done), schedule.at(total - 1)
    return (
        f"step {done:,} of {total:,} ({100 * done / total:.1f} %): "
        f"scale {phase.scale} of 0 to {last.scale}, iteration {phase.iteration:,}, alpha {phase.alpha:.3f}"
    )


def _trainer(run_folder: Path, *, is_active: bool) -> str:
    holder, log = read_holder(run_folder), run_folder / LOG_NAME
    if is_active:
        text = f"is training: {holder or 'a process that left no word of itself'}"
    else:
        text = f"is not training; {holder}, was killed" if holder else "is not training"
    if not log.exists():
        return f"{text}; no log yet" if is_active else f"{text}; no log"
    return f"{text}; last log line {in_words(max(time.time() - log.stat().st_mtime, 0))} ago"


def _table(experiment: ExperimentConfig, done: int, rows: Mapping[int, Sequence[Row]]) -> list[str]:
    model, schedule = experiment.model, GrowthSchedule(experiment.model)
    paces = {scale: _pace(of_scale) for scale, of_scale in rows.items()}
    left = remaining_time(model, done, {scale: pace for scale, pace in paces.items() if pace > 0})
    lines = []
    for scale in range(model.start_scale, model.n_scales):
        length = model.max_iter_at_scale[scale]
        steps = min(max(done - schedule.steps_done(scale, 0), 0), length)
        pace = f"{paces[scale]:.3g}" if scale in paces else ""
        lines.append([str(scale), f"{steps:,}", f"{length:,}", pace, _time(left.get(scale), open_steps=length - steps)])
    total = schedule.total_steps
    together = in_total(left) if left else None
    lines.append(["all", f"{done:,}", f"{total:,}", "", _time(together, open_steps=total - done)])
    table = markdown_table(["scale", "steps", "of", "notes/s", "time left"], lines)
    return [*table.splitlines(), *([_NOTE] if left and done < total else [])]


def _time(left: Remaining | None, *, open_steps: int) -> str:
    if not open_steps:
        return "done"
    return str(left) if left else "unknown"


def _pace(rows: Sequence[Row]) -> float:
    """Notes per second in the middle of the rows; the first of a scale is of the scale before, or of its warm-up."""
    later = [row for row in rows if row.get("iteration") != 0] or rows
    return statistics.median(row.get("notes_per_second", 0.0) for row in later)


def _numbers(row: Row) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in row.items() if name not in _NO_LOSSES)


def _checkpoints(run_folder: Path) -> str:
    found = [path for _, _, path in list_checkpoints(run_folder)]
    if not found:
        return "checkpoints: none yet"
    size = 0
    for path in found:
        with suppress(FileNotFoundError):  # removed by the trainer since, as it keeps the newest only
            size += path.stat().st_size
    return f"checkpoints: {len(found)}, {size / 1e6:,.1f} MB; newest {found[-1].name}"


def _disk(run_folder: Path) -> str:
    size, count = 0, 0
    for folder, _, names in os.walk(run_folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(folder, name).lstat().st_size
                count += 1
    free = shutil.disk_usage(run_folder).free
    return f"disk: {size / 1e6:,.1f} MB in {count:,} files; {free / 1e6:,.0f} MB free"
