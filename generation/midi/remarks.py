"""What there is to say of a MIDI file: what was skipped or repaired, and what is broken."""

from utils.errors import DataError

MOST_EVENTS = 200_000  # reading them takes a second; the longest piece of the tests' has 13 000


class Remarks:
    """Keeps each remark once, with its count. A fault ends a strict reading, and is a remark of a lenient one.

    Remarks must come from a small set, or a hostile file could fill the memory.
    """

    def __init__(self, name: str, *, lenient: bool) -> None:
        self._name, self._lenient = name, lenient
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}
        self._events = 0

    def count_event(self) -> None:
        """Count an event of the file. Raises: DataError, lenient or not, if there are too many."""
        self._events += 1
        if self._events > MOST_EVENTS:
            raise DataError(f"{self._name}: more than {MOST_EVENTS} events; cut it into pieces")

    def say(self, form: str) -> None:
        """Count the remark `form`, a line in which {n} stands for its count."""
        self._counts[form] = self._counts.get(form, 0) + 1

    def fault(self, what: str, remedy: str, byte: int, track: int | None = None) -> None:
        """Note that the file is broken at `byte` (in `track`), and the `remedy`, what the reader does about it.

        Raises: DataError unless lenient.
        """
        place = f"byte {byte}" if track is None else f"track {track}, byte {byte}"
        if not self._lenient:
            raise DataError(f"{self._name}, {place}: {what}; export the file again, or read the rest leniently")
        form = f"{what}; {remedy}"
        self._first.setdefault(form, place)
        self.say(form)

    def lines(self) -> list[str]:
        """One line for each remark, in the order in which they first came."""
        return [self._line(form, n) for form, n in self._counts.items()]

    def _line(self, form: str, n: int) -> str:
        if form not in self._first:
            return form.format(n=n)
        more = f" (the first of {n} such places)" if n > 1 else ""
        return f"{self._first[form]}: {form}{more}"
