"""One gain for all notes that are heard together, so that they keep their relative levels."""

import logging
import tempfile
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from generation.synthesis import Wave, gain_to_full_scale

logger = logging.getLogger(__name__)


def gain_of_all(waves: Iterable[Wave]) -> tuple[float, float]:
    """(factor, the same in dB) that brings the loudest of the `waves` within full scale; 1 if all are within."""
    return gain_to_full_scale(max((float(np.abs(wave).max(initial=0.0)) for wave in waves), default=0.0))


def kept_on_disk(waves: Iterable[Wave], n_notes: int, n_samples: int) -> npt.NDArray[np.float32]:
    """The `n_notes` waves as rows (n_notes, n_samples) of a temporary file: the disk bounds them, not the memory."""
    with tempfile.TemporaryFile() as kept:  # the map outlives it
        rows = np.memmap(kept, dtype=np.float32, mode="w+", shape=(n_notes, n_samples))
    for row, wave in enumerate(waves):
        rows[row] = wave
    return rows


def with_one_gain(waves: Iterable[Wave], n_notes: int, n_samples: int) -> Iterator[Wave]:
    """The `n_notes` waves (n_samples,), turned down together if one is beyond full scale; as they are if none is.

    They are kept on disk until all are known. The log says if they are turned down.
    """
    rows = kept_on_disk(waves, n_notes, n_samples)
    gain, gain_db = gain_of_all(rows)
    if gain_db < 0:
        logger.info("all notes are turned down by %.3f dB, so that none is beyond full scale", -gain_db)
    yield from (row * np.float32(gain) for row in rows)
