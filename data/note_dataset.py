"""Batches of waveforms with their labels, and the order in which training draws them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data.note_cache import NoteCache
from data.sampling import note_indices


class NoteDataset:
    """The notes of a cache with their labels, faded out at the end if asked for."""

    def __init__(self, cache: NoteCache, labels: npt.NDArray[np.int64], *, fade_out: bool) -> None:
        """`labels` (N, n_attributes) belong to `cache.records`, row by row. Raises: ValueError on another shape."""
        if labels.ndim != 2 or len(labels) != len(cache):
            raise ValueError(
                f"labels must have shape ({len(cache)}, n_attributes), got {labels.shape}; encode cache.records"
            )
        self.cache = cache
        self.labels = torch.from_numpy(labels.astype(np.int64))
        self._window = torch.from_numpy(fade_window(cache.n_samples)) if fade_out else None

    def __len__(self) -> int:
        return len(self.cache)

    def batch(self, indices: Sequence[int] | npt.NDArray[np.int64] | Tensor) -> tuple[Tensor, Tensor]:
        """Waves (B, n_samples) float32 in [-1, 1) and class indices (B, n_attributes) int64, on the CPU."""
        waves = self.cache.waves(indices)
        if self._window is not None:
            waves *= self._window
        return waves, self.labels[torch.as_tensor(indices, dtype=torch.int64, device="cpu")]


class NoteStream:
    """An endless stream of the notes of `dataset`: each epoch has every note once, in an order that `seed` fixes.

    What stands at a place of the stream depends on the seed alone, not on how the stream is cut into batches.
    """

    def __init__(self, dataset: NoteDataset, seed: int) -> None:
        self._dataset, self._seed = dataset, seed

    def __call__(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        """Waves (count, n_samples) and labels (count, n_attributes) at places first ... first + count - 1."""
        return self._dataset.batch(note_indices(first, count, len(self._dataset), self._seed))


def fade_window(n_samples: int) -> npt.NDArray[np.float32]:
    """Window (n_samples,) that is 1, and over the last 30 % of the samples (rounded down) falls from 1 to 0.

    The fall is logspace(1, 0) rescaled to 1 ... 0, as published: (10^(1 - t) - 1) / 9 with t from 0 to 1.
    """
    length = n_samples * 3 // 10
    window = np.ones(n_samples)
    window[n_samples - length :] = (10 ** np.linspace(1, 0, length) - 1) / 9
    return window.astype(np.float32)
