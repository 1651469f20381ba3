"""The attributes of notes as class labels: which values each can take, and each note's place among them."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from data.note_records import NoteRecord, first_few
from data.nsynth import METADATA_NAME, QUALITIES, Value
from utils.errors import DataError

logger = logging.getLogger(__name__)


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
    """The values each attribute can take, in a fixed order: what turns labels into class indices and back.

    `values` maps each attribute, in the order of the label columns, to its values; a label is the position of
    a note's value among them.
    """

    values: Mapping[str, tuple[Value, ...]]

    @classmethod
    def from_records(cls, records: Sequence[NoteRecord], attribute_list: Iterable[str]) -> Self:
        """The table of the values present in `records`, ascending; a quality is always (0, 1).

        Raises: DataError if a note lacks an attribute.
        """
        values: dict[str, tuple[Value, ...]] = {}
        for name in expand_attributes(attribute_list):
            present: set[Any] = {_value(record, name) for record in records}  # all int or all str
            if len(present) < 2:
                logger.warning("attribute %s: every note has the same value, nothing to learn from it", name)
            values[name] = (0, 1) if name in QUALITIES else tuple(sorted(present))
        return cls(values)

    @classmethod
    def from_plain(cls, plain: Any) -> Self:
        """The table that `to_plain` wrote, also after a trip through JSON. Raises: DataError if it is not one."""
        if not isinstance(plain, dict):
            raise DataError(f"attribute values: expected a mapping, got {type(plain).__name__}; save them again")
        for name, values in plain.items():
            one_type = isinstance(values, list | tuple) and {type(value) for value in values} in ({int}, {str})
            if not one_type or len(set(values)) < len(values):
                raise DataError(f"attribute values of {name!r}: expected distinct integers or strings; save them again")
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
        """How many values each attribute can take."""
        return tuple(len(values) for values in self.values.values())

    def encode(self, records: Sequence[NoteRecord]) -> npt.NDArray[np.int64]:
        """Class indices (N, n_attributes) of the notes. Raises: DataError if a note has a value not in the table."""
        labels = np.empty((len(records), len(self.values)), dtype=np.int64)
        for column, (name, values) in enumerate(self.values.items()):
            position = {value: index for index, value in enumerate(values)}
            for row, record in enumerate(records):
                value = _value(record, name)
                if value not in position:
                    raise DataError(
                        f"{record.path}: {name} {value!r} is not among the {len(values)} values the labels were "
                        f"made for ({first_few(values)}); leave the note out or start a new run"
                    )
                labels[row, column] = position[value]
        return labels


def _value(record: NoteRecord, name: str) -> Value:
    try:
        return record.attributes[name]
    except KeyError as error:
        raise DataError(f"{record.path}: its {name} is unknown; add it to {METADATA_NAME}") from error
