"""Where a training run starts from: fresh weights, its own newest checkpoint, or the weights of another run."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from audio_transforms.scaling import Affine
from data.attributes import expand_attributes
from models.checkpoint import find_checkpoint, list_checkpoints, list_own_checkpoints, load_checkpoint
from models.growth import GrowthSchedule
from training.trainer import Trainer
from utils.config import ExperimentConfig
from utils.config_faults import short
from utils.config_file import parse_experiment
from utils.errors import CheckpointError
from utils.files import sha256_of_file
from utils.run_folder import require_same_experiment

logger = logging.getLogger(__name__)

_STRUCTURE = {
    "formatLayerType": "format_layer",
    "downSamplingFactor": "down_sampling",
    "depthScales of the generator": "generator_depths",
    "depthScales of the discriminator": "discriminator_depths",
    "dimLatentVector": "latent_dim",
    "transposed": "transposed",
    "leakyness": "leaky_slope",
    "perChannelNormalization": "pixel_norm",
    "miniBatchStdDev": "minibatch_stddev",
    "generationActivation": "output_activation",
    "equalizedlR": "equalized_rate",
    "ac_gan": "ac_gan",
}
"""Options that must agree for weights to be usable in another run: published key -> name in `ModelConfig`."""

AttributeValues = Mapping[str, list[int | str]]
"""The values of each attribute, in the order of their class indices, as a checkpoint holds them."""


@dataclass(frozen=True)
class StartSource:
    """The weights of another run that a new run is to begin with."""

    path: Path  # run folder, or one of its checkpoints
    keeps_place: bool  # True: go on at its place in the schedule; False: begin the schedule, to fine-tune


@dataclass(frozen=True)
class Start:
    """Fresh weights at step 0; the other ways to start derive from this one."""

    is_resumed = False

    @property
    def attribute_values(self) -> AttributeValues | None:
        """The attribute values that the labels must have; None: those of the notes."""
        return None

    @property
    def started_from(self) -> Mapping[str, Any] | None:
        """The checkpoint of another run whose weights this run began with, as JSON values."""
        return None

    def affine(self, measure: Callable[[], Affine | None]) -> Affine | None:
        """The scaling of the representation; `measure` finds it where no checkpoint holds it."""
        return measure()

    def require_notes(self, notes: str, where: Path) -> None:
        """Raise CheckpointError if training cannot go on with `notes`, the digest of those selected from `where`."""

    def restore(self, trainer: Trainer) -> None:
        """Put what was trained before into `trainer`. Raises: CheckpointError if it does not fit the networks."""


@dataclass(frozen=True)
class _LoadedStart(Start):
    """A start from the content of a checkpoint, `state`."""

    checkpoint: Path
    state: Mapping[str, Any]

    def affine(self, measure: Callable[[], Affine | None]) -> Affine | None:
        """The scaling that the checkpoint holds."""
        affine: Affine | None = self.state["affine"]
        return affine


@dataclass(frozen=True)
class ResumedStart(_LoadedStart):
    """The newest checkpoint of the run itself."""

    run_folder: Path

    is_resumed = True

    @classmethod
    def open(cls, experiment: ExperimentConfig, seed: int) -> Self:
        """Read the newest checkpoint in the experiment's run folder.

        Raises: CheckpointError if it cannot be resumed: it was not trained there, or with another config or `seed`.
        """
        folder = experiment.run_folder
        path = find_checkpoint(folder)
        state = load_checkpoint(path)
        if not list_own_checkpoints(folder) or not state["optimizer_g"]:
            raise CheckpointError(
                f"{path}: was not trained here and holds no optimisers; give this run another name, and let it "
                f"continue from {folder}"
            )
        # read anew, so that keys which the config has gained since have their defaults
        before = parse_experiment(state["config"], str(path)).to_plain()
        require_same_experiment(folder, before, experiment.to_plain())
        if state["seed"] != seed:
            raise CheckpointError(
                f"{folder}: was started with seed {state['seed']}, not {seed}; give that seed, or another run name"
            )
        return cls(path, state, folder)

    @property
    def attribute_values(self) -> AttributeValues | None:
        """Those of the run that this one began with, if it did."""
        return self.state["attributes"] if self.started_from else None

    @property
    def started_from(self) -> Mapping[str, Any] | None:
        """As its checkpoint says."""
        return self.state.get("started_from")

    def require_notes(self, notes: str, where: Path) -> None:
        """Raise CheckpointError unless the notes are those that the run was started with."""
        if self.state["notes"] != notes:
            raise CheckpointError(
                f"{self.run_folder}: was started with other notes than {where} selects now; restore them, give "
                "another run name, or restart the run"
            )

    def restore(self, trainer: Trainer) -> None:
        """Put networks, optimisers and step into `trainer`."""
        trainer.restore(self.state)


@dataclass(frozen=True)
class BegunStart(_LoadedStart):
    """A checkpoint of another run that fits the experiment, and the step at which the experiment begins with it."""

    step: int

    @classmethod
    def open(cls, source: StartSource, experiment: ExperimentConfig) -> Self:
        """Read the source's checkpoint, the newest if it is a folder.

        Raises: CheckpointError if its config differs in an option that its weights depend on, if it has no
        discriminator, or if the experiment's schedule does not contain the place that it has reached.
        """
        path = source.path if source.path.is_file() else find_checkpoint(source.path)
        state = load_checkpoint(path)
        if not state["discriminator"]:
            raise CheckpointError(f"{path}: holds a generator alone; training needs a run, which has both networks")
        _require_fitting(path, state, experiment)
        schedule = GrowthSchedule(experiment.model)
        step = _same_place(path, state, schedule) if source.keeps_place else _beginning(path, state, schedule)
        text = "%s: begins at step %d of %d with the weights of %s, and with fresh optimisers"
        logger.info(text, experiment.run_folder, step, schedule.total_steps, path)
        return cls(path, state, step)

    @property
    def attribute_values(self) -> AttributeValues:
        """Those that the weights were trained with."""
        values: AttributeValues = self.state["attributes"]
        return values

    @property
    def started_from(self) -> Mapping[str, Any]:
        """The checkpoint that is opened here."""
        return {"checkpoint": self.checkpoint.name, "sha256": sha256_of_file(self.checkpoint), "step": self.step}

    def restore(self, trainer: Trainer) -> None:
        """Put the networks into `trainer`, and let it begin at `step`."""
        trainer.begin_from(self.state, self.step)


def find_start(experiment: ExperimentConfig, source: StartSource | None, *, seed: int, restart: bool) -> Start:
    """Where the experiment starts from: its own newest checkpoint if it has one, else `source`, else fresh weights.

    With `restart` its own checkpoints do not count. Raises: CheckpointError if the checkpoint cannot be used.
    """
    if not restart and list_checkpoints(experiment.run_folder):
        resumed = ResumedStart.open(experiment, seed)
        if source:
            text = "%s: resumes from its own checkpoint; the weights of %s were for its start"
            logger.info(text, experiment.run_folder, source.path)
        return resumed
    return BegunStart.open(source, experiment) if source else Start()


def _require_fitting(path: Path, state: Mapping[str, Any], experiment: ExperimentConfig) -> None:
    before = parse_experiment(state["config"], str(path))
    pairs = {key: (getattr(before.model, name), getattr(experiment.model, name)) for key, name in _STRUCTURE.items()}
    old, new = before.transform.to_plain(), experiment.transform.to_plain()
    pairs |= {key: (old.get(key), new.get(key)) for key in sorted({*old, *new})}
    pairs["attribute_list"] = tuple(state["attributes"]), tuple(expand_attributes(experiment.attributes))
    changes = [f"{key} is {short(was)} there, {short(now)} here" for key, (was, now) in pairs.items() if was != now]
    if changes:
        raise CheckpointError(f"{path}: has another config: {'; '.join(changes)}; give this config those values")


def _same_place(path: Path, state: Mapping[str, Any], schedule: GrowthSchedule) -> int:
    scale, iteration = state["scale"], state["iteration"]
    try:
        step = schedule.steps_done(scale, iteration)
    except ValueError as error:
        raise CheckpointError(
            f"{path}: has done {iteration} iterations of scale {scale}, which the config's schedule does not contain; "
            "change maxIterAtScale or startScale, or fine-tune it instead"
        ) from error
    if step == schedule.total_steps:
        raise CheckpointError(
            f"{path}: has been trained to the end of the config's schedule; raise maxIterAtScale, or fine-tune it "
            "instead"
        )
    return step


def _beginning(path: Path, state: Mapping[str, Any], schedule: GrowthSchedule) -> int:
    first = schedule.at(0)
    if first.scale != state["scale"]:
        raise CheckpointError(
            f"{path}: has reached scale {state['scale']}, but the config begins at scale {first.scale}; set startScale "
            f"to {state['scale']}"
        )
    if first.alpha > 0:
        logger.warning("scale %d will fade in again; set its alphaNJumps to 0 to keep it as it is", first.scale)
    return 0
