"""Phases of a spectrogram from its magnitudes alone, by integrating the phase's gradient.

Source: Průša, Balazs and Søndergaard 2017, "A Noniterative Method for Reconstruction of Phase From STFT Magnitude"
(PGHI). The slopes, the constant of the Hann window and the trapezoidal rule are theirs. They integrate from the
strongest bin with a heap; this code follows a maximum spanning tree, which compiled code finds several times as fast
as Python could run a heap, and mirrors the magnitudes at the edges, as for reflected signals.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from utils.arrays import Float64Array

_HANN = 0.25645  # their constant: the Gaussian exp(-pi t^2 / gamma) nearest to a Hann window has gamma = 0.25645 L^2
_FLOOR = 1e-6  # of the peak; smaller magnitudes are mostly float32's rounding


def integrate_phase(
    magnitude: Float64Array, *, n_fft: int, win_length: int, hop_length: int, lowest_bin: int = 0
) -> Float64Array:
    """Phases in radians, (-pi, pi], of the STFT by a Hann window whose magnitudes are (bins, frames), >= 0.

    `lowest_bin` is the index in the full transform of the first row. Phases are counted from the first sample of each
    frame, and are known up to one constant: the strongest bin has phase 0.
    """
    peak = magnitude.max()
    level = np.log(np.maximum(magnitude / peak, _FLOOR)) if peak > 0 else np.zeros_like(magnitude)
    along_frequency, along_time = phase_steps(
        level, n_fft=n_fft, win_length=win_length, hop_length=hop_length, lowest_bin=lowest_bin
    )
    phase = sum_along_tree(level, along_frequency, along_time)
    return np.pi - np.mod(np.pi - phase, 2 * np.pi)


def phase_steps(
    level: Float64Array, *, n_fft: int, win_length: int, hop_length: int, lowest_bin: int = 0
) -> tuple[Float64Array, Float64Array]:
    """Phase from each bin to the next, (bins - 1, frames), and from each frame to the next, (bins, frames - 1).

    `level` is the log-magnitude, (bins, frames). In radians, not wrapped to one turn.
    """
    gamma = _HANN * win_length**2
    bins = lowest_bin + np.arange(len(level))[:, None]
    advance = 2 * np.pi * hop_length * bins / n_fft + hop_length * n_fft / gamma * _slope(level, axis=0)
    # the window's centre lies half a frame after the sample that phases are counted from: half a turn per bin
    delay = -np.pi - gamma / (hop_length * n_fft) * _slope(level, axis=1)
    return (delay[1:] + delay[:-1]) / 2, (advance[:, 1:] + advance[:, :-1]) / 2


def sum_along_tree(level: Float64Array, along_frequency: Float64Array, along_time: Float64Array) -> Float64Array:
    """Steps between neighbours summed from the strongest bin, where it is 0: (bins, frames).

    Of all paths to a bin the sum takes that through the strongest bins: the maximum spanning tree of `level`.
    """
    frames = level.shape[1]
    root = int(level.argmax())
    node = np.arange(level.size)
    parent = _parents(level, root)
    first = np.minimum(node, parent)
    upward = np.pad(along_frequency, ((0, 1), (0, 0))).ravel()[first]
    onward = np.pad(along_time, ((0, 0), (0, 1))).ravel()[first]
    total: Float64Array = np.sign(node - parent) * np.where(node // frames == parent // frames, onward, upward)
    while (parent != root).any():  # each round doubles the length of the path that is summed
        total += total[parent]
        parent = parent[parent]
    return total.reshape(level.shape)


def _parents(level: Float64Array, root: int) -> NDArray[np.intp]:
    """The neighbour of each bin, counted along the rows, on the tree's path to `root`; for `root`, itself."""
    node = np.arange(level.size, dtype=np.int32).reshape(level.shape)  # older releases' csgraph takes int32 alone
    one = np.concatenate((node[:-1].ravel(), node[:, :-1].ravel()))
    other = np.concatenate((node[1:].ravel(), node[:, 1:].ravel()))
    flat = level.ravel()
    cost = 2 * flat[root] + 1 - flat[one] - flat[other]  # at least 1, since 0 would mean no edge
    tree = minimum_spanning_tree(csr_array((cost, (one, other)), shape=(level.size, level.size)))
    parent: NDArray[Any] = breadth_first_order(tree, root, directed=False)[1]
    parent[root] = root
    return parent.astype(np.intp)


def _slope(level: Float64Array, axis: int) -> Float64Array:
    """Central differences per step, mirrored at both ends."""
    margin = [(1, 1) if axis == each else (0, 0) for each in range(2)]
    padded = np.moveaxis(np.pad(level, margin, mode="reflect"), axis, 0)
    return np.moveaxis(padded[2:] - padded[:-2], 0, axis) / 2
