"""Text that every terminal and file takes, whatever names of files hold."""

from unicodedata import category

_STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of control and format characters, halves of pairs, and ends of lines and paragraphs."""


def printable(text: str) -> str:
    r"""`text` with all that could steer a terminal, hide text or break a line written out, as it may be in file names.

    >>> print(printable("a\x1b[31m\n"))
    a\x1b[31m\n
    """
    if text.isprintable():
        return text
    return "".join(each.encode("unicode_escape").decode() if category(each) in _STEERING else each for each in text)


def utf8_text(text: str) -> str:
    r"""`text`, with what UTF-8 cannot write (bytes of a file name that are of another encoding) as `\udcNN`.

    >>> utf8_text("caf\udce9.wav")
    'caf\\udce9.wav'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
