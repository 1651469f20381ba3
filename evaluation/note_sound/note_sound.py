"""The sound of single notes in seven numbers each, for notes whose pitch is known and for others."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evaluation.note_sound.envelope import attack_seconds, loudness_lufs, onset_level, roughness_db
from evaluation.note_sound.harmonicity import harmonic_to_noise_db, heard_pitch
from evaluation.note_sound.held_part import is_held, require_waves
from evaluation.note_sound.wobble import wobble_of_fundamental
from utils.arrays import Float32Array, Float64Array

PITCHES = range(24, 97)
"""MIDI pitches at which notes of 16 kHz are measured."""

_EDITION = 1  # of the measures: a change of what they give is a new one


class NoteSound(NamedTuple):
    """Of n notes, all (n,). The functions that measure them say how, and where they are NaN."""

    harmonic_to_noise_db: Float64Array
    roughness_db: Float64Array
    wobble_cents: Float64Array
    wobble_db: Float64Array
    attack_seconds: Float64Array
    onset_level: Float64Array
    loudness_lufs: Float64Array


def note_sound(waves: npt.ArrayLike, sample_rate: int, pitches: npt.ArrayLike | None = None) -> NoteSound:
    """The sound of waves (n, n_samples) of 0.6 s or more, at MIDI `pitches` (n,); None: at those that are heard.

    Raises: ValueError if the waves are not 2-D, not finite or too short, if there is not one pitch for each, or if one
    is too high for the sample rate.
    """
    waves = require_waves(waves, sample_rate)
    asked = None if pitches is None else np.asarray(pitches, dtype=np.float64)
    if asked is not None and asked.shape != (len(waves),):
        raise ValueError(f"pitches must be {len(waves)} MIDI pitches, got shape {asked.shape}")
    candidates = np.array(PITCHES, dtype=np.float64) if asked is None else np.unique(asked)
    of_pitch = measures_of_pitch(waves, sample_rate, candidates)
    columns = heard_pitch(of_pitch[:, :, 0]) if asked is None else np.searchsorted(candidates, asked)
    chosen = of_pitch[np.arange(len(waves)), columns]
    return NoteSound(*chosen.T, *measures_of_note(waves, sample_rate).T)


def measures_of_pitch(waves: npt.ArrayLike, sample_rate: int, pitches: npt.ArrayLike) -> Float64Array:
    """The first four of `NoteSound` at each of MIDI `pitches` (p,): (n, p, 4)."""
    wobble = wobble_of_fundamental(waves, sample_rate, pitches)
    ratio = harmonic_to_noise_db(waves, sample_rate, pitches)
    return np.stack([ratio, roughness_db(waves, sample_rate, pitches), wobble.cents, wobble.level_db], axis=2)


def measures_of_note(waves: npt.ArrayLike, sample_rate: int) -> Float64Array:
    """The last three of `NoteSound`, which depend on no pitch: (n, 3)."""
    attack, onset = attack_seconds(waves, sample_rate), onset_level(waves, sample_rate)
    return np.stack([attack, onset, loudness_lufs(waves, sample_rate)], axis=1)


class NoteSoundEmbedding:
    """What is measured in the first second of notes at 16 kHz, at any pitch that they may have.

    `of_pitch` (B, 73, 4) at MIDI 24 to 96 and `of_note` (B, 3) are the measures of `NoteSound` in its order;
    `measured` (B, 2) is 1 where the note is held, and where it is loud enough to have a loudness. Where it is 0, the
    measures that do not exist are 0 too: features are finite. A note takes about 30 ms.
    """

    name = "note-sound"
    sample_rate = 16_000
    n_samples = 16_000

    def __init__(self) -> None:
        libraries = {name: version(name) for name in ("numpy", "pyloudnorm", "scipy")}
        self.identity: dict[str, Any] = {"measures": "note_sound", "edition": _EDITION, **libraries}

    def embed(self, waves: Tensor) -> dict[str, Tensor]:
        """Waves (B, 16 000) -> the arrays above."""
        notes = waves.numpy().astype(np.float64)
        of_pitch = measures_of_pitch(notes, self.sample_rate, PITCHES)
        of_note = measures_of_note(notes, self.sample_rate)
        measured = np.stack([is_held(notes, self.sample_rate), np.isfinite(of_note[:, -1])], axis=1)
        arrays = {"of_pitch": np.nan_to_num(of_pitch), "of_note": np.nan_to_num(of_note), "measured": measured}
        return {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}


def sound_of_features(arrays: Mapping[str, Float32Array], pitches: npt.NDArray[np.integer]) -> NoteSound:
    """The sound of n notes from what `NoteSoundEmbedding` gives, at MIDI `pitches` (n,).

    Notes whose pitch is outside 24 to 96 (or unknown, as -1) have the one that is heard.
    """
    of_pitch = arrays["of_pitch"].astype(np.float64)
    known = np.isin(pitches, PITCHES)
    columns = np.where(known, pitches - PITCHES[0], heard_pitch(of_pitch[:, :, 0]))
    chosen = np.concatenate([of_pitch[np.arange(len(columns)), columns], arrays["of_note"]], axis=1, dtype=np.float64)
    held, loud = arrays["measured"].T > 0
    chosen[~held] = np.nan
    chosen[~loud, -1] = np.nan
    return NoteSound(*chosen.T)
