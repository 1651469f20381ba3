"""Memory, disk space and steps that an experiment needs, estimated before any audio is read."""

from dataclasses import asdict, dataclass
from typing import Any

from audio_transforms import build_transform
from data.attributes import AttributeTable
from data.note_selection import find_notes
from models.geometry import Shape, scale_sizes
from models.growth import GrowthSchedule
from models.networks import count_parameters
from utils.config import ExperimentConfig

_FLOAT = 4
_INT16 = 2
_COPIES_G = 5  # weights, gradients, two Adam moments, running average
_COPIES_D = 4
_ACTIVATIONS = 6
"""How many times the activations of both networks one step holds at once: measured 4 to 6 on the CPU (two passes of
the discriminator, the second derivative of the penalty, the generator)."""


@dataclass(frozen=True)
class Budget:
    """What an experiment needs: sizes in numbers and bytes; memory and disk are estimates."""

    name: str
    transform: str
    shape: Shape
    sizes: tuple[tuple[int, int], ...]
    generator_parameters: int
    discriminator_parameters: int
    total_steps: int
    notes: int
    cache_bytes: int
    checkpoint_bytes: int
    memory_bytes: int

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def in_words(self) -> list[str]:
        """Lines of text, one for each subject."""
        grow = " -> ".join(f"{height}x{width}" for height, width in self.sizes)
        return [
            f"{self.name} ({self.transform})",
            f"  image (channels, frequency, time): {self.shape}, grown {grow}",
            f"  parameters: generator {self.generator_parameters:,}, discriminator {self.discriminator_parameters:,}",
            f"  training: {self.total_steps:,} steps on {self.notes:,} notes",
            f"  disk: {_mega(self.cache_bytes)} for the notes, {_mega(self.checkpoint_bytes)} per checkpoint",
            f"  memory: about {_mega(self.memory_bytes)} for networks, optimisers and one batch",
        ]


def estimate_budget(experiment: ExperimentConfig, shape: Shape, n_values: tuple[int, ...], n_notes: int) -> Budget:
    """The budget of training on `n_notes` notes with images of `shape`. Raises: ConfigError if shapes do not fit."""
    model = experiment.model
    sizes = scale_sizes(model, shape)
    parameters = count_parameters(model, shape, n_values)
    state = _FLOAT * (_COPIES_G * parameters["generator"] + _COPIES_D * parameters["discriminator"])
    depths = [g + d for g, d in zip(model.generator_depths, model.discriminator_depths, strict=True)]
    # each scale holds its own activations and those of all smaller ones
    pixels = [2 * depth * height * width for depth, (height, width) in zip(depths, sizes, strict=True)]
    per_note = [sum(pixels[: scale + 1]) for scale in range(len(pixels))]
    activations = _FLOAT * _ACTIVATIONS * max(b * p for b, p in zip(model.batch_sizes, per_note, strict=True))
    return Budget(
        name=experiment.name,
        transform=experiment.transform.transform,
        shape=shape,
        sizes=sizes,
        generator_parameters=parameters["generator"],
        discriminator_parameters=parameters["discriminator"],
        total_steps=GrowthSchedule(model).total_steps,
        notes=n_notes,
        cache_bytes=_INT16 * n_notes * experiment.transform.n_samples,
        checkpoint_bytes=state - _FLOAT * (parameters["generator"] + parameters["discriminator"]),
        memory_bytes=state + activations,
    )


def cost_of(experiment: ExperimentConfig, seed: int) -> Budget:
    """The budget of the experiment; reads metadata, but no audio. Raises: UserError."""
    records = find_notes(experiment.loader, seed)
    table = AttributeTable.from_records(records, experiment.attributes)
    shape = build_transform(experiment.transform).shape
    return estimate_budget(experiment, shape, table.sizes, len(records))


def _mega(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
