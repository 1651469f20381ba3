"""Whether notes sound at the pitch that was asked for, by the fundamental that is heard in them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.metrics.samples import require_samples
from utils.arrays import Float64Array

TOLERANCE_CENTS = 50
LEAST_VOICED = 0.5  # share of frames


class Tuning(NamedTuple):
    """Of n notes, all (n,): the first two are true or false."""

    in_tune: npt.NDArray[np.bool_]
    in_tune_but_for_octaves: npt.NDArray[np.bool_]
    cents: Float64Array
    """Above the pitch that was asked for; NaN without a voiced frame."""
    voiced: Float64Array
    """Share of the frames that are voiced."""


def tuning(f0: npt.ArrayLike, asked: npt.ArrayLike) -> Tuning:
    """The tuning of notes with fundamentals `f0` (n, frames) in Hz, 0 where unvoiced, and MIDI pitches `asked` (n,).

    A note's pitch is the median over its voiced frames. It is in tune within 50 cents of the pitch that was asked for,
    if more than half of the frames are voiced. Raises: ValueError if `f0` is empty, not 2-D, not finite or negative, or
    `asked` is not (n,).
    >>> tuning([[440.0, 441.0, 440.0]], [69]).in_tune
    array([ True])
    """
    f0, asked = require_samples(f0, "f0"), np.asarray(asked)
    if f0.min() < 0:
        raise ValueError("f0 must be frequencies in Hz, 0 where unvoiced, not negative")
    if asked.shape != (len(f0),):
        raise ValueError(f"asked must be {len(f0)} MIDI pitches, got shape {asked.shape}")
    voiced = (f0 > 0).mean(axis=1)
    heard = np.array([np.median(track[track > 0]) if track.any() else np.nan for track in f0])
    cents = 100 * (69 + 12 * np.log2(heard / 440) - asked)
    folded = (cents + 600) % 1200 - 600
    steady = voiced > LEAST_VOICED
    return Tuning(
        in_tune=steady & (np.abs(cents) <= TOLERANCE_CENTS),
        in_tune_but_for_octaves=steady & (np.abs(folded) <= TOLERANCE_CENTS),
        cents=cents,
        voiced=voiced,
    )
