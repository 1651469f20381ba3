"""Patterns of file names with named fields, such as `{instrument}_{note}_{dynamic}`."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import PurePosixPath

from utils.errors import UserError

_PART = re.compile(r"\{(?P<field>[^{}]*)\}|(?P<any>\*)|(?P<text>[^{}*]+)|(?P<odd>.)", re.DOTALL)
_FIELD = re.compile(r"[a-z][a-z0-9_]*")
_MOST_PARTS = 40

Fits = Callable[[str], bool]


class NamePattern:
    """The pattern of names: text stands for itself, `*` for anything, `{name}` for a field of one letter or more.

    A pattern with slashes is compared with as many folders above the file; fields and `*` end at a slash. Where a name
    could be divided in several ways, the first fields are as short as they can be.
    """

    def __init__(self, text: str, fits: Mapping[str, Fits]) -> None:
        """`fits` says of some fields what they may hold, which helps to divide names such as `bass_clarinet_A4`.

        Raises: UserError if `text` is no pattern.
        """
        self._text, self._fits = text, dict(fits)
        self._parts = [(match.lastgroup or "", match[match.lastgroup or 0]) for match in _PART.finditer(text)]
        self.fields = tuple(value for kind, value in self._parts if kind == "field")
        if fault := self._fault():
            raise UserError(f"{text!r}: {fault}; write it like '{{instrument}}_{{note}}_{{dynamic}}'")

    def labels_of(self, path: PurePosixPath) -> dict[str, str] | None:
        """The fields of a file's `path`, without its suffix; None if it does not fit."""
        depth = self._text.count("/") + 1
        parts = path.with_suffix("").parts
        found = self._divide("/".join(parts[-depth:])) if len(parts) >= depth else None
        return None if found is None else dict(zip(self.fields, found, strict=True))

    def _fault(self) -> str:
        wrong = next((name for kind, name in self._parts if kind == "field" and not _FIELD.fullmatch(name)), None)
        if wrong is not None:
            return f"{{{wrong}}} is no field, which has small letters, digits and underscores"
        if any(kind == "odd" for kind, _ in self._parts):
            return "a brace without its other"
        if not self.fields:
            return "has no field"
        if len(set(self.fields)) < len(self.fields) or len(self._parts) > _MOST_PARTS:
            return "names a field twice" if len(self._parts) <= _MOST_PARTS else "is too long"
        for (kind, name), (next_kind, following) in zip(self._parts, self._parts[1:], strict=False):
            if kind == next_kind == "field" and not {name, following} & self._fits.keys():
                return f"nothing divides {{{name}}} from {{{following}}}"
        return ""

    def _divide(self, text: str) -> tuple[str, ...] | None:
        """The values of the fields in `text`; each place is tried once, so that no pattern takes long."""

        @cache
        def rest(part: int, start: int) -> tuple[str, ...] | None:
            if part == len(self._parts):
                return () if start == len(text) else None
            kind, value = self._parts[part]
            if kind == "text":
                return rest(part + 1, start + len(value)) if text.startswith(value, start) else None
            end = text.find("/", start)
            for stop in range(start + (kind == "field"), (len(text) if end < 0 else end) + 1):
                taken = text[start:stop]
                if kind == "any" or self._fits.get(value, bool)(taken):
                    following = rest(part + 1, stop)
                    if following is not None:
                        return (taken, *following) if kind == "field" else following
            return None

        return rest(0, 0)
