"""Attributes as a user names them -> attributes as the run knows them."""

from collections.abc import Iterable, Sequence

from data.attributes import AttributeTable
from data.nsynth import Value, value_in_words
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
        values = {value_in_words(own_name, value): value for value in table.values[own_name]}
        for text in texts:
            if text not in values:
                some = ", ".join(list(values)[:_MOST_LISTED])
                raise UserError(
                    f"attribute {name}={text[:40]}: not among the values that {run_name} learned; choose from {some}"
                )
        attributes[own_name] = [values[text] for text in texts]
    return attributes


def _own_name(run_name: str, table: AttributeTable, name: str) -> str:
    for spelling in (name, f"{name}_str", name.removesuffix("_str")):
        if spelling in table.values:
            return spelling
    others = ", ".join(each for each in table.values if each != "pitch")
    raise UserError(
        f"attribute {name[:40]}: {run_name} was not conditioned on it; "
        + (f"choose from {others}" if others else "leave it out")
    )
