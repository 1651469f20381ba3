"""The part of a note in which it is held, and what all measures of it share."""

import numpy as np
import numpy.typing as npt

from utils.arrays import Float64Array

HELD_SECONDS = (0.2, 0.6)
"""Behind the attack, before the end: notes of one second fade out from 0.7 s on."""
LEAST_HELD_DB = -60.0
"""A held part below this, against the loudest moment of the note, is silence: nothing is measured in it."""
HOP_SECONDS = 0.005


def require_waves(waves: npt.ArrayLike, sample_rate: int) -> Float64Array:
    """`waves` (n, n_samples) in float64. Raises: ValueError if not 2-D, not finite, or shorter than 0.6 s."""
    array = np.asarray(waves, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] < HELD_SECONDS[1] * sample_rate:
        raise ValueError(f"waves must have shape (n, {HELD_SECONDS[1]:g} s or more), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("waves must be finite")
    return array


def held_slice(sample_rate: int) -> slice:
    """The samples of the held part."""
    start, stop = (round(seconds * sample_rate) for seconds in HELD_SECONDS)
    return slice(start, stop)


def held_frames(sample_rate: int) -> npt.NDArray[np.intp]:
    """The samples (frames,) on which frames of the held part are centred, one every 5 ms."""
    held = held_slice(sample_rate)
    return np.arange(held.start, held.stop, round(HOP_SECONDS * sample_rate))


def is_held(waves: Float64Array, sample_rate: int) -> npt.NDArray[np.bool_]:
    """Whether the held part of waves (n, n_samples) sounds: (n,); its level is then above -60 dB of the peak."""
    level = np.sqrt(np.square(waves[:, held_slice(sample_rate)]).mean(axis=1))
    held: npt.NDArray[np.bool_] = level > np.abs(waves).max(axis=1) * 10 ** (LEAST_HELD_DB / 20)
    return held


def hann(length: float, half: int) -> Float64Array:
    """Hann window of `length` samples, which need not be whole, in the middle of 2 `half` + 1; its sum is 1.

    Over `length` = q periods of a sound with whole q >= 2, its mean is free of ripple at every harmonic.
    """
    offsets = np.arange(-half, half + 1)
    window = np.where(np.abs(offsets) < length / 2, np.cos(np.pi * offsets / length) ** 2, 0)
    return np.asarray(window / window.sum())


def around_trend(values: Float64Array, degree: int, weights: Float64Array | None = None) -> Float64Array:
    """Deviation (...,) of `values` (..., frames) from the polynomial over time that fits them best, as a RMS.

    `weights` (..., frames) are those of the squares, both in the fit and in the mean.
    """
    time = np.linspace(-1, 1, values.shape[-1])
    basis = np.stack([time**power for power in range(degree + 1)], axis=-1)
    weights = np.ones_like(values) if weights is None else weights
    weights = weights / weights.sum(axis=-1, keepdims=True)
    gram = np.einsum("...f,fi,fj->...ij", weights, basis, basis)
    moments = np.einsum("...f,fi,...f->...i", weights, basis, values)
    coefficients = np.einsum("...ij,...j->...i", np.linalg.pinv(gram, hermitian=True), moments)
    rest = values - coefficients @ basis.T
    return np.asarray(np.sqrt((weights * rest**2).sum(axis=-1)))
