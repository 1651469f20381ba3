"""Attributes as a user names them -> attributes as the run knows them."""

import math
from collections.abc import Iterable, Sequence

from data.attributes import AttributeTable
from data.nsynth import Value, value_in_words
from data.quantities import is_quantity
from utils.errors import UserError

_MOST_LISTED = 20


def known_attributes(
    run_name: str, table: AttributeTable, asked: Iterable[tuple[str, Sequence[str]]]
) -> dict[str, list[Value]]:
    """The attributes `asked` for, each a name and values in words, under the names and values of the run's `table`.

    `instrument_family=brass` also matches the run's `instrument_family_str`, or NSynth's number of brass.
    Raises: UserError if the run was not conditioned on an attribute, or did not learn a value.
    """
    attributes: dict[str, list[Value]] = {}
    for name, texts in asked:
        if name == "pitch":
            raise UserError("attribute pitch: give it as pitch, not among the attributes")
        own_name = _own_name(run_name, table, name)
        if own_name in attributes:
            raise UserError(f"attribute {name}: given twice; give all its values at once")
        learned = table.values[own_name]
        if is_quantity(learned):
            attributes[own_name] = [_quantity(run_name, name, text, learned) for text in texts]
            continue
        values = {value_in_words(own_name, value): value for value in learned}
        for text in texts:
            if text not in values:
                some = ", ".join(list(values)[:_MOST_LISTED])
                raise UserError(
                    f"attribute {name}={text[:40]}: not among the values that {run_name} learned; choose from {some}"
                )
        attributes[own_name] = [values[text] for text in texts]
    return attributes


def _quantity(run_name: str, name: str, text: str, learned: Sequence[float]) -> float:
    """The number in `text`, if it lies among those that were learned."""
    lowest, highest = learned[0], learned[-1]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not lowest <= value <= highest:
        raise UserError(
            f"attribute {name}={text[:40]}: must be a number from {lowest:g} to {highest:g}, which {run_name} learned"
        )
    return value


def _own_name(run_name: str, table: AttributeTable, name: str) -> str:
    for spelling in (name, f"{name}_str", name.removesuffix("_str")):
        if spelling in table.values:
            return spelling
    others = ", ".join(each for each in table.values if each != "pitch")
    raise UserError(
        f"attribute {name[:40]}: {run_name} was not conditioned on it; "
        + (f"choose from {others}" if others else "leave it out")
    )
