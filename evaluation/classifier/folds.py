"""Splitting notes by instrument, so that a classifier is judged on instruments that it was not trained on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from data.note_folder import family_of
from data.note_records import NoteRecord


def instrument_of(record: NoteRecord) -> str:
    """The note's instrument; a note without one is an instrument of its own."""
    return str(record.attributes.get("instrument_str", record.name))


def instrument_folds(
    records: Sequence[NoteRecord], contents: Sequence[str], n_folds: int, seed: int
) -> npt.NDArray[np.int64]:
    """The fold (n,) of each note, from 0 to `n_folds` - 1: no instrument is in two.

    Within each family, instruments go one by one, those with most notes first, to the fold that has fewest notes of the
    family. Instruments that share a note (equal `contents`) stay together.
    """
    groups = _linked([instrument_of(record) for record in records], contents)
    members: defaultdict[str, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    families: defaultdict[str, list[str]] = defaultdict(list)
    for group, rows in members.items():
        families[family_of(records[rows[0]])].append(group)
    folds = np.zeros(len(records), dtype=np.int64)
    rng = np.random.default_rng(seed)
    for _, names in sorted(families.items()):
        filled = np.zeros(n_folds)
        shuffled = rng.permutation(sorted(names)).tolist()
        for name in sorted(shuffled, key=lambda name: -len(members[name])):
            fold = int(rng.choice(np.flatnonzero(filled == filled.min())))
            folds[members[name]] = fold
            filled[fold] += len(members[name])
    return folds


def _linked(instruments: Sequence[str], contents: Sequence[str]) -> list[str]:
    """The group of each note: its instrument, or the first by name of those linked to it by an equal note."""
    leader: dict[str, str] = {}
    first_with: dict[str, str] = {}
    for instrument, content in sorted(zip(instruments, contents, strict=True)):
        one, other = _leader(leader, instrument), _leader(leader, first_with.setdefault(content, instrument))
        leader[max(one, other)] = min(one, other)
    return [_leader(leader, instrument) for instrument in instruments]


def _leader(leader: Mapping[str, str], instrument: str) -> str:
    while (above := leader.get(instrument, instrument)) != instrument:
        instrument = above
    return instrument
