"""What a reader of MIDI files says of one: what was skipped or repaired, and what is broken."""

from utils.errors import DataError


class Remarks:
    """Says each thing once, with how often it was so. A fault ends a strict reading, and is a remark of a lenient one.

    What is said must come from a small set, or a hostile file fills the memory.
    """

    def __init__(self, name: str, *, lenient: bool) -> None:
        self._name, self._lenient = name, lenient
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}

    def say(self, form: str) -> None:
        """Note one more of `form`, a line that may hold {n}: how often it was said."""
        self._counts[form] = self._counts.get(form, 0) + 1

    def fault(self, what: str, remedy: str, byte: int, track: int | None = None) -> None:
        """Note that the file is broken at `byte` (in `track`), and what is done about it.

        Raises: DataError unless lenient.
        """
        place = f"byte {byte}" if track is None else f"track {track}, byte {byte}"
        if not self._lenient:
            raise DataError(f"{self._name}, {place}: {what}; export the file anew, or read the rest with --lenient")
        form = f"{what}; {remedy}"
        self._first.setdefault(form, place)
        self.say(form)

    def lines(self) -> list[str]:
        """One line for each thing, in the order of its first case."""
        return [self._line(form, n) for form, n in self._counts.items()]

    def _line(self, form: str, n: int) -> str:
        if form not in self._first:
            return form.format(n=n)
        more = f" (the first of {n} such places)" if n > 1 else ""
        return f"{self._first[form]}: {form}{more}"
