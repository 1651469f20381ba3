"""How the latent moves through a piece."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from data.nsynth import Value
from generation import latent_paths
from generation.instrument import Instrument
from generation.latent_controls import LatentControls
from generation.playing.settings import LatentMotion
from generation.synthesis import Wave

STEPS = 1000  # from one seed's latent to the next one's
_PATHS = {"linear": latent_paths.linear, "spherical": latent_paths.spherical}


class Timbre(NamedTuple):
    """The latent at step `step` of `STEPS` between the latents of the seeds `start` and `end`, and the attributes.

    Attributes that are not `fixed` are drawn by `label_seed`.
    """

    start: int
    end: int
    step: int
    label_seed: int
    fixed: tuple[tuple[str, Value], ...]


Sounding = tuple[Timbre, int | None]
"""A timbre at a learned MIDI pitch; None: a drum, which has no pitch and rings out."""


class Motion:
    """Which latent a note has, by its onset. Notes of one voice that begin together have the same latent.

    `hold`: the latent of the first seed. `linear`, `spherical`: the latents of the seeds are joined by lines or arcs of
    1000 steps each, along which the latent moves evenly from the first to the last onset of the piece; the attributes
    that are drawn stay those of the first seed. `bar`: bar k has seed + k, or the seeds in turn if there are several.
    """

    def __init__(self, motion: LatentMotion, bars: Sequence[float], first: float, last: float) -> None:
        self._motion, self._bars, self._first, self._span = motion, bars, first, last - first

    def timbre(self, onset: float, seeds: Sequence[int], fixed: tuple[tuple[str, Value], ...]) -> Timbre:
        """The timbre of a note at `onset` s, of a voice with `seeds` and the `fixed` attributes."""
        if self._motion == "hold":
            return Timbre(seeds[0], seeds[0], 0, seeds[0], fixed)
        if self._motion == "bar":
            bar = max(bisect_right(self._bars, onset) - 1, 0)
            seed = seeds[0] + bar if len(seeds) == 1 else seeds[bar % len(seeds)]
            return Timbre(seed, seed, 0, seed, fixed)
        share = (onset - self._first) / self._span if self._span > 0 else 0.0
        segment, step = divmod(round(share * STEPS * (len(seeds) - 1)), STEPS)
        end = seeds[segment + 1] if step else seeds[segment]
        return Timbre(seeds[segment], end, step, seeds[0], fixed)


class Latents:
    """The notes that an instrument makes of timbres and pitches."""

    def __init__(self, instrument: Instrument, motion: LatentMotion, controls: LatentControls) -> None:
        self._instrument, self._controls = instrument, controls
        self._path = lru_cache(maxsize=8)(self._whole_path)
        self._segment = _PATHS.get(motion)

    def waves(self, sounds: Sequence[Sounding]) -> list[Wave]:
        """A wave (n_samples,) for each of `sounds`. Raises: UserError."""
        return self._instrument.sound(torch.cat([self.condition(timbre, pitch) for timbre, pitch in sounds]))

    def condition(self, timbre: Timbre, pitch: int | None) -> Tensor:
        """The generator's input (1, L + C): the latent, and the one-hots of the attributes."""
        own: dict[str, Value] = {} if pitch is None else {"pitch": pitch}
        labels = self._instrument.labels(timbre.label_seed, {**dict(timbre.fixed), **own})
        latent = self._path(timbre.start, timbre.end)[timbre.step]
        return self._instrument.conditions(latent[None], labels)

    def _whole_path(self, start: int, end: int) -> Tensor:
        first, last = (self._instrument.latent(seed, self._controls)[0] for seed in (start, end))
        if self._segment is None or start == end:
            return first[None]
        return self._segment(first, last, STEPS)
