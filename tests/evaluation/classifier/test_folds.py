from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.note_records import NoteRecord
from evaluation.classifier.folds import instrument_folds


def notes(*instruments):
    """Records of (family, instrument) pairs."""
    return [
        NoteRecord(f"{k}", Path(f"{k}.wav"), {"instrument_family_str": family, "instrument_str": instrument})
        for k, (family, instrument) in enumerate(instruments)
    ]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), min_size=1, max_size=60), st.integers(2, 5))
def test_no_instrument_is_in_two_folds(drawn, n_folds):
    records = notes(*((family, f"{family}{number}") for family, number in drawn))
    folds = instrument_folds(records, [record.name for record in records], n_folds, seed=0)
    for name in {record.attributes["instrument_str"] for record in records}:
        rows = [row for row, record in enumerate(records) if record.attributes["instrument_str"] == name]
        assert len(set(folds[rows].tolist())) == 1


def test_families_are_spread_by_notes():
    records = notes(*[("a", "big")] * 8, *(("a", f"small{k}") for k in range(8)))
    folds = instrument_folds(records, [record.name for record in records], 2, seed=0)
    assert np.bincount(folds).tolist() == [8, 8]


def test_instruments_with_a_note_in_common_stay_together():
    records = notes(*(("a", f"i{k}") for k in range(20)))
    contents = [f"{k}" for k in range(20)]
    contents[3] = contents[11] = contents[17] = "same"
    folds = instrument_folds(records, contents, 5, seed=0)
    assert folds[3] == folds[11] == folds[17]
    assert len(set(folds.tolist())) == 5


def test_order_of_the_notes_does_not_matter():
    records = notes(*(("a", f"i{k % 7}") for k in range(30)))
    contents = [record.name for record in records]
    folds = instrument_folds(records, contents, 3, seed=1)
    order = np.random.default_rng(0).permutation(30)
    again = instrument_folds([records[k] for k in order], [contents[k] for k in order], 3, seed=1)
    assert again.tolist() == folds[order].tolist()


def test_notes_without_an_instrument_stand_alone():
    records = [NoteRecord(f"{k}", Path(f"{k}.wav"), {}) for k in range(4)]
    assert sorted(instrument_folds(records, "abcd", 4, seed=0).tolist()) == [0, 1, 2, 3]
