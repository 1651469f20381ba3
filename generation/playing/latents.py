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
from generation.playing.settings import LatentMotion
from utils.errors import UserError

STEPS = 1000  # from one seed's latent to the next one's
_PATHS = {"linear": latent_paths.linear, "spherical": latent_paths.spherical}


class Timbre(NamedTuple):
    """The latent at step `step` of `STEPS` from that of seed `start` to that of seed `end`, and the attributes.

    Those of `fixed` are given, the others are drawn by `label_seed`.
    """

    start: int
    end: int
    step: int
    label_seed: int
    fixed: tuple[tuple[str, Value], ...]


class Motion:
    """Which latent a note has by its onset: the notes of one onset and voice have the same.

    `hold`: that of the first seed. `linear`, `spherical`: as far on the way through the latents of the seeds, to the
    thousandth between two, as the onset is between the first and the last onset of the piece; all other attributes are
    those of the first seed. `bar`: bar k has seed + k, or of several seeds each in turn.
    """

    def __init__(self, motion: LatentMotion, bars: Sequence[float], first: float, last: float) -> None:
        self._motion, self._bars, self._first, self._span = motion, bars, first, last - first

    def timbre(self, onset: float, seeds: Sequence[int], fixed: tuple[tuple[str, Value], ...]) -> Timbre:
        """Of a note at `onset` s of a voice with `seeds`."""
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


def require_seeds(motion: LatentMotion, seeds: Sequence[int]) -> None:
    """Raise UserError unless as many seeds are given as the motion takes."""
    if motion == "hold" and len(seeds) > 1:
        raise UserError("--seeds: --latent hold takes one; add --latent linear, spherical or bar")
    if motion in _PATHS and len(seeds) < 2:
        raise UserError(f"--latent {motion}: goes from seed to seed; give two or more by --seeds")


class Latents:
    """What the generator gets for each timbre and pitch."""

    def __init__(self, instrument: Instrument, motion: LatentMotion, truncation: float | None) -> None:
        self._instrument, self._truncation = instrument, truncation
        self._path = lru_cache(maxsize=8)(self._whole_path)
        self._segment = _PATHS.get(motion)

    def condition(self, timbre: Timbre, pitch: int) -> Tensor:
        """Latent and labels (1, L + C)."""
        labels = self._instrument.labels(timbre.label_seed, {**dict(timbre.fixed), "pitch": pitch})
        latent = self._path(timbre.start, timbre.end)[timbre.step]
        return self._instrument.conditions(latent[None], labels)

    def _whole_path(self, start: int, end: int) -> Tensor:
        first, last = (self._instrument.latent(seed, self._truncation)[0] for seed in (start, end))
        if self._segment is None or start == end:
            return first[None]
        return self._segment(first, last, STEPS)


def condition_rows(latents: Latents, sounds: Sequence[tuple[Timbre, int]]) -> Tensor:
    """What the generator gets for several sounds (B, L + C)."""
    return torch.cat([latents.condition(timbre, pitch) for timbre, pitch in sounds])
