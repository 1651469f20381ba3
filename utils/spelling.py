"""Names misspelt by users, long ones cut for messages, equal ones numbered. Nothing here imports what is slow."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import count

LONGEST = 60


def shortened(text: str) -> str:
    """`text`, cut to what fits in a message."""
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def folded(name: str) -> str:
    """`name` without what people mistake in names: capitals, underscores and hyphens.

    >>> folded("base_learningRate")
    'baselearningrate'
    """
    return name.casefold().replace("_", "").replace("-", "")


def closest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that was probably meant by `name`: the only one that begins with it, or else one like it."""
    choices, name = list(known), shortened(name)
    beginning = [choice for choice in choices if choice.startswith(name)]
    if len(beginning) == 1:
        return beginning[0]
    alike = {folded(choice): choice for choice in reversed(choices)}
    near = get_close_matches(folded(name), alike, n=1, cutoff=0.65)
    return alike[near[0]] if near else None


def hint(name: str, known: Iterable[str], aliases: Iterable[str] = ()) -> str:
    """What to do about the unknown `name`: write the one most like it, or choose from the `known` ones."""
    choices = list(known)
    near = closest(name, [*choices, *aliases])
    return f"did you mean {near!r}?" if near else f"choose from {', '.join(choices)}"


def counted(count: int, thing: str, things: str | None = None, *, form: str = "") -> str:
    """How many there are, in words; `things` is the plural where it is not `thing` with an s.

    >>> counted(1, "note"), counted(2, "family", "families"), counted(2_000, "step", form=",")
    ('1 note', '2 families', '2,000 steps')
    """
    return f"{count:{form}} {thing if count == 1 else things or f'{thing}s'}"


def numbered(names: Sequence[str]) -> list[str]:
    """`names`, with a number behind each one that was there before, so that all differ.

    >>> numbered(["mel", "stft", "mel"])
    ['mel', 'stft', 'mel (2)']
    >>> numbered(["mel", "mel", "mel (2)"])
    ['mel', 'mel (2)', 'mel (2) (2)']
    """
    found: list[str] = []
    for name in names:
        free = (name if number == 1 else f"{name} ({number})" for number in count(1))
        found.append(next(each for each in free if each not in found))
    return found
