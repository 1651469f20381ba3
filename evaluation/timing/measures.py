"""How long a note takes: the generator's image, and the inversion of the representation to sound."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from audio_transforms import AudioTransform, build_transform
from data.attributes import expand_attributes
from data.nsynth import QUALITIES
from generation.instrument import Instrument
from models.conditions import conditioned
from models.generator import Generator
from models.layers import enlarged
from models.networks import build_networks
from models.noise import Purpose, normal_rows
from utils.config import MIDI_MAX, ExperimentConfig
from utils.device import require_memory
from utils.errors import ConfigError

MOST_REPETITIONS = 1000
_FLOAT = 4
_TEST_HZ = 261.6  # C4
_PARTIALS = 10

T = TypeVar("T")


@dataclass(frozen=True)
class Spread:
    """Seconds that a batch takes: median and quartiles of `repetitions` runs."""

    median: float
    lower: float
    upper: float
    repetitions: int


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One generator and its representation at one batch size; without times if there is not enough memory."""

    device: torch.device
    batch: int
    needed_bytes: int  # estimate
    generation: Spread | None
    inversion: Spread | None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A generator with its representation, on the CPU; `checkpoint` is None for random weights."""

    name: str
    transform_name: str
    transform: AudioTransform
    generator: Generator
    n_values: tuple[int, ...]
    scale: int
    alpha: float
    checkpoint: Path | None

    @classmethod
    def from_experiment(cls, experiment: ExperimentConfig) -> Self:
        """The generator of `experiment` at its last scale, with random weights, which do not change its time.

        Raises: ConfigError if only the notes tell an attribute's number of values.
        """
        transform = build_transform(experiment.transform)
        networks = build_networks(
            experiment.model, transform.shape, _n_values(experiment), seed=0, device=torch.device("cpu")
        )
        return cls(
            name=experiment.name,
            transform_name=experiment.transform.transform,
            transform=transform,
            generator=networks.ema,
            n_values=networks.n_values,
            scale=len(networks.sizes) - 1,
            alpha=0.0,
            checkpoint=None,
        )

    @classmethod
    def from_run(cls, run_folder: Path) -> Self:
        """The generator of the run's newest checkpoint, at the scale it has reached. Raises: CheckpointError."""
        instrument = Instrument.from_run(run_folder, scale=None, iteration=None, device=torch.device("cpu"))
        return cls(
            name=instrument.run_name,
            transform_name=instrument.experiment.transform.transform,
            transform=instrument.transform,
            generator=instrument.networks.ema,
            n_values=instrument.networks.n_values,
            scale=instrument.scale,
            alpha=instrument.alpha,
            checkpoint=instrument.checkpoint,
        )

    @property
    def seconds_of_sound(self) -> float:
        """Length of one note."""
        return self.transform.n_samples / self.transform.sample_rate


def time_notes(subject: Subject, *, batch: int, device: torch.device, seconds: float) -> Timing:
    """Time whole batches through generator and inverse, each for `seconds` and once at least, after a run to warm up.

    The inverse gets images of the generator if it is trained; otherwise those of a tone, since random images may take
    another time. A batch is computed at once, unlike in `generation.synthesis.synthesise`, which makes note by note.
    Source: Nistal et al. 2020, Comparing Representations for Audio Synthesis Using GANs, whose tables
    have sampling and inversion times.
    """
    needed = estimate_memory(subject, batch)
    generation, inversion = _measure(subject, batch, device, seconds) if _fits(needed, device) else (None, None)
    return Timing(batch=batch, device=device, needed_bytes=needed, generation=generation, inversion=inversion)


def timed(function: Callable[[], T], device: torch.device) -> tuple[T, float]:
    """(result of `function`, seconds until the device has finished it)."""
    _wait_for(device)
    start = time.perf_counter()
    result = function()
    _wait_for(device)
    return result, time.perf_counter() - start


def estimate_memory(subject: Subject, batch: int) -> int:
    """Peak memory of generating `batch` images at once, in bytes, with weights."""
    generator, channels = subject.generator, subject.transform.shape[0]
    depths = [layer.get_parameter("weight").numel() // channels for layer in generator.to_image]
    sizes = [height * width for height, width in generator.sizes]
    # the peak: a map enlarged to its new size, the convolution's result, and its activations (measured)
    per_note = max(sizes[level] * (depths[max(0, level - 1)] + 4 * depths[level]) for level in range(subject.scale + 1))
    weights = sum(parameter.numel() for parameter in generator.parameters())
    return _FLOAT * (weights + batch * per_note)


@torch.inference_mode()
def _measure(subject: Subject, batch: int, device: torch.device, seconds: float) -> tuple[Spread, Spread]:
    generator, transform = subject.generator.to(device), subject.transform.to(device)
    latent = normal_rows(0, Purpose.GENERATION_LATENT, 0, batch, generator.latent_dim)
    labels = torch.zeros(batch, len(subject.n_values), dtype=torch.int64)
    condition = conditioned(latent.to(device), labels.to(device), subject.n_values)
    height, width = transform.shape[1:]

    def generate() -> Tensor:
        return enlarged(generator(condition, subject.scale, subject.alpha), (height, width), smooth=generator.smooth)

    try:
        generation = _repeat(generate, device, seconds)
        image = generate() if subject.checkpoint else transform(_tones(batch, transform).to(device))
        return generation, _repeat(lambda: transform.inverse(image), device, seconds)
    finally:
        generator.cpu()
        transform.cpu()


def _repeat(function: Callable[[], T], device: torch.device, seconds: float) -> Spread:
    timed(function, device)  # the first run allocates memory and plans
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or (time.perf_counter() < end and len(times) < MOST_REPETITIONS):
        times.append(timed(function, device)[1])
    lower, median, upper = np.quantile(times, (0.25, 0.5, 0.75)).tolist()
    return Spread(median, lower, upper, len(times))


def _tones(batch: int, transform: AudioTransform) -> Tensor:
    """A decaying tone (batch, n_samples) with the harmonics below half the sample rate."""
    seconds = torch.arange(transform.n_samples) / transform.sample_rate
    partials = [k for k in range(1, _PARTIALS + 1) if k * _TEST_HZ < transform.sample_rate / 2]
    wave = torch.stack([torch.sin(2 * torch.pi * k * _TEST_HZ * seconds) / k for k in partials]).sum(0)
    return (0.3 * wave * torch.exp(-3 * seconds)).repeat(batch, 1)


def _n_values(experiment: ExperimentConfig) -> tuple[int, ...]:
    """How many values each conditioning attribute has by the config."""
    sizes = []
    for name in expand_attributes(experiment.attributes):
        if name == "pitch":
            low, high = experiment.loader.pitch_range or (0, MIDI_MAX)
            sizes.append(high - low + 1)
        elif name in QUALITIES:
            sizes.append(2)
        else:
            raise ConfigError(
                f"{experiment.name}: only its notes tell how many values {name} has; train it, and time the trained run"
            )
    return tuple(sizes)


def _fits(needed: int, device: torch.device) -> bool:
    if device.type == "cuda":
        return needed <= torch.cuda.mem_get_info(device)[0]
    try:
        require_memory(needed)
    except ConfigError:
        return False
    return True


def _wait_for(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
