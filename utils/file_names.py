"""Names of files and folders that every operating system takes."""

_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in "123456789¹²³")}


def is_reserved(name: str) -> bool:
    """Whether Windows would refuse or change `name`: a device's, with any suffix, or one that ends with a dot or space.

    >>> [name for name in ("con.wav", "concert.wav", "run.", "run.1") if is_reserved(name)]
    ['con.wav', 'run.']
    """
    return name.partition(".")[0].rstrip(" ").upper() in _DEVICES or name.endswith((".", " "))
