"""Scales of Scala files (.scl).

Source: Scala scale file format, https://www.huygens-fokker.org/scala/scl_format.html.
"""

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from utils.errors import DataError
from utils.regular_files import read_regular

LARGEST_FILE = 2**20  # bytes
MOST_DEGREES = 10_000
MOST_CENTS = 12_000.0

_CENTS = re.compile(r"[+-]?(\d{1,20}\.\d{0,40}|\.\d{1,40})", re.ASCII)
_RATIO = re.compile(r"(?P<over>\d{1,300})(?: ?/ ?(?P<under>\d{1,300}))?", re.ASCII)


class ScalaScale(NamedTuple):
    """A scale: its description, and its degrees above 1/1 in cents; the last one is the interval that repeats it."""

    description: str
    cents: tuple[float, ...]


def read_scala(path: Path) -> ScalaScale:
    """The scale of the file `path`. Raises: DataError, one line, if it cannot be read or is not a Scala scale."""
    try:
        content = read_regular(path, LARGEST_FILE)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a Scala scale (.scl)") from error
    return parse_scala(content, str(path))


def parse_scala(content: bytes, name: str) -> ScalaScale:
    """The scale in `content`, the bytes of a Scala file that errors call `name`.

    Lines that begin with ! are comments. The first other line is the description, the second the number of degrees,
    then comes one degree a line: in cents if it has a decimal point, else as a ratio. What follows it is ignored.
    Raises: DataError, one line that names the line, if there is anything else, or nothing.
    """
    if b"\0" in content:
        raise DataError(f"{name}: holds bytes that are no text; give a Scala scale (.scl)")
    text = content.removeprefix(b"\xef\xbb\xbf").decode("latin-1")  # the encoding that the format names
    lines = re.split(r"\r\n|\r|\n", text)
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if not line.startswith("!")]
    if len(numbered) < 2:
        raise DataError(f"{name}: ends before the number of its notes; give a Scala scale (.scl)")
    size = _size(numbered[1], name)
    degrees = [each for each in numbered[2:] if each[1].strip()]
    if len(degrees) != size:
        raise DataError(f"{name}, line {numbered[1][0]}: promises {size} notes, but {len(degrees)} follow; correct it")
    cents = tuple(_cents(number, line, name) for number, line in degrees)
    if cents[-1] <= 0:
        raise DataError(
            f"{name}, line {degrees[-1][0]}: the last note, which repeats the scale, must be above 1/1; correct it"
        )
    return ScalaScale(numbered[0][1].strip(), cents)


def _size(numbered: tuple[int, str], name: str) -> int:
    number, line = numbered
    word = (line.split() or [""])[0]
    if not re.fullmatch(r"\d{1,6}", word, re.ASCII) or not 1 <= int(word) <= MOST_DEGREES:
        raise DataError(
            f"{name}, line {number}: {line.strip()[:40]!r} must be the number of notes, from 1 to {MOST_DEGREES}"
        )
    return int(word)


def _cents(number: int, line: str, name: str) -> float:
    """The degree of the line in cents."""
    asked = line.strip()
    if match := re.match(rf"({_CENTS.pattern})(?=\s|$)", asked, re.ASCII):
        cents = float(match[0])
    elif match := re.match(rf"{_RATIO.pattern}(?=\s|$)", asked, re.ASCII):
        cents = _cents_of_ratio(int(match["over"]), int(match["under"] or 1), f"{name}, line {number}")
    else:
        raise DataError(f"{name}, line {number}: {asked[:40]!r} is neither cents, such as 701.955, nor a ratio, as 3/2")
    if abs(cents) > MOST_CENTS:
        raise DataError(f"{name}, line {number}: {asked[:40]!r} is more than ten octaves; correct it")
    return cents


def _cents_of_ratio(over: int, under: int, where: str) -> float:
    if over == 0 or under == 0:
        raise DataError(f"{where}: a ratio of 0 is no pitch; correct it")
    ratio = Fraction(over, under)  # in lowest terms, so that equal ratios give equal numbers
    return 1200 * (math.log2(ratio.numerator) - math.log2(ratio.denominator))
