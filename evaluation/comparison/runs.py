"""Which runs of a comparison are finished, here or by the record, and why the others are not scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from audio_transforms import image_shape
from data.attributes import AttributeTable
from evaluation.comparison.record import TRAINED, Record, date_of, now
from evaluation.scoring.results_file import Line
from models.checkpoint import experiment_of, list_own_checkpoints, load_checkpoint
from models.equal_size import TOLERANCE, total_parameters
from models.growth import GrowthSchedule
from utils.comparison_file import Comparison
from utils.config import ExperimentConfig
from utils.config_file import parse_experiment
from utils.errors import CheckpointError, ConfigError, UserError
from utils.files import sha256_of_file
from utils.folder_lock import is_locked
from utils.run_folder import changes_of_experiment


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run that was trained to its end, as its last checkpoint describes it, or a record of that."""

    title: str  # of the representation
    seed: int
    folder: Path
    experiment: ExperimentConfig
    checkpoint: str  # name of the file
    sha256: str  # of the checkpoint
    pitches: frozenset[int] | None  # MIDI pitches that it can be asked for; None: not conditioned on pitch
    parameters: int  # of generator and discriminator together
    notes_seen: int
    recorded: str | None = None  # date of the record that tells all this; None: the run is here

    @property
    def name(self) -> str:
        """Of its run folder."""
        return self.folder.name

    @property
    def identity(self) -> dict[str, Any]:
        """What a line of the record says of it."""
        return {"representation": self.title, "training_seed": self.seed, "checkpoint_sha256": self.sha256}


@dataclass(frozen=True)
class FoundRuns:
    """The finished runs in the order of the comparison, and the name of every other one with the reason."""

    finished: Sequence[FinishedRun]
    left_out: Mapping[str, str]


def find_runs(comparison: Comparison, record: Record) -> FoundRuns:
    """All runs of `comparison`; of those without a folder, what the `record` holds of their last training.

    Raises: UserError if none is finished.
    """
    finished, left_out = [], {}
    for title in comparison.titles:
        for seed in comparison.seeds:
            folder = comparison.run(title, seed).run_folder
            lines = [] if folder.exists() else _lines_of(record, title, seed)
            try:
                run = _recorded(lines, folder, comparison) if lines else _finished(title, seed, folder)
                _require_ours(run, comparison)
            except CheckpointError as error:
                left_out[folder.name] = str(error)
            else:
                finished.append(run)
    if not finished:
        name, reason = next(iter(left_out.items()))
        raise UserError(
            f"{comparison.folder}: holds no finished run of {comparison.path} ({name}: {reason}); train it with "
            f"train.py first"
        )
    return FoundRuns(finished, left_out)


def record_run(run: FinishedRun, record: Record) -> None:
    """Write into the `record` what `run` is, unless it holds that. Raises: UserError."""
    identity = {"kind": TRAINED, **run.identity}
    if record.find(identity) is None:
        told = {
            "checkpoint": run.checkpoint,
            "pitches": None if run.pitches is None else sorted(run.pitches),
            "parameters": run.parameters,
            "notes_seen": run.notes_seen,
            "config": run.experiment.to_plain(),
        }
        record.append([{**identity, **told, "date": now()}])


def _lines_of(record: Record, title: str, seed: int) -> list[Line]:
    return record.find_all({"kind": TRAINED, "representation": title, "training_seed": seed})


def _recorded(lines: Sequence[Line], folder: Path, comparison: Comparison) -> FinishedRun:
    """The last of `lines` that is of the comparison as it is now; of none, the last.

    Raises: CheckpointError if its config cannot be read.
    """
    runs = [_recorded_run(line, folder) for line in lines]
    return next((run for run in reversed(runs) if not _changes(run, comparison)), runs[-1])


def _recorded_run(line: Line, folder: Path) -> FinishedRun:
    try:
        experiment = parse_experiment(line["config"], "its config in the record")
    except ConfigError as error:
        raise CheckpointError(f"{error}; score it again where it is") from error
    pitches = line["pitches"]
    return FinishedRun(
        title=line["representation"],
        seed=line["training_seed"],
        folder=folder,
        experiment=experiment,
        checkpoint=line["checkpoint"],
        sha256=line["checkpoint_sha256"],
        pitches=None if pitches is None else frozenset(pitches),
        parameters=line["parameters"],
        notes_seen=line["notes_seen"],
        recorded=date_of(line),
    )


def _finished(title: str, seed: int, folder: Path) -> FinishedRun:
    """Raises: CheckpointError if the run in `folder` is not finished, or not of this `seed`."""
    found = list_own_checkpoints(folder)
    if not found:
        raise CheckpointError("no checkpoint yet" if folder.is_dir() else "not begun")
    path = found[-1][2]
    saved = load_checkpoint(path)
    if saved["seed"] != seed:
        raise CheckpointError(f"was trained as another comparison says: seed was {saved['seed']}, is {seed}")
    experiment = experiment_of(saved, path)
    schedule = GrowthSchedule(experiment.model)
    if saved["step"] < schedule.total_steps:
        now_training = ", is training now" if is_locked(folder) else ""
        raise CheckpointError(f"not finished: step {saved['step']:,} of {schedule.total_steps:,}{now_training}")
    table = AttributeTable.from_plain(saved["attributes"])
    last = schedule.at(schedule.total_steps - 1)
    pitches = table.values.get("pitch")
    return FinishedRun(
        title=title,
        seed=seed,
        folder=folder,
        experiment=experiment,
        checkpoint=path.name,
        sha256=sha256_of_file(path),
        pitches=None if pitches is None else frozenset(map(int, pitches)),
        parameters=total_parameters(experiment.model, image_shape(experiment.transform), table.sizes),
        notes_seen=last.first_note + last.batch_size,
    )


def _require_ours(run: FinishedRun, comparison: Comparison) -> None:
    if changes := _changes(run, comparison):
        place = "is not here, and " if run.recorded else ""
        raise CheckpointError(f"{place}was trained as another comparison says: {'; '.join(changes)}")


def _changes(run: FinishedRun, comparison: Comparison) -> list[str]:
    """In what the run differs from that of the comparison as it is now, in words."""
    planned, wanted, changes = comparison.experiments[run.title], comparison.parameters, []
    if wanted is not None:  # training chose the depths that lead to it
        depths = {"depth_scales": run.experiment.model.depth_scales}
        planned = replace(planned, model=planned.model.model_copy(update=depths))
        if abs(run.parameters - wanted) > TOLERANCE * wanted:
            changes.append(f"parameters were {run.parameters:,}, are {wanted:,}")
    changes += changes_of_experiment(run.experiment.to_plain(), planned.to_plain()).values()
    return changes
