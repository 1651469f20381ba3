"""The floor of a representation: what is lost on the way from a real note to its image and back."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from audio_transforms import AudioTransform, build_transform
from data.note_folder import family_of
from data.note_records import NoteRecord
from data.sampling import evenly_spaced
from evaluation.floor.notes import AudioFormat, FloorNotes
from evaluation.floor.signal_distances import (
    PitchError,
    log_spectral_distance_db,
    pitch_error,
    snr_db,
    spectral_convergence_db,
)
from evaluation.scoring.scores import Score
from evaluation.timing.measures import timed
from generation.synthesis import Wave
from utils.cli import show_progress
from utils.config import ExperimentConfig
from utils.errors import UserError

BATCH = 32


@dataclass(frozen=True)
class NoteFloor:
    """What one note loses. Units and meaning: `evaluation.floor.signal_distances`."""

    name: str
    family: str
    snr_db: float
    log_spectral_distance_db: float
    spectral_convergence_db: float
    pitched: bool
    pitch_error_cents: float | None


@dataclass(frozen=True, kw_only=True)
class Floor:
    """One representation on all notes; times are medians over batches, in milliseconds per note."""

    experiment: ExperimentConfig
    transform: AudioTransform
    notes: list[NoteFloor]
    forward_ms: float
    inverse_ms: float
    sounds: dict[str, tuple[Wave, Wave]]  # note -> (original, restored)
    scores: Sequence[Score] = field(default=())

    @property
    def format(self) -> AudioFormat:
        """The format of its notes."""
        return AudioFormat.of(self.experiment.transform)


Scorer = Callable[[AudioFormat, Tensor], list[Score]]
"""(format, restored waves (n, n_samples) of all notes in their order) -> their scores."""


def measure_floor(
    experiment: ExperimentConfig,
    notes: FloorNotes,
    *,
    device: torch.device,
    listened: Sequence[str],
    scorer: Scorer | None = None,
) -> Floor:
    """Turn all notes into the representation of `experiment` and back, in batches; keep the sound of `listened` notes.

    The affine `scaling` is left out: it is undone exactly. A `scorer` needs all restored waves in memory, 4 bytes a
    sample. Raises: UserError if a restored note is not finite.
    """
    transform = build_transform(experiment.transform).to(device)
    audio_format = AudioFormat.of(experiment.transform)
    measured: list[NoteFloor] = []
    times: list[tuple[float, float]] = []
    sounds: dict[str, tuple[Wave, Wave]] = {}
    all_restored: list[Tensor] = []
    bar = tqdm(total=len(notes.records), desc=experiment.name, unit="note", disable=not show_progress(), leave=False)
    with bar:
        for batch in _even_batches(notes.records):
            original = notes.waves(audio_format, batch)
            if not times:
                there_and_back(transform, original.to(device))  # the first run allocates memory and plans
            restored, *seconds = there_and_back(transform, original.to(device))
            _require_finite(experiment, batch, restored)
            times.append((seconds[0] / len(batch), seconds[1] / len(batch)))
            measured += _compare(batch, original, restored, audio_format.sample_rate)
            pairs = zip(batch, original.numpy(), restored.numpy(), strict=True)
            sounds |= {note.name: (old.copy(), new.copy()) for note, old, new in pairs if note.name in listened}
            all_restored += [restored] if scorer else []
            bar.update(len(batch))
    forward, inverse = (1000 * float(np.median(column)) for column in zip(*times, strict=True))
    return Floor(
        experiment=experiment,
        transform=transform,
        notes=measured,
        forward_ms=forward,
        inverse_ms=inverse,
        sounds=sounds,
        scores=scorer(audio_format, torch.cat(all_restored)) if scorer else (),
    )


@torch.inference_mode()
def there_and_back(transform: AudioTransform, wave: Tensor) -> tuple[Tensor, float, float]:
    """Waves (B, n_samples) -> (restored waves on the CPU, seconds of the forward, seconds of the inverse)."""
    image, forward = timed(lambda: transform(wave), wave.device)
    restored, inverse = timed(lambda: transform.inverse(image), wave.device)
    return restored.cpu(), forward, inverse


def _even_batches(records: Sequence[NoteRecord]) -> Iterator[Sequence[NoteRecord]]:
    """At most BATCH notes each, of nearly equal sizes, so that times per note are comparable."""
    n_batches = -(-len(records) // BATCH)
    edges = [*evenly_spaced(len(records), n_batches), len(records)]
    return (records[start:end] for start, end in pairwise(edges))


def _require_finite(experiment: ExperimentConfig, batch: Sequence[NoteRecord], restored: Tensor) -> None:
    for record, wave in zip(batch, restored, strict=True):
        if not wave.isfinite().all():
            raise UserError(
                f"{experiment.name}: {record.path} is not finite after {experiment.transform.transform} and back; "
                "correct the representation"
            )


def _compare(batch: Sequence[NoteRecord], original: Tensor, restored: Tensor, sample_rate: int) -> Iterator[NoteFloor]:
    distances = zip(
        snr_db(original, restored).tolist(),
        log_spectral_distance_db(original, restored).tolist(),
        spectral_convergence_db(original, restored).tolist(),
        strict=True,
    )
    waves = zip(original.numpy(), restored.numpy(), strict=True)
    for record, (snr, distance, convergence), (before, after) in zip(batch, distances, waves, strict=True):
        pitch = PitchError(pitched=False, cents=None)
        if "pitch" in record.attributes:
            pitch = pitch_error(before, after, int(record.attributes["pitch"]), sample_rate)
        yield NoteFloor(record.name, family_of(record), snr, distance, convergence, pitch.pitched, pitch.cents)
