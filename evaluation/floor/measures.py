"""The floor of a representation: what is lost on the way from a real note to its image and back."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from audio_transforms import AudioTransform, build_transform
from data.attributes import AttributeTable
from data.note_cache import open_note_cache
from data.note_dataset import NoteDataset
from data.note_folder import family_of
from data.note_records import NoteRecord
from data.sampling import evenly_spaced
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
from utils.config import ExperimentConfig, TransformConfig
from utils.errors import DataError, UserError

BATCH = 32


@dataclass(frozen=True)
class AudioFormat:
    """What a representation asks of its notes; those with the same share the originals."""

    sample_rate: int  # Hz
    n_samples: int
    fade_out: bool

    @classmethod
    def of(cls, config: TransformConfig) -> Self:
        """The format that `config` takes."""
        return cls(config.sample_rate, config.n_samples, config.fade_out)

    @property
    def name(self) -> str:
        """The format in a few letters, fit for a folder."""
        return f"{self.sample_rate}hz_{self.n_samples}" + ("_faded" if self.fade_out else "")


@dataclass(frozen=True)
class NoteFloor:
    """One note there and back. Units and meaning: `evaluation.floor.signal_distances`."""

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
        """What it takes."""
        return AudioFormat.of(self.experiment.transform)


class FloorNotes:
    """The same notes in every format that is asked for; one that is silent or broken in any is left out of all."""

    def __init__(self, datasets: Mapping[AudioFormat, NoteDataset]) -> None:
        """`datasets` hold notes of the same names, as far as they could be read."""
        self.datasets = datasets
        caches = [dataset.cache for dataset in datasets.values()]
        broken = {note.name for cache in caches for note in cache.card.broken}
        self._rows = {
            audio_format: {record.name: row for row, record in enumerate(dataset.cache.records)}
            for audio_format, dataset in datasets.items()
        }
        readable = [record for record in caches[0].records if record.name not in broken]
        silent = {record.name for record in readable if self._is_silent(record)}
        self.records = [record for record in readable if record.name not in silent]
        self.broken, self.silent = sorted(broken), sorted(silent)

    def waves(self, audio_format: AudioFormat, records: Sequence[NoteRecord]) -> Tensor:
        """Waves (B, n_samples) float32 of the notes, on the CPU."""
        rows = self._rows[audio_format]
        return self.datasets[audio_format].batch([rows[record.name] for record in records])[0]

    def _is_silent(self, record: NoteRecord) -> bool:
        return not all(self.waves(audio_format, [record]).any() for audio_format in self.datasets)


@contextmanager
def decoded_notes(
    records: Sequence[NoteRecord], formats: Sequence[AudioFormat], *, skip_broken: bool
) -> Iterator[FloorNotes]:
    """Decode the notes as training does, into a temporary folder, once for each length and rate of the `formats`.

    Raises: DataError listing the notes that cannot be read, unless `skip_broken`, or if no note is left.
    """
    nothing = AttributeTable({})
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        caches = {
            (sample_rate, n_samples): open_note_cache(
                records, Path(folder), sample_rate=sample_rate, n_samples=n_samples, skip_broken=skip_broken
            )
            for sample_rate, n_samples in dict.fromkeys((wanted.sample_rate, wanted.n_samples) for wanted in formats)
        }
        datasets = {}
        for wanted in formats:
            cache = caches[wanted.sample_rate, wanted.n_samples]
            datasets[wanted] = NoteDataset(cache, nothing.encode(cache.records), fade_out=wanted.fade_out)
        notes = FloorNotes(datasets)
        if not notes.records:
            raise DataError(
                f"no note to measure: {len(notes.silent)} of {len(records)} are silent, {len(notes.broken)} broken; "
                "give others"
            )
        yield notes


Scorer = Callable[[AudioFormat, Tensor], list[Score]]
"""(format, restored waves (n, n_samples) of all notes, in their order) -> their scores."""


def measure_floor(
    experiment: ExperimentConfig,
    notes: FloorNotes,
    *,
    device: torch.device,
    listened: Sequence[str],
    scorer: Scorer | None = None,
) -> Floor:
    """Send all notes through the representation of `experiment`, batch by batch; keep the sound of those `listened` to.

    The affine `scaling` is left out: it is undone exactly. With a `scorer` the restored waves are held until it has
    heard them, 4 bytes a sample. Raises: UserError if a note does not come back finite.
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
                there_and_back(transform, original.to(device))  # the first time, memory and plans are still being made
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
    """At most BATCH notes each and as even as can be, so that the time per note of each means the same."""
    n_batches = -(-len(records) // BATCH)
    edges = [*evenly_spaced(len(records), n_batches), len(records)]
    return (records[start:end] for start, end in pairwise(edges))


def _require_finite(experiment: ExperimentConfig, batch: Sequence[NoteRecord], restored: Tensor) -> None:
    for record, wave in zip(batch, restored, strict=True):
        if not wave.isfinite().all():
            raise UserError(
                f"{experiment.name}: {record.path} does not come back finite from {experiment.transform.transform}; "
                "mend the representation"
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


# What many notes say together

WORSE_WHEN_HIGH = {
    "snr_db": False,
    "log_spectral_distance_db": True,
    "spectral_convergence_db": True,
    "pitch_error_cents": True,
}
"""The measures of a note, and whether a high value is a bad one."""


def summarise(notes: Sequence[NoteFloor]) -> dict[str, Any]:
    """Per measure the median and the value that the worst tenth of the notes begins at, as JSON values.

    The error of the pitch is that of the notes whose pitch is there before and after; the others are counted.
    """
    summary: dict[str, Any] = {"notes": len(notes)}
    for measure, high_is_worse in WORSE_WHEN_HIGH.items():
        values = [value for note in notes if (value := getattr(note, measure)) is not None]
        middle, worst = np.quantile(values, (0.5, 0.9 if high_is_worse else 0.1)).tolist() if values else (None, None)
        summary[measure] = {"median": middle, "worst_tenth": worst}
    compared = sum(note.pitch_error_cents is not None for note in notes)
    lost = sum(note.pitched for note in notes) - compared
    summary["pitch_error_cents"] |= {"notes": compared, "pitch_lost": lost}
    return summary


def by_family(notes: Sequence[NoteFloor]) -> dict[str, list[NoteFloor]]:
    """The notes of each family, families by name."""
    return {family: [note for note in notes if note.family == family] for family in sorted({n.family for n in notes})}
