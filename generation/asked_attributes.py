"""Attributes as a user names them -> attributes as the run knows them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from data.attributes import AttributeTable
from data.nsynth import Value, value_in_words
from utils.errors import UserError

_MOST_LISTED = 20


class AskedAttribute(NamedTuple):
    """An attribute and its values in words, as the user gave them."""

    name: str
    values: list[str]


class Conditioned(Protocol):
    """What a trained run was conditioned on."""

    @property
    def run_name(self) -> str:
        """Name of the run."""

    @property
    def table(self) -> AttributeTable:
        """The attributes, and the values of each that the run learned."""

    def require_pitches(self, pitches: Sequence[int]) -> None:
        """Raise UserError unless the run learned every one of `pitches`."""


def known_attributes(
    instrument: Conditioned, asked: Sequence[AskedAttribute], pitches: Sequence[int] | None
) -> dict[str, list[Value]]:
    """The attributes `asked` for, and the `pitches` as attribute `pitch`, under the names and values of the run.

    `instrument_family=brass` also matches the run's `instrument_family_str`, or NSynth's number of brass.
    Raises: UserError if the run was not conditioned on an attribute, or did not learn a value.
    """
    attributes: dict[str, list[Value]] = {}
    for name, texts in asked:
        if name == "pitch":
            raise UserError("attribute pitch: give it as pitch, not among the attributes")
        own_name = _own_name(instrument, name)
        if own_name in attributes:
            raise UserError(f"attribute {name}: given twice; give all its values at once")
        values = {value_in_words(own_name, value): value for value in instrument.table.values[own_name]}
        for text in texts:
            if text not in values:
                some = ", ".join(list(values)[:_MOST_LISTED])
                raise UserError(
                    f"attribute {name}={text[:40]}: not among the values that {instrument.run_name} learned; choose "
                    f"from {some}"
                )
        attributes[own_name] = [values[text] for text in texts]
    if pitches:
        instrument.require_pitches(pitches)
        attributes["pitch"] = list(pitches)
    return attributes


def _own_name(instrument: Conditioned, name: str) -> str:
    known = instrument.table.values
    for spelling in (name, f"{name}_str", name.removesuffix("_str")):
        if spelling in known:
            return spelling
    others = ", ".join(each for each in known if each != "pitch")
    raise UserError(
        f"attribute {name[:40]}: {instrument.run_name} was not conditioned on it; "
        + (f"choose from {others}" if others else "leave it out")
    )
