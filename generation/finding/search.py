"""The search for the note of a run that is nearest to a sound."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from data.nsynth import Value
from generation.finding.candidates import Candidates
from generation.finding.descent import descend
from generation.finding.heard_sound import heard_note, heard_pitch
from generation.finding.likeness import Likeness
from generation.finding.spectral_distance import spectra, spectral_distance
from generation.finding.starts import best_starts, free_labels, open_labels
from generation.instrument import Instrument
from generation.label_offsets import LabelOffsets
from generation.synthesis import Wave
from models.noise import Purpose, normal_rows

_TYPICAL = 16  # random notes whose median level is that of a note of the run


@dataclass(frozen=True)
class SearchSettings:
    """How long is searched: the `seed` of the random latents, how many are followed at first, and the steps."""

    seed: int = 0
    starts: int = 16
    steps: int = 80


DEFAULT = SearchSettings()


@dataclass(frozen=True)
class FoundNote:
    """The note that was found, by its `latent` (latent_dim,), all its `attributes`, and the offsets of their one-hots.

    `wave` (n_samples,) is that note at its own level, and `target` the sound as the run hears it, at the level of the
    run's notes. The sound itself is `gain_db` louder than `wave`.
    """

    latent: npt.NDArray[np.float32]
    attributes: dict[str, Value]
    label_offsets: LabelOffsets | None
    """None: the run has no attributes."""
    wave: Wave
    target: Wave
    distance: float
    """Of `wave` from `target`, see `spectral_distance`."""
    gain_db: float
    compared: str
    """What was compared in the search: see `Likeness.named`."""
    tried: tuple[str, ...]
    """The attributes of which all values were tried, since they were neither given nor heard."""
    remark: str
    """What is to be said of its pitch."""


def find_note(
    instrument: Instrument,
    samples: npt.NDArray[np.floating],
    name: str,
    fixed: Mapping[str, Value],
    settings: SearchSettings = DEFAULT,
) -> FoundNote:
    """The note of `instrument` with the attributes `fixed` that is nearest to `samples` (n,), at the run's rate.

    Without a pitch among them, that of the sound is taken; all values of the other attributes are tried. One-hots get
    offsets, but for those of `fixed` attributes other than the pitch. The same settings give the same note on the CPU.
    Raises: DataError if the sound `name` is silent; UserError.
    """
    note = heard_note(instrument, samples, name)
    free = free_labels(instrument, fixed)
    fixed, remark = dict(fixed), ""
    if "pitch" in instrument.table.values and "pitch" not in fixed:
        pitch = heard_pitch(instrument, note)
        remark = pitch.remark
        if pitch.learned is not None:
            fixed["pitch"] = pitch.learned
    target = note * np.float32(_typical_level(instrument, fixed, settings.seed) / _level(note))
    likeness = Likeness.to(instrument, target)
    starts = best_starts(likeness, fixed, seed=settings.seed, count=settings.starts)
    followed = descend(likeness, starts, free, settings.steps)
    offsets = [_offsets(instrument, followed, row) for row in range(len(followed.latents))]
    waves = [_wave(instrument, followed, row, each) for row, each in enumerate(offsets)]
    distances = [distance_of(wave, target) for wave in waves]
    best = int(np.argmin(distances))
    return FoundNote(
        latent=followed.latents[best].numpy(),
        attributes=instrument.values_of(followed.labels[best]),
        label_offsets=offsets[best],
        wave=waves[best],
        target=target,
        distance=distances[best],
        gain_db=20 * math.log10(_level(note) / max(_level(waves[best]), 1e-12)),
        compared=likeness.named,
        tried=tuple(each for each in instrument.table.values if each not in fixed),
        remark=remark,
    )


def distance_of(wave: Wave, target: Wave) -> float:
    """The `spectral_distance` of one wave (n_samples,) from another."""
    one, other = (spectra(torch.from_numpy(each)[None]) for each in (wave, target))
    return float(spectral_distance(one, other))


def _offsets(instrument: Instrument, found: Candidates, row: int) -> LabelOffsets | None:
    numbers, pitch = found.offsets[row].tolist(), instrument.values_of(found.labels[row]).get("pitch")
    return LabelOffsets(numbers=tuple(numbers), pitch=None if pitch is None else int(pitch)) if numbers else None


def _wave(instrument: Instrument, found: Candidates, row: int, offsets: LabelOffsets | None) -> Wave:
    """As its card gives it again."""
    (wave,) = instrument.sound(instrument.conditions(found.latents[[row]], found.labels[[row]], offsets))
    return wave


def _typical_level(instrument: Instrument, fixed: Mapping[str, Value], seed: int) -> float:
    latents = normal_rows(seed, Purpose.FINDING_LATENT, 0, _TYPICAL, instrument.networks.ema.latent_dim)
    waves = instrument.sound(instrument.conditions(latents, open_labels(instrument, fixed, seed, _TYPICAL)))
    return float(np.median([_level(wave) for wave in waves]))


def _level(wave: Wave) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
