"""Which notes are drawn in training, as a function of one counter that resuming continues; and even choices."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt


def note_indices(start: int, count: int, n_notes: int, seed: int) -> npt.NDArray[np.int64]:
    """Indices (count,) in [0, n_notes) of the notes drawn at places start ... start + count - 1 of an endless stream.

    Epoch after epoch, the stream visits every note once, in a permutation made of (seed, epoch) alone. It does
    not depend on how it is cut into batches.
    Raises: ValueError if a number is negative, or there are no notes.
    """
    if min(start, count, seed) < 0 or n_notes < 1:
        raise ValueError(f"start={start}, count={count}, seed={seed} must be >= 0 and n_notes={n_notes} >= 1")
    pieces = [np.empty(0, dtype=np.int64)]
    place, end = start, start + count
    while place < end:
        epoch, offset = divmod(place, n_notes)
        piece = _permutation(seed, epoch, n_notes)[offset : offset + end - place]
        pieces.append(piece)
        place += len(piece)
    return np.concatenate(pieces)


def evenly_spaced(n_items: int, count: int) -> list[int]:
    """`count` of 0 ... n_items - 1, ascending and evenly from 0 on; some come again if `count` is the larger number.

    >>> evenly_spaced(9, 3), evenly_spaced(2, 4)
    ([0, 3, 6], [0, 0, 1, 1])
    """
    return [k * n_items // count for k in range(count)]


def evenly_spaced_to_last(n_items: int, most: int) -> list[int]:
    """At most `most` of 0 ... n_items - 1, ascending and evenly, the first and the last among them.

    >>> evenly_spaced_to_last(9, 3), evenly_spaced_to_last(2, 4)
    ([0, 4, 8], [0, 1])
    """
    return sorted({round(place) for place in np.linspace(0, n_items - 1, min(n_items, most))})


@lru_cache(maxsize=2)  # a batch may lie in two epochs; permuting 300 000 notes anew at each step would cost 3 ms
def _permutation(seed: int, epoch: int, n_notes: int) -> npt.NDArray[np.int64]:
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,)))
    return generator.permutation(n_notes).astype(np.int64)
