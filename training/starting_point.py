"""A new run that begins with the weights of another: published, converted, or one of ours."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from data.attributes import expand_attributes
from models.checkpoint import find_checkpoint, load_checkpoint
from models.growth import GrowthSchedule
from utils.config import ExperimentConfig
from utils.config_faults import short
from utils.config_file import parse_experiment
from utils.errors import CheckpointError
from utils.files import sha256_of_file

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
"""What the weights of a network mean something for: published keys, and their names in `ModelConfig`."""


@dataclass(frozen=True)
class StartSource:
    """What the command line says of the weights to begin with."""

    path: Path  # run folder, or one of its checkpoints
    keeps_place: bool  # True: go on at its place in the schedule; False: begin the schedule, to fine-tune


@dataclass(frozen=True)
class StartingPoint:
    """A checkpoint that fits the experiment, and the step at which the experiment begins with it."""

    checkpoint: Path
    state: Mapping[str, Any]
    step: int

    @classmethod
    def open(cls, source: StartSource, experiment: ExperimentConfig) -> Self:
        """Read the source's checkpoint, the newest if it is a folder.

        Raises: CheckpointError if its config differs in what its weights mean something for, if it has no
        discriminator, or if the experiment's schedule does not go on where it stands.
        """
        path = source.path if source.path.is_file() else find_checkpoint(source.path)
        state = load_checkpoint(path)
        if not state["discriminator"]:
            raise CheckpointError(f"{path}: is a generator alone; training begins with a run, which has both networks")
        _require_fitting(path, state, experiment)
        schedule = GrowthSchedule(experiment.model)
        step = _same_place(path, state, schedule) if source.keeps_place else _beginning(path, state, schedule)
        text = "%s: begins at step %d of %d with the weights of %s, and with fresh optimisers"
        logger.info(text, experiment.run_folder, step, schedule.total_steps, path)
        return cls(path, state, step)

    def to_plain(self) -> dict[str, Any]:
        """Where the weights came from, for the checkpoints that follow."""
        return {"checkpoint": self.checkpoint.name, "sha256": sha256_of_file(self.checkpoint), "step": self.step}


def _require_fitting(path: Path, state: Mapping[str, Any], experiment: ExperimentConfig) -> None:
    before = parse_experiment(state["config"], str(path))
    pairs = {key: (getattr(before.model, name), getattr(experiment.model, name)) for key, name in _STRUCTURE.items()}
    old, new = before.transform.to_plain(), experiment.transform.to_plain()
    pairs |= {key: (old.get(key), new.get(key)) for key in sorted({*old, *new})}
    pairs["attribute_list"] = tuple(state["attributes"]), tuple(expand_attributes(experiment.attributes))
    changes = [f"{key} is {short(was)} there, {short(now)} here" for key, (was, now) in pairs.items() if was != now]
    if changes:
        raise CheckpointError(f"{path}: is of another config: {'; '.join(changes)}; give the config those values")


def _same_place(path: Path, state: Mapping[str, Any], schedule: GrowthSchedule) -> int:
    scale, iteration = state["scale"], state["iteration"]
    try:
        step = schedule.steps_done(scale, iteration)
    except ValueError as error:
        raise CheckpointError(
            f"{path}: has done {iteration} iterations of scale {scale}, where the config's schedule has no such place; "
            "mend maxIterAtScale or startScale, or use --fine-tune-from"
        ) from error
    if step == schedule.total_steps:
        raise CheckpointError(
            f"{path}: has been trained to the end of the config's schedule; raise maxIterAtScale, or use "
            "--fine-tune-from"
        )
    return step


def _beginning(path: Path, state: Mapping[str, Any], schedule: GrowthSchedule) -> int:
    first = schedule.at(0)
    if first.scale != state["scale"]:
        raise CheckpointError(
            f"{path}: has reached scale {state['scale']}, but the config begins at scale {first.scale}; give "
            f"--startScale {state['scale']}"
        )
    if first.alpha > 0:
        logger.warning("scale %d will fade in once more; --alphaNJumps with 0 for it keeps it as it is", first.scale)
    return 0
