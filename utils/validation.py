"""What pydantic refuses, in one line."""

from pydantic import ValidationError

_LONGEST_PLACE, _LONGEST_WORDS = 100, 200


def first_fault(error: ValidationError, whole: str = "") -> str:
    """The first fault as `place: what is wrong`, cut to what fits in a message; `whole` is the place of all the input.

    Members of a union are part of pydantic's place under their class names; those that begin with `_` are left out.
    """
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"] if not str(part).startswith("_"))[:_LONGEST_PLACE] or whole
    return f"{place}: {fault['msg'][:_LONGEST_WORDS]}" if place else fault["msg"][:_LONGEST_WORDS]
