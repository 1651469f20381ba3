"""Text that every file and terminal takes."""

from pathlib import Path


def printable(text: str | Path) -> str:
    r"""`text`, with what UTF-8 cannot write (bytes of a file name that are of another encoding) as `\udcNN`.

    >>> printable("caf\udce9.wav")
    'caf\\udce9.wav'
    """
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")
