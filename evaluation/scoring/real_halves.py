"""How real notes are divided into the two sides of a baseline: by instrument where metadata name enough of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.metrics.samples import canonical_order
from evaluation.scoring.note_labels import NO_INSTRUMENT
from utils.arrays import FloatArray, Int64Array

LEAST_INSTRUMENTS = 20
BY_INSTRUMENT, BY_NOTE = "by instrument", "by note"


@dataclass(frozen=True)
class Halves:
    """Row numbers of the real notes that stay on the real side, and of those that stand for generated ones."""

    real: Int64Array
    other: Int64Array
    details: dict[str, Any]
    """How they were divided, and how many instruments each side has."""


def halves_of(real: FloatArray, n_fake: int, seed: int, instruments: Int64Array | None = None) -> Halves:
    """Divide real notes (n, ...) of `instruments` (n,), -1 where unknown; None: all unknown.

    The other side has `n_fake` notes, or half of all if that is less. It has instruments of its own if there are as
    many as 20 equally large ones (n^2 / sum n_i^2, n_i notes each): two halves of the notes of one instrument are more
    alike than notes of two instruments. Of the last instrument drawn, the notes that are too many are on neither side.
    The division depends on the notes and the seed, not on the order of the notes.
    """
    rng = np.random.default_rng(seed)
    order = canonical_order(real.reshape(len(real), int(np.prod(real.shape[1:]))).astype(np.float64))
    n_other = min(n_fake, len(order) - len(order) // 2)
    if instruments is None or _equally_large(instruments) < LEAST_INSTRUMENTS:
        rows = rng.permutation(order)
        return Halves(rows[: len(rows) - n_other], rows[len(rows) - n_other :], {"split": BY_NOTE})
    alone = instruments == NO_INSTRUMENT
    owners = np.where(alone, instruments.max() + 1 + np.arange(len(order)), instruments)
    names, first = np.unique(owners[order], return_index=True)
    drawn = rng.permutation(names[np.argsort(first)])
    places = np.empty(int(owners.max()) + 1, dtype=np.int64)
    places[drawn] = np.arange(len(drawn))
    rows = rng.permutation(order)
    rows = rows[np.argsort(places[owners[rows]], kind="stable")]
    other = rows[:n_other]
    rest = rows[n_other:]
    rest = rest[owners[rest] != owners[other[-1]]]
    counts = [len(np.unique(owners[side])) for side in (rest, other)]
    return Halves(rest, other, {"split": BY_INSTRUMENT, "instruments": counts})


def _equally_large(instruments: Int64Array) -> float:
    """How many equally large instruments those that are named amount to."""
    counts = np.unique(instruments[instruments != NO_INSTRUMENT], return_counts=True)[1].astype(np.float64)
    return float(counts.sum() ** 2 / np.square(counts).sum()) if len(counts) else 0.0
