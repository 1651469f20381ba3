"""Memory, disk space and steps that an experiment needs, estimated before any audio is read."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from audio_transforms import image_shape
from data.attributes import AttributeTable, expand_attributes
from data.note_selection import find_notes
from data.nsynth import FAMILIES, QUALITIES, SOURCES
from models.geometry import Shape, scale_sizes
from models.growth import GrowthSchedule
from models.networks import count_parameters
from utils.config import ExperimentConfig, LoaderConfig
from utils.errors import DataError
from utils.spelling import counted

_NSYNTH_PITCHES = (9, 119)  # the lowest and the highest of NSynth's notes
_NSYNTH_VELOCITIES, _NSYNTH_INSTRUMENTS = 5, 1006
_FLOAT = 4
_INT16 = 2
_COPIES_G = 5  # weights, gradients, two Adam moments, running average
_COPIES_D = 4
_ACTIVATIONS = 6
"""How many times the activations of both networks one step holds at once: measured 4 to 6 on the CPU (two passes of
the discriminator, the second derivative of the penalty, the generator)."""


@dataclass(frozen=True)
class Budget:
    """What an experiment needs: sizes in numbers and bytes; memory and disk are estimates.

    None where the notes are not there to be counted; `assumed` says what the other numbers then rest on.
    """

    name: str
    transform: str
    shape: Shape
    sizes: tuple[tuple[int, int], ...]
    generator_parameters: int
    discriminator_parameters: int
    total_steps: int
    notes: int | None
    cache_bytes: int | None
    checkpoint_bytes: int
    memory_bytes: int
    assumed: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def in_words(self) -> list[str]:
        """Lines of text, one for each subject."""
        notes = "an unknown number of notes" if self.notes is None else counted(self.notes, "note", form=",")
        steps = counted(self.total_steps, "step", form=",")
        cache = "unknown" if self.cache_bytes is None else _mega(self.cache_bytes)
        grow = " -> ".join(f"{height}x{width}" for height, width in self.sizes)
        return [
            f"{self.name} ({self.transform})",
            f"  image (channels, frequency, time): {self.shape}, grown {grow}",
            f"  parameters: generator {self.generator_parameters:,}, discriminator {self.discriminator_parameters:,}",
            f"  training: {steps} on {notes}",
            f"  disk: {cache} for the notes, {_mega(self.checkpoint_bytes)} per checkpoint",
            f"  memory: about {_mega(self.memory_bytes)} for networks, optimisers and one batch",
            *([f"  {self.assumed}"] if self.assumed else []),
        ]


def estimate_budget(
    experiment: ExperimentConfig, shape: Shape, n_values: tuple[int, ...], n_notes: int | None
) -> Budget:
    """The budget of training on `n_notes` notes with images of `shape`; `n_values` of each attribute.

    Raises: ConfigError if shapes do not fit.
    """
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
        cache_bytes=None if n_notes is None else _INT16 * n_notes * experiment.transform.n_samples,
        checkpoint_bytes=state - _FLOAT * (parameters["generator"] + parameters["discriminator"]),
        memory_bytes=state + activations,
    )


@dataclass(frozen=True)
class LabelCounts:
    """How many values each conditioning attribute has, and how many notes there are.

    Without the folder of notes their number is None, and `assumed` says what the values rest on.
    """

    n_values: tuple[int, ...]
    n_notes: int | None
    assumed: str | None = None


def count_labels(experiment: ExperimentConfig, seed: int) -> LabelCounts:
    """The counts of the notes of the experiment; reads metadata, but no audio. Raises: UserError.

    Without the folder of notes, attributes count as many values as the config lets through.
    """
    if not experiment.loader.data_path.exists():
        values = {name: _most_values(name, experiment.loader) for name in expand_attributes(experiment.attributes)}
        listed = ", ".join(f"{counted(count, 'value')} of {name}" for name, count in values.items())
        assumed = f"{experiment.loader.data_path}: no such folder; the number of notes is unknown"
        assumed = f"{assumed}; sizes are for {listed}" if listed else assumed
        return LabelCounts(tuple(values.values()), None, assumed)
    records = find_notes(experiment.loader, seed)
    return LabelCounts(AttributeTable.from_records(records, experiment.attributes).sizes, len(records))


def cost_of(experiment: ExperimentConfig, seed: int) -> Budget:
    """The budget of the experiment; reads metadata, but no audio, and builds nothing large. Raises: UserError."""
    counts = count_labels(experiment, seed)
    budget = estimate_budget(experiment, image_shape(experiment.transform), counts.n_values, counts.n_notes)
    return replace(budget, assumed=counts.assumed)


def _most_values(attribute: str, config: LoaderConfig) -> int:
    """How many values notes that pass the filters of `config` can have; NSynth's number where no filter says."""
    kept = config.values_to_keep.get(attribute)
    if isinstance(kept, tuple):
        return len(kept)
    low, high = config.pitch_range or _NSYNTH_PITCHES
    known = {
        "pitch": high - low + 1,
        "velocity": _NSYNTH_VELOCITIES,
        **dict.fromkeys(("instrument", "instrument_str"), _NSYNTH_INSTRUMENTS),
        **dict.fromkeys(("instrument_family", "instrument_family_str"), len(config.instrument_labels or FAMILIES)),
        **dict.fromkeys(("instrument_source", "instrument_source_str"), len(config.sources or SOURCES)),
        **dict.fromkeys(QUALITIES, 2),
    }
    if attribute not in known:
        raise DataError(f"{config.data_path}: no such folder; only its notes tell how many values {attribute!r} has")
    return known[attribute]


def _mega(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
