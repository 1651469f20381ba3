"""Faults of a config, or of other JSON, in its users' words: which value it is, and what it must be."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from utils.spelling import closest, folded, shortened

Place = tuple[int | str, ...]

_DEEPEST = 32
_LONGEST_PLACE, _LONGEST_WORDS = 100, 200

_WORDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "path_type": "text",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "literal_error": "{expected}",
}
_LENGTHS = {
    "too_short": "number of entries must be at least {min_length}",
    "too_long": "number of entries must be at most {max_length}",
}


class _Fault(NamedTuple):
    place: Place  # where in the section's plain values
    kind: str  # pydantic's name of the fault
    words: str


def short(value: Any) -> str:
    """`value` as JSON, cut to what fits in a message."""
    return shortened(json.dumps(value, ensure_ascii=False, default=str))


def unusable(value: Any, depth: int = 0) -> str | None:
    """Why the plain `value` cannot be a config whatever its keys mean, or None."""
    if depth > _DEEPEST:
        return f"is nested more than {_DEEPEST} levels deep"
    if isinstance(value, str):
        lone = any("\ud800" <= letter <= "\udfff" for letter in value)
        return "holds half a surrogate pair, which is no character" if lone else None
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return next((fault for part in parts if (fault := unusable(part, depth + 1))), None)


def unknown_key(
    where: str,
    key: str,
    known: Iterable[str],
    renamed: Mapping[str, str] | None = None,
    elsewhere: Mapping[str, str] | None = None,
) -> str:
    """The fault of a key that is none of `known`; `renamed` maps names that are close in meaning to known ones.

    `elsewhere` maps the keys of other places to these places.
    """
    known = list(known)
    if folded(key) not in map(folded, known):
        for other, place in (elsewhere or {}).items():
            if folded(other) == folded(key):
                spelling = "" if other == key else f" as {other!r}"
                return f"{where}{shortened(key)}: belongs {place}{spelling}; move it there"
    near = suggestion(key, known, renamed)
    return f"{where}{shortened(key)}: unknown key, " + (f"did you mean {near!r}?" if near else "remove it")


def suggestion(key: str, known: Iterable[str], renamed: Mapping[str, str] | None = None) -> str | None:
    """The known key that was probably meant."""
    return renamed[key] if renamed and key in renamed else closest(key, known)


def describe_values(section: str, values: dict[str, Any], errors: Sequence[ErrorDetails]) -> dict[str, str]:
    """Key -> its fault, for every key of `values` whose value pydantic refuses.

    A union reports the faults of all its members; those that came furthest into the value are the ones that count.
    """
    faults: dict[str, list[_Fault]] = {}
    for details in errors:
        if details["loc"] and details["type"] != "extra_forbidden" and details["loc"][0] in values:
            faults.setdefault(str(details["loc"][0]), []).append(_fault(values, details))
    return {key: _describe_key(section, values, found) for key, found in faults.items()}


def _fault(values: dict[str, Any], details: ErrorDetails) -> _Fault:
    kind, place = details["type"], _place(values, details["loc"])
    if kind == "missing":  # an entry that a list of fixed length lacks
        return _Fault(place, "too_short", f"must have {int(details['loc'][-1]) + 1} entries")
    if details["loc"][-1] == "[key]":
        return _Fault(place[:-1], kind, "each of its keys must be the number of a scale")
    if kind == "value_error":
        return _Fault(place, kind, "; ".join(map(str, details["ctx"]["error"].args)))
    limits = details.get("ctx", {}).items()
    context = {name: f"{limit:g}" if isinstance(limit, float) else limit for name, limit in limits}
    if kind in _LENGTHS:
        return _Fault(place, kind, _LENGTHS[kind].format_map(context))
    words = _WORDS.get(kind)
    return _Fault(place, kind, f"must be {words.format_map(context)}" if words else details["msg"].lower())


def _place(values: dict[str, Any], location: Place) -> Place:
    """`location` without the names of union members: only steps that exist in the values."""
    place: list[int | str] = []
    current: Any = values
    for step in location:
        is_key = isinstance(current, dict) and step in current
        if is_key or (isinstance(current, list) and isinstance(step, int) and step < len(current)):
            place.append(step)
            current = current[step]
    return tuple(place)


def _describe_key(section: str, values: dict[str, Any], found: Sequence[_Fault]) -> str:
    places = list(dict.fromkeys(fault.place for fault in found))
    deepest = [place for place in places if not any(place == other[: len(place)] != other for other in places)]
    words = _words([fault for fault in found if fault.place == deepest[0]])
    more = f" (and {len(deepest) - 1} more)" if len(deepest) > 1 else ""
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{shortened(step)}" for step in deepest[0])
    value: Any = values
    for step in deepest[0]:
        value = value[step]
    return f"{f'{section}{where}'.lstrip('.')}={short(value)}: {words}{more}"


def _words(faults: Sequence[_Fault]) -> str:
    """A member of a union that has the right type says more than one that does not; else name all the types."""
    telling = [fault.words for fault in faults if not fault.kind.endswith("_type")]
    if telling:
        return telling[-1]
    return " or ".join(dict.fromkeys(fault.words for fault in faults)).replace(" or must be ", " or ")


def first_fault(error: ValidationError, whole: str = "") -> str:
    """The first fault as `place: what is wrong`, cut to what fits in a message; `whole` is the place of all the input.

    Members of a union are part of pydantic's place under their class names; those that begin with `_` are left out.
    """
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"] if not str(part).startswith("_"))[:_LONGEST_PLACE] or whole
    return f"{place}: {fault['msg'][:_LONGEST_WORDS]}" if place else fault["msg"][:_LONGEST_WORDS]
