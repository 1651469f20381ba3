"""The attributes of notes as labels: which values each can take, and each note's place among them."""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from data.note_records import NoteRecord, first_few
from data.nsynth import METADATA_NAME, QUALITIES, Value
from data.quantities import (
    QUANTITY,
    is_quantity,
    label_of_quantity,
    label_of_rank,
    quantity_of_label,
    ranked_values,
)
from utils.errors import DataError

logger = logging.getLogger(__name__)

_ONE_TYPE = ({int}, {str}, {float})


def expand_attributes(attribute_list: Iterable[str]) -> tuple[str, ...]:
    """The attributes by name, `qualities` being short for all ten. Raises: DataError on one given twice."""
    names: list[str] = []
    for name in attribute_list:
        names.extend(QUALITIES if name == "qualities" else (name,))
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"attribute_list: {name!r} is given twice; keep one of them")
    return tuple(names)


@dataclass(frozen=True)
class AttributeTable:
    """The values each attribute can take, in a fixed order: what turns them into labels and back.

    `values` maps each attribute, in the order of the label columns, to its values. The label of a class is its position
    among them. A quantity, whose values are floats, takes the numbers between them too: see `data.quantities`.
    """

    values: Mapping[str, tuple[Value, ...]]

    @classmethod
    def from_records(cls, records: Sequence[NoteRecord], attribute_list: Iterable[str]) -> Self:
        """The table of the values present in `records`, ascending; a quality is always (0, 1).

        Of a quantity, at most 1001 are kept. Raises: DataError if a note lacks an attribute.
        """
        values: dict[str, tuple[Value, ...]] = {}
        for name in expand_attributes(attribute_list):
            present: set[Any] = {_value(record, name) for record in records}  # all of one type
            if len(present) < 2:
                logger.warning("attribute %s: every note has the same value, nothing to learn from it", name)
            ordered = ranked_values(present) if is_quantity([*present]) else tuple(sorted(present))
            values[name] = (0, 1) if name in QUALITIES else ordered
        return cls(values)

    @classmethod
    def from_plain(cls, plain: Any) -> Self:
        """The table that `to_plain` wrote, also after a trip through JSON. Raises: DataError if it is not one."""
        if not isinstance(plain, dict):
            raise DataError(f"attribute values: expected a mapping, got {type(plain).__name__}; save them again")
        for name, values in plain.items():
            one_type = isinstance(values, list | tuple) and {type(value) for value in values} in _ONE_TYPE
            if not one_type or len(set(values)) < len(values) or not _is_ascending(values):
                raise DataError(
                    f"attribute values of {name!r}: expected distinct integers or strings, or ascending fractions; "
                    "save them again"
                )
        return cls({name: tuple(values) for name, values in plain.items()})

    def to_plain(self) -> dict[str, list[Value]]:
        """The table as plain values, fit for JSON and checkpoints."""
        return {name: list(values) for name, values in self.values.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes, in the order of the label columns."""
        return tuple(self.values)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each attribute can take; QUANTITY for a quantity."""
        return tuple(QUANTITY if is_quantity(values) else len(values) for values in self.values.values())

    def label_of(self, name: str, value: Value) -> int | None:
        """The label of `value` of the attribute `name`; None if the table has no place for it."""
        values = self.values[name]
        if is_quantity(values):
            return None if isinstance(value, str) else label_of_quantity(value, values)
        return values.index(value) if value in values and not isinstance(value, float) else None

    def value_of(self, name: str, label: int) -> Value:
        """The value of the attribute `name` that has this label."""
        values = self.values[name]
        return quantity_of_label(label, values) if is_quantity(values) else values[label]

    def drawn_label(self, name: str, draw: float) -> int:
        """The label that `draw`, from [0, 1), draws: each of the values in the table is as likely."""
        values = self.values[name]
        place = min(int(draw * len(values)), len(values) - 1)
        return label_of_rank(place, values) if is_quantity(values) else place

    def encode(self, records: Sequence[NoteRecord]) -> npt.NDArray[np.int64]:
        """Labels (N, n_attributes) of the notes. Raises: DataError if a note has a value not in the table."""
        labels = np.empty((len(records), len(self.values)), dtype=np.int64)
        for column, (name, values) in enumerate(self.values.items()):
            known: dict[Value, int | None] = {}
            for row, record in enumerate(records):
                value = _value(record, name)
                if value not in known:
                    known[value] = self.label_of(name, value)
                label = known[value]
                if label is None:
                    made_for = f"among the {len(values)} values the labels were made for ({first_few(values)})"
                    if is_quantity(values):
                        made_for = f"from {values[0]:g} to {values[-1]:g}, which the labels were made for"
                    raise DataError(
                        f"{record.path}: {name} {value!r} is not {made_for}; leave the note out or start a new run"
                    )
                labels[row, column] = label
        return labels


def _is_ascending(values: Sequence[Value]) -> bool:
    """Whether the values of a quantity are finite and ascend; those of classes may come in any order."""
    if not is_quantity(values):
        return True
    return all(map(math.isfinite, values)) and all(low < high for low, high in pairwise(values))


def _value(record: NoteRecord, name: str) -> Value:
    try:
        return record.attributes[name]
    except KeyError as error:
        raise DataError(f"{record.path}: its {name} is unknown; add it to {METADATA_NAME}") from error
