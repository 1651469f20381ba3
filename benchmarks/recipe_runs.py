"""One run trained for a fixed time on the CPU, with what it took: steps, seconds and processor."""

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.results import processor
from models.checkpoint import list_own_checkpoints, load_checkpoint
from training.prepare import RunOptions, prepare_run
from utils.config import ExperimentConfig
from utils.device import choose_device
from utils.durations import TrainingLimit
from utils.errors import TrainingDiverged
from utils.files import read_json, write_json
from utils.interrupt import StopRequest
from utils.run_lock import RunFolderLock

logger = logging.getLogger(__name__)

INTERRUPTED, TIME_IS_UP, TO_THE_END, DIVERGED = "interrupted", "time is up", "trained to the end", "diverged"


@dataclass(frozen=True)
class Effort:
    """What a run has taken so far; seconds are those of its steps, previews and checkpoints."""

    outcome: str  # one of the above
    steps: int
    wall_seconds: float
    cpu_seconds: float  # of all threads
    threads: int
    processor: str


def trained(experiment: ExperimentConfig, seed: int, seconds: float, record: Path) -> Effort:
    """Train until `seconds` of the clock have gone, or the schedule ends; what it took is kept in the file `record`.

    A run that is done is not trained again. One that Ctrl-C interrupted goes on with the seconds it has left. One that
    was killed, or has no record, begins anew, since nobody knows how long its checkpoint took; what it left is renamed.
    Raises: UserError as `prepare_run`.
    """
    before = Effort(**read_json(record)) if record.exists() else None
    if before and before.outcome != INTERRUPTED:
        return before
    if before and not _stands_at(experiment.run_folder, before.steps):
        before = None
    done = _train(experiment, _options(seed, restart=before is None), seconds, before)
    write_json(record, asdict(done))
    return done


def _train(experiment: ExperimentConfig, options: RunOptions, seconds: float, before: Effort | None) -> Effort:
    spent_wall, spent_cpu = (before.wall_seconds, before.cpu_seconds) if before else (0.0, 0.0)
    stop = StopRequest()
    with RunFolderLock(experiment.run_folder) as lock:
        trainer = prepare_run(experiment, options, lock)
        limit = TrainingLimit(seconds=seconds - spent_wall)
        wall, cpu = time.monotonic(), time.process_time()
        with stop, limit.counting(lambda: trainer.step) as reached:
            try:
                finished = trainer.train(lambda: stop.made or reached())
                outcome = TO_THE_END if finished else INTERRUPTED if stop.made else TIME_IS_UP
            except TrainingDiverged as error:
                logger.warning("%s", error)
                outcome = DIVERGED
        return Effort(
            outcome=outcome,
            steps=trainer.step,
            wall_seconds=spent_wall + time.monotonic() - wall,
            cpu_seconds=spent_cpu + time.process_time() - cpu,
            threads=torch.get_num_threads(),
            processor=processor(),
        )


def _options(seed: int, *, restart: bool) -> RunOptions:
    """Those of `train.py` without flags."""
    return RunOptions(
        seed=seed,
        device=choose_device("cpu"),
        save_every=1000,
        log_every=100,
        n_previews=4,
        scores_every=None,
        n_scores=256,
        skip_broken=False,
        restart=restart,
        start=None,
    )


def _stands_at(run_folder: Path, steps: int) -> bool:
    """Whether the newest checkpoint is that after `steps` steps."""
    found = list_own_checkpoints(run_folder)
    return bool(found) and load_checkpoint(found[-1][2])["step"] == steps
