"""Which notes an experiment trains on: filters, shuffle, balance and size."""

import logging
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.attributes import expand_attributes
from data.note_records import NoteRecord, first_few, metadata_path, read_records
from data.nsynth import FAMILIES, METADATA_NAME, NAME_FORM, SOURCES, Value
from data.quantities import is_quantity
from utils.config import LoaderConfig, ValueRange
from utils.errors import DataError
from utils.spelling import closest, counted, hint

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

_SOURCE, _FAMILY = "instrument_source_str", "instrument_family_str"


def find_notes(config: LoaderConfig, seed: int) -> list[NoteRecord]:
    """The notes that `config` selects: filtered, then (if asked) shuffled by `seed`, then cut to `size`.

    They are ordered by name, or by the shuffle. A balanced selection takes equally many of each family.
    Raises: DataError if audio or metadata are missing or malformed, if a filter or an attribute needs what
    is not known of the notes, or if no note is left.
    """
    attributes = expand_attributes(config.attribute_list)
    columns = (_SOURCE, _FAMILY, "pitch", *attributes, *config.values_to_keep)
    kept = _filter(_table(read_records(config), columns), config)
    _require(kept, (*attributes, _FAMILY) if config.balanced_data else attributes, config)
    if config.shuffle:
        kept = kept.iloc[np.random.default_rng(seed).permutation(len(kept))]
    if config.size > len(kept):
        logger.warning("size %d: only %s left by the filters; using those", config.size, counted(len(kept), "note"))
    size = None if config.size == -1 else config.size
    taken = _balanced(kept, size) if config.balanced_data else kept.iloc[:size]
    _warn_of_losses(kept, taken, attributes, shuffled=config.shuffle)
    logger.info("%s: %s selected", config.data_path, counted(len(taken), "note"))
    return list(taken["record"])


def _table(records: Sequence[NoteRecord], attributes: Iterable[str]) -> "pd.DataFrame":
    """A row per note: a column for each of the attributes, empty where the note lacks it, and the column `record`."""
    import pandas as pd  # here, so that the help of programs that select notes does not wait for it

    # As objects: integers would become floating-point numbers where a note lacks one.
    rows, columns = [record.attributes for record in records], list(dict.fromkeys(attributes))
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    table["record"] = pd.Series(records, dtype=object)
    return table


def _require(table: "pd.DataFrame", attributes: Iterable[str], config: LoaderConfig) -> None:
    for name in attributes:
        lacking = table["record"][table[name].isna()]
        if lacking.empty:
            continue
        example, kind = lacking.iloc[0], "note" if config.load_metadata else "file"
        share = f"{len(lacking)} of {counted(len(table), kind)}"
        if config.load_metadata:
            raise DataError(
                f"{metadata_path(config)}: {share} without {name!r}, such as {example.name!r}; this experiment needs "
                "it: add it, or leave those notes out"
            )
        raise DataError(
            f"{config.data_path}: the names of {share}, such as {example.path.name}, do not give {name}; "
            f"name them {NAME_FORM}, or give {METADATA_NAME} and set load_metadata true"
        )


def _filter(found: "pd.DataFrame", config: LoaderConfig) -> "pd.DataFrame":
    kept, counts = found, [f"{len(found)} found"]
    names = (
        ("filter", config.sources, _SOURCE, SOURCES),
        ("instrument_labels", config.instrument_labels, _FAMILY, FAMILIES),
    )
    for key, asked, attribute, known in names:
        if asked:
            _require(found, (attribute,), config)
            _check_names(key, asked, known, set(found[attribute].unique()))
            kept = kept[kept[attribute].isin(asked)]
            _warn_of_absent(key, asked, set(kept[attribute].unique()))
            counts.append(f"{len(kept)} after {key} {', '.join(asked)}")
    for attribute, values in config.values_to_keep.items():
        if isinstance(values, ValueRange):
            kept = _within(found, kept, attribute, values, config)
            counts.append(f"{len(kept)} after filter {attribute} {values}")
            continue
        kept = _with_values(found, kept, attribute, values, config)
        counts.append(f"{len(kept)} after filter {attribute} {first_few(values)}")
    if config.pitch_range is not None:
        _require(kept, ("pitch",), config)
        low, high = config.pitch_range
        kept = kept[kept["pitch"].between(low, high)]
        counts.append(f"{len(kept)} after pitch_range {low} to {high}")
    if kept.empty:
        raise DataError(f"{config.data_path}: no note left: {'; '.join(counts)}; widen the one that leaves none")
    logger.info("%s: notes: %s", config.data_path, "; ".join(counts))
    return kept


def _with_values(
    found: "pd.DataFrame", kept: "pd.DataFrame", attribute: str, values: Sequence[Value], config: LoaderConfig
) -> "pd.DataFrame":
    """The notes of `kept` with one of `values`. Raises: DataError if one is a text that no note has."""
    _require(kept, (attribute,), config)
    present = sorted(set(found[attribute].dropna()))
    for value in values:
        if isinstance(value, str) and value not in present:
            near = f"did you mean {near!r}? " if (near := closest(str(value), map(str, present))) else ""
            raise DataError(f"filter: no note has {attribute} {value!r}; {near}(these notes have {first_few(present)})")
    kept = kept[kept[attribute].isin(values)]
    _warn_of_absent(f"filter {attribute}", values, set(kept[attribute].unique()))
    return kept


def _within(
    found: "pd.DataFrame", kept: "pd.DataFrame", attribute: str, range_: ValueRange, config: LoaderConfig
) -> "pd.DataFrame":
    """The notes of `kept` with a number in `range_`. Raises: DataError if the attribute is a text, or none is there."""
    _require(kept, (attribute,), config)
    present = set(found[attribute].dropna())
    texts = sorted(value for value in present if isinstance(value, str))
    if texts:
        raise DataError(
            f"filter: {attribute} is a text and has no min or max; list the values to keep (these notes have "
            f"{first_few(texts)})"
        )
    low = -math.inf if range_.lowest is None else range_.lowest
    high = math.inf if range_.highest is None else range_.highest
    if not any(low <= value <= high for value in present):
        raise DataError(
            f"filter: no note has {attribute} {range_} (these notes have {min(present):g} to {max(present):g})"
        )
    return kept[kept[attribute].between(low, high)]


def _check_names(key: str, asked: Iterable[str], known: Iterable[str], present: set[str]) -> None:
    for name in asked:
        if name not in known and name not in present:
            raise DataError(
                f"{key}: unknown name {name!r}; {hint(name, sorted({*known, *present}))} "
                f"(these notes have {', '.join(sorted(present))})"
            )


def _warn_of_absent(key: str, asked: Iterable[Value], left: set[Value]) -> None:
    absent = [name for name in asked if name not in left]
    if absent and left:
        logger.warning("%s: no note of %s passes", key, ", ".join(map(str, absent)))


def _balanced(kept: "pd.DataFrame", size: int | None) -> "pd.DataFrame":
    """The first notes of each family, equally many, in the order they come."""
    families = kept.groupby(_FAMILY)
    counts = families.size()
    share = counts.min() if size is None else size // len(counts)
    if share == 0:
        each = counted(len(counts), "family", "families")
        raise DataError(f"size {size} with balanced_data is less than one note of each of {each}")
    short = counts[counts < share]
    if len(short):
        listing = ", ".join(f"{family} {count}" for family, count in short.items())
        logger.warning(
            "size %d asks for %s of each family, but there are: %s", size, counted(int(share), "note"), listing
        )
    return families.head(share)


def _warn_of_losses(kept: "pd.DataFrame", taken: "pd.DataFrame", attributes: Iterable[str], *, shuffled: bool) -> None:
    lost = []
    for name in dict.fromkeys((_FAMILY, *attributes)):
        if is_quantity([*kept[name].dropna()]):  # any note left out may have a value of its own
            continue
        gone = sorted(set(kept[name].dropna().unique()) - set(taken[name].dropna().unique()))
        if gone:
            lost.append(f"{name} {first_few(gone)}")
    if lost:
        remedy = "raise size" if shuffled else "set shuffle, or raise size"
        logger.warning(
            "taking %d of %s leaves out all with %s; %s",
            *(len(taken), counted(len(kept), "note"), "; ".join(lost), remedy),
        )
