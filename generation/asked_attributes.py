"""Attributes that a user names on the command line, as the run knows them."""

from collections.abc import Sequence
from typing import NamedTuple

from data.nsynth import Value, value_in_words
from generation.instrument import Instrument
from utils.errors import UserError

_MOST_LISTED = 20


class AskedAttribute(NamedTuple):
    """`NAME=VALUE[,VALUE ...]` as it was given."""

    name: str
    values: list[str]


def known_attributes(
    instrument: Instrument, asked: Sequence[AskedAttribute], pitches: Sequence[int] | None
) -> dict[str, list[Value]]:
    """The values of `asked`, and of pitch, as the run knows them.

    `instrument_family=brass` also means the run's `instrument_family_str`, or the number that NSynth gives to brass.
    Raises: UserError if the run was not conditioned on an attribute, or did not learn a value.
    """
    attributes: dict[str, list[Value]] = {}
    for name, texts in asked:
        if name == "pitch":
            raise UserError("--attributes pitch: name pitches by --pitch")
        own_name = _own_name(instrument, name)
        if own_name in attributes:
            raise UserError(f"--attributes {name}: given twice; put its values together, separated by commas")
        values = {value_in_words(own_name, value): value for value in instrument.table.values[own_name]}
        for text in texts:
            if text not in values:
                some = ", ".join(list(values)[:_MOST_LISTED])
                raise UserError(
                    f"--attributes {name}={text[:40]}: not among what {instrument.run_name} learned; choose from {some}"
                )
        attributes[own_name] = [values[text] for text in texts]
    if pitches:
        instrument.require_pitches(pitches)
        attributes["pitch"] = list(pitches)
    return attributes


def _own_name(instrument: Instrument, name: str) -> str:
    known = instrument.table.values
    for spelling in (name, f"{name}_str", name.removesuffix("_str")):
        if spelling in known:
            return spelling
    others = ", ".join(each for each in known if each != "pitch")
    raise UserError(
        f"--attributes {name[:40]}: {instrument.run_name} was not conditioned on it; "
        + (f"choose from {others}" if others else "leave it out")
    )
