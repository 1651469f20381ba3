"""Which runs of a comparison are finished, and why the others are not scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from audio_transforms import image_shape
from data.attributes import AttributeTable
from models.checkpoint import experiment_of, list_own_checkpoints, load_checkpoint
from models.equal_size import total_parameters
from models.growth import GrowthSchedule
from utils.comparison_file import Comparison, ComparisonRun
from utils.config import ExperimentConfig
from utils.errors import CheckpointError, UserError
from utils.files import sha256_of_file
from utils.folder_lock import is_locked
from utils.run_folder import changes_of_experiment


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run that was trained to its end, as its last checkpoint describes it."""

    title: str  # of the representation
    seed: int
    folder: Path
    experiment: ExperimentConfig
    checkpoint: Path
    sha256: str  # of the checkpoint
    pitches: frozenset[int] | None  # MIDI pitches that it can be asked for; None: not conditioned on pitch
    parameters: int  # of generator and discriminator together
    notes_seen: int


@dataclass(frozen=True)
class FoundRuns:
    """The finished runs in the order of the comparison, and the name of every other one with the reason."""

    finished: Sequence[FinishedRun]
    left_out: Mapping[str, str]


def find_runs(comparison: Comparison) -> FoundRuns:
    """All runs of `comparison`. Raises: UserError if none is finished."""
    finished, left_out = [], {}
    for title in comparison.titles:
        for seed in comparison.seeds:
            run = comparison.run(title, seed)
            try:
                finished.append(_finished(run, any_depths=comparison.parameters is not None))
            except CheckpointError as error:
                left_out[run.experiment.name] = str(error)
    if not finished:
        name, reason = next(iter(left_out.items()))
        raise UserError(
            f"{comparison.folder}: holds no finished run of {comparison.path} ({name}: {reason}); train it with "
            f"train.py first"
        )
    return FoundRuns(finished, left_out)


def _finished(run: ComparisonRun, *, any_depths: bool) -> FinishedRun:
    """Raises: CheckpointError if the run is not finished, or is another than the comparison's."""
    folder = run.run_folder
    found = list_own_checkpoints(folder)
    if not found:
        raise CheckpointError("no checkpoint yet" if folder.is_dir() else "not begun")
    path = found[-1][2]
    saved = load_checkpoint(path)
    experiment = experiment_of(saved, path)
    _require_ours(run, saved, experiment, any_depths=any_depths)
    schedule = GrowthSchedule(experiment.model)
    if saved["step"] < schedule.total_steps:
        now = ", is training now" if is_locked(folder) else ""
        raise CheckpointError(f"not finished: step {saved['step']:,} of {schedule.total_steps:,}{now}")
    table = AttributeTable.from_plain(saved["attributes"])
    last = schedule.at(schedule.total_steps - 1)
    pitches = table.values.get("pitch")
    return FinishedRun(
        title=run.title,
        seed=run.seed,
        folder=folder,
        experiment=experiment,
        checkpoint=path,
        sha256=sha256_of_file(path),
        pitches=None if pitches is None else frozenset(map(int, pitches)),
        parameters=total_parameters(experiment.model, image_shape(experiment.transform), table.sizes),
        notes_seen=last.first_note + last.batch_size,
    )


def _require_ours(
    run: ComparisonRun, saved: Mapping[str, Any], experiment: ExperimentConfig, *, any_depths: bool
) -> None:
    """`any_depths`: whether training chose the depths for a number of parameters."""
    planned = run.experiment
    if any_depths:
        depths = {"depth_scales": experiment.model.depth_scales}
        planned = replace(planned, model=planned.model.model_copy(update=depths))
    changes = list(changes_of_experiment(experiment.to_plain(), planned.to_plain()).values())
    if saved["seed"] != run.seed:
        changes.append(f"seed was {saved['seed']}, is {run.seed}")
    if changes:
        raise CheckpointError(f"was trained as another comparison says: {'; '.join(changes)}")
