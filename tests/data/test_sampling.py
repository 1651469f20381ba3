import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.sampling import note_indices

n_notes = st.integers(1, 40)
seeds = st.integers(0, 2**40)


@given(n_notes, seeds, st.integers(0, 5))
def test_every_epoch_visits_every_note_once(n_notes, seed, epoch):
    assert sorted(note_indices(epoch * n_notes, n_notes, n_notes, seed)) == list(range(n_notes))


@given(n_notes, seeds, st.integers(0, 200), st.lists(st.integers(0, 90), max_size=6))
def test_stream_does_not_depend_on_how_it_is_cut_into_batches(n_notes, seed, start, batch_sizes):
    whole = note_indices(start, sum(batch_sizes), n_notes, seed)
    pieces, place = [], start
    for size in batch_sizes:
        pieces.extend(note_indices(place, size, n_notes, seed))
        place += size
    assert whole.dtype == np.int64
    assert whole.tolist() == pieces


def test_order_stays_what_it_was():
    """Else a run stopped under the old order would go on under another one."""
    assert note_indices(3, 9, 6, seed=7).tolist() == [4, 2, 0, 1, 5, 3, 0, 4, 2]


def test_answer_is_the_callers_to_change():
    first = note_indices(0, 4, 8, seed=0)
    kept = first.copy()
    first[:] = -1
    assert note_indices(0, 4, 8, seed=0).tolist() == kept.tolist()


@pytest.mark.parametrize("arguments", [(-1, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, 0), (0, 1, 1, -1)])
def test_impossible_requests_are_refused(arguments):
    with pytest.raises(ValueError, match="must be >= 0"):
        note_indices(*arguments)
