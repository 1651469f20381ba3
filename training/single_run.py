"""A run trained from Python, as `train.py -c` trains it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.own_run import require_own_run
from training.prepare import RunOptions, prepare_run
from utils.config_file import load_experiment
from utils.device import choose_device
from utils.run_lock import RunFolderLock


@dataclass(frozen=True)
class TrainedRun:
    """The folder of a run, how many steps it has done, and whether that is all of them."""

    folder: Path
    steps: int
    is_finished: bool


def train_run(
    config: str | Path,
    *,
    data_path: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    most_steps: int | None = None,
    device: str = "auto",
) -> TrainedRun:
    """Train the experiment in the JSON file `config` until its end, or until it has done `most_steps` in this call.

    `data_path` is a folder of notes with its examples.json, in the place of that in the config. `overrides` replaces
    keys of the config, such as `{"name": "mine", "modelConfig.depthScales": [16, 16]}`. The run is that of `train.py`
    with the same seed, bit for bit; called again, it goes on where it stands.
    Raises: ConfigError listing every fault of the config; UserError if notes, checkpoint, memory or disk are not
    usable, or another process trains there; TrainingDiverged.
    """
    path, replaced = Path(config), dict(overrides or {})
    if data_path is not None:
        replaced |= {"loaderConfig.data_path": str(data_path), "loaderConfig.att_dict_path": None}
    experiment = load_experiment(path, replaced)
    require_own_run(experiment, [path], restart=False)
    options = RunOptions(
        seed=seed,
        device=choose_device(device),
        save_every=1000,
        log_every=100,
        n_previews=4,
        scores_every=None,
        n_scores=256,
        skip_broken=False,
        restart=False,
        start=None,
    )
    with RunFolderLock(experiment.run_folder) as lock:
        trainer = prepare_run(experiment, options, lock)
        before = trainer.step
        finished = trainer.train(lambda: most_steps is not None and trainer.step - before >= most_steps)
    return TrainedRun(experiment.run_folder, trainer.step, finished)
