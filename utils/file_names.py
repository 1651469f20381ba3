"""Names of files and folders that every operating system takes."""

import re

_MOST_LETTERS = 100
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in "123456789¹²³")}


def is_reserved(name: str) -> bool:
    """Whether Windows would refuse or change `name`: a device's, with any suffix, or one that ends with a dot or space.

    >>> [name for name in ("con.wav", "concert.wav", "run.", "run.1") if is_reserved(name)]
    ['con.wav', 'run.']
    """
    return name.partition(".")[0].rstrip(" ").upper() in _DEVICES or name.endswith((".", " "))


def plain_stem(text: str, otherwise: str) -> str:
    """`text` as the name of a file without suffix: `_` for what some file system may refuse, at most 100 letters.

    `otherwise` is the name if nothing is left, and goes before names that are reserved.

    >>> plain_stem("a/b: c?", "piece"), plain_stem("con", "piece"), plain_stem("..", "piece")
    ('a_b_c', 'piece_con', 'piece')
    """
    name = re.sub(r"[^\w.+-]+", "_", text).strip("._")[:_MOST_LETTERS] or otherwise
    return f"{otherwise}_{name}" if is_reserved(f"{name}.wav") else name
