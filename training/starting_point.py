"""Where a training run starts from: fresh weights, its own newest checkpoint, or the weights of another run."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.attributes import expand_attributes
from data.nsynth import Value
from models.checkpoint import experiment_of, find_checkpoint, list_checkpoints, list_own_checkpoints, load_checkpoint
from models.growth import GrowthSchedule
from training.trainer import Trainer
from utils.config import ExperimentConfig
from utils.config_faults import short
from utils.errors import CheckpointError
from utils.files import sha256_of_file
from utils.run_folder import require_same_experiment
from utils.spelling import counted

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
    "outputSkips": "output_skips",
    "upsampling": "upsampling",
    "linearLayerRate": "linear_rate",
}
"""Options that must agree for weights to be usable in another run: published key -> name in `ModelConfig`."""


@dataclass(frozen=True)
class StartSource:
    """The weights of another run that a new run is to begin with."""

    path: Path  # run folder, or one of its checkpoints
    keeps_place: bool  # True: go on at its place in the schedule; False: begin the schedule, to fine-tune


@dataclass(frozen=True)
class Start:
    """Fresh weights, or those of a checkpoint of this run or of another."""

    state: Mapping[str, Any] | None = None  # what the checkpoint holds; None = fresh weights
    step: int = 0  # steps done, unless the run is resumed
    is_resumed: bool = False  # whether the checkpoint is this run's own
    started_from: Mapping[str, Any] | None = None  # the other run's checkpoint that the run began with, as JSON values

    @property
    def attribute_values(self) -> Mapping[str, list[Value]] | None:
        """The attribute values that the weights of another run were trained with; None: those of the notes."""
        return self.state["attributes"] if self.state and self.started_from else None

    def require_notes(self, identity: Mapping[str, Any], experiment: ExperimentConfig) -> None:
        """Raise CheckpointError unless a resumed run was started with the `notes` and the `audio` of `identity`.

        Runs of earlier versions do not say what their notes sounded like.
        """
        if not (self.is_resumed and self.state):
            return
        where, source = experiment.run_folder, experiment.loader.data_path
        remedy = "restore them, give another run name (-n), or begin anew with --restart"
        if self.state["notes"] != identity["notes"]:
            raise CheckpointError(f"{where}: was started with other notes than {source} selects now; {remedy}")
        was, now = self.state.get("audio"), identity["audio"]
        if not isinstance(was, dict) or not was.get("sha256") or was["sha256"] == now["sha256"]:
            return
        if was.get("decoder") == now["decoder"]:
            raise CheckpointError(
                f"{where}: the notes of {source} have the names and labels that it was started with, but sound "
                f"different; {remedy}"
            )
        text = "%s: its notes were decoded by %s, now by %s, to other samples; it does not go on bit for bit"
        logger.warning(text, where, short(was.get("decoder")), short(now["decoder"]))

    def say_precision(self, precision: str, run_folder: Path) -> None:
        """Log if a resumed run was trained in another `precision` so far; earlier versions did not note it."""
        was = self.state.get("precision") if self.is_resumed and self.state else None
        if was not in (None, precision):
            text = "%s: was trained in %s so far, goes on in %s: not bit for bit as in one precision throughout"
            logger.warning(text, run_folder, was, precision)

    def restore(self, trainer: Trainer) -> None:
        """Put what was trained before into `trainer`. Raises: CheckpointError if it does not fit the networks."""
        if self.state and self.is_resumed:
            trainer.restore(self.state)
        elif self.state:
            trainer.begin_from(self.state, self.step)


def find_start(experiment: ExperimentConfig, source: StartSource | None, *, seed: int, restart: bool) -> Start:
    """Where the experiment starts from: its own newest checkpoint if it has one, else `source`, else fresh weights.

    With `restart` its own checkpoints do not count. Raises: CheckpointError if the checkpoint cannot be used.
    """
    if not restart and list_checkpoints(experiment.run_folder):
        resumed = _resumed(experiment, seed)
        if source:
            text = "%s: resumes from its own checkpoint; the weights of %s were for its start"
            logger.info(text, experiment.run_folder, source.path)
        return resumed
    return _begun(source, experiment) if source else Start()


def _resumed(experiment: ExperimentConfig, seed: int) -> Start:
    """The newest checkpoint in the run folder, if it was trained there with the same config and seed."""
    folder = experiment.run_folder
    path = find_checkpoint(folder)
    state = load_checkpoint(path)
    if not list_own_checkpoints(folder) or not state["optimizer_g"]:
        raise CheckpointError(
            f"{path}: was not trained here and holds no optimisers; give this run another name (-n), "
            f"and add --continue-from {folder}"
        )
    # read anew, so that keys which the config has gained since have their defaults
    before = experiment_of(state, path).to_plain()
    require_same_experiment(folder, before, experiment.to_plain())
    if state["seed"] != seed:
        raise CheckpointError(
            f"{folder}: was started with seed {state['seed']}, not {seed}; give that seed, or another run name (-n)"
        )
    return Start(state, is_resumed=True, started_from=state.get("started_from"))


def _begun(source: StartSource, experiment: ExperimentConfig) -> Start:
    """The checkpoint of another run, if its networks fit the experiment and its schedule has a place for them."""
    path = source.path if source.path.is_file() else find_checkpoint(source.path)
    state = load_checkpoint(path)
    if not state["discriminator"]:
        raise CheckpointError(f"{path}: holds a generator alone; training needs a run, which has both networks")
    _require_fitting(path, state, experiment)
    schedule = GrowthSchedule(experiment.model)
    step = _same_place(path, state, schedule) if source.keeps_place else _beginning(path, state, schedule)
    text = "%s: begins at step %d of %d with the weights of %s, and with fresh optimisers"
    logger.info(text, experiment.run_folder, step, schedule.total_steps, path)
    return Start(state, step, started_from={"checkpoint": path.name, "sha256": sha256_of_file(path), "step": step})


def _require_fitting(path: Path, state: Mapping[str, Any], experiment: ExperimentConfig) -> None:
    before = experiment_of(state, path)
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
            f"{path}: has done {counted(iteration, 'iteration')} of scale {scale}, which the config's schedule does "
            "not contain; change maxIterAtScale or startScale, or fine-tune it instead"
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
