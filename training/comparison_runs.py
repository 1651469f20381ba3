"""The runs of a comparison: what is to be trained, and how far each is."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from audio_transforms import image_shape
from models.checkpoint import list_own_checkpoints
from models.equal_size import total_parameters, with_parameters
from models.growth import GrowthSchedule
from training.budget import count_labels
from training.run_status import RunStatus, read_status
from utils.comparison_file import Comparison, ComparisonRun
from utils.config import ExperimentConfig
from utils.config_file import load_experiment
from utils.errors import CheckpointError, ConfigError
from utils.files import write_json
from utils.folder_lock import is_locked
from utils.run_folder import CONFIG_NAME, changes_of_experiment
from utils.run_log import read_last_rows
from utils.tables import markdown_table

CONFIGS = "configs"
"""The folder, in that of the comparison, where the config of each run is kept whole."""

State = Literal["waiting", "training", "trained"]


@dataclass(frozen=True)
class PlannedRun:
    """A run of a comparison as it is to be trained."""

    title: str
    seed: int
    experiment: ExperimentConfig
    parameters: int  # of generator and discriminator together

    @property
    def name(self) -> str:
        """Of its run folder."""
        return self.experiment.name

    @property
    def run_folder(self) -> Path:
        """Where it trains."""
        return self.experiment.run_folder

    @property
    def config_path(self) -> Path:
        """Where its config is kept, from which it is trained."""
        return self.experiment.output_path / CONFIGS / f"{self.name}.json"

    @property
    def total_steps(self) -> int:
        """Training steps from its beginning to its end."""
        return GrowthSchedule(self.experiment.model).total_steps

    def state(self) -> State:
        """Whether it is trained, or trains now in whatever process."""
        if is_locked(self.run_folder):
            return "training"
        return "trained" if self.saved_steps() == self.total_steps else "waiting"

    def saved_steps(self) -> int:
        """Steps that its newest checkpoint has done."""
        checkpoints = list_own_checkpoints(self.run_folder)
        if not checkpoints:
            return 0
        scale, iteration, path = checkpoints[-1]
        try:
            return GrowthSchedule(self.experiment.model).steps_done(scale, iteration)
        except ValueError as error:
            raise CheckpointError(f"{path}: has no place in the schedule of this run; move its folder away") from error

    def logged_steps(self) -> int:
        """Steps up to the last line of its log, or up to its newest checkpoint."""
        logged = (int(rows[-1]["step"]) + 1 for rows in read_last_rows(self.run_folder, 1).values())
        return max(self.saved_steps(), *logged, 0)

    def in_words(self) -> str:
        """Its networks and its length."""
        model = self.experiment.model
        depths, steps = json.dumps(model.depth_scales), json.dumps(model.max_iter_at_scale)
        return f"{self.name}: {self.parameters:,} parameters with depthScales {depths}, maxIterAtScale {steps}"


def plan_runs(comparison: Comparison) -> list[PlannedRun]:
    """All runs, seed by seed, with the depths that give their networks `parameters`; reads metadata, but no audio.

    The depths of a representation are those for the labels of the first seed's notes.
    Raises: DataError if the notes cannot be counted; ConfigError listing all representations whose networks do not fit.
    """
    sized: dict[str, tuple[ExperimentConfig, int]] = {}
    counts: dict[str, tuple[int, ...]] = {}  # most representations have the same notes, which may be many
    faults = []
    for title, experiment in comparison.experiments.items():
        notes = json.dumps([experiment.loader.to_plain(), experiment.attributes])
        if notes not in counts:
            counts[notes] = count_labels(experiment, comparison.seeds[0]).n_values
        try:
            sized[title] = _sized(experiment, counts[notes], comparison.parameters)
        except ConfigError as error:
            faults.append(f"representations.{title}: {error}")
    if faults:
        raise ConfigError(f"{comparison.path}: " + "; ".join(faults))
    planned = []
    for run in comparison.runs():
        experiment, parameters = sized[run.title]
        planned.append(PlannedRun(run.title, run.seed, replace(experiment, name=run.experiment.name), parameters))
    return planned


def _sized(
    experiment: ExperimentConfig, n_values: tuple[int, ...], parameters: int | None
) -> tuple[ExperimentConfig, int]:
    """The experiment with the depths that lead to `parameters`, and the number that its networks have."""
    shape = image_shape(experiment.transform)
    if parameters is not None:
        model = with_parameters(experiment.model, shape, n_values, parameters)
        experiment = replace(experiment, model=model)
    return experiment, total_parameters(experiment.model, shape, n_values)


def require_same_comparison(runs: Sequence[PlannedRun]) -> None:
    """Raise CheckpointError unless what was trained so far was trained as the comparison now says.

    Otherwise the runs of one comparison would differ in more than their representation.
    """
    faults = []
    for run in runs:
        path = run.run_folder / CONFIG_NAME
        if path.exists():
            changes = changes_of_experiment(load_experiment(path).to_plain(), run.experiment.to_plain())
            faults += [f"{run.name}: {'; '.join(changes.values())}"] if changes else []
    if faults:
        raise CheckpointError(
            f"{runs[0].experiment.output_path}: was begun as another comparison ({' | '.join(faults)}); give the file "
            "those values, or another name"
        )


def write_config(run: PlannedRun) -> None:
    """Keep the whole config of the run at its `config_path`. Raises: UserError."""
    write_json(run.config_path, run.experiment.to_plain())


@dataclass(frozen=True)
class RunLine:
    """A run of a comparison, and how far it is."""

    run: ComparisonRun
    status: RunStatus | None  # None: nothing is trained yet

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        status = self.status.to_plain() if self.status else None
        return {"title": self.run.title, "seed": self.run.seed, "run": str(self.run.run_folder), "status": status}


def read_lines(comparison: Comparison) -> list[RunLine]:
    """How far each run is; nothing is written. Raises: UserError if what is in a run folder is damaged."""
    return [RunLine(run, _status(run.run_folder)) for run in comparison.runs()]


def _status(run_folder: Path) -> RunStatus | None:
    return read_status(run_folder) if (run_folder / CONFIG_NAME).exists() else None


def table_of(lines: Sequence[RunLine]) -> str:
    """One row for each run."""
    rows = [[line.run.title, str(line.run.seed), *_cells(line.status)] for line in lines]
    return markdown_table(["representation", "seed", "state", "steps", "of", "time left"], rows)


def _cells(status: RunStatus | None) -> list[str]:
    if status is None:
        return ["not begun", "", "", ""]
    steps = [f"{status.step:,}", f"{status.total_steps:,}"]
    if status.step == status.total_steps and not status.is_training:
        return ["trained", *steps, ""]
    state = "is training" if status.is_training else "was killed" if status.trainer else "stopped"
    return [state, *steps, str(status.left) if status.left else "unknown"]
