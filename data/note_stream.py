"""The notes of a data set in the order in which training draws them."""

from torch import Tensor

from data.note_dataset import NoteDataset
from data.sampling import note_indices


class NoteStream:
    """An endless stream of the notes of `dataset`: each epoch has every note once, in an order that `seed` fixes.

    What stands at a place of the stream depends on the seed alone, not on how the stream is cut into batches.
    """

    def __init__(self, dataset: NoteDataset, seed: int) -> None:
        self._dataset, self._seed = dataset, seed

    def __call__(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        """Waves (count, n_samples) and labels (count, n_attributes) at places first ... first + count - 1."""
        return self._dataset.batch(note_indices(first, count, len(self._dataset), self._seed))
