"""Scala files: what they say, and what is broken in them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.tuning.scala import parse_scala, read_scala
from utils.errors import DataError

MEANTONE = b"""! meanquar.scl
!
1/4-comma meantone scale. Pietro Aaron's temperament (1523)
 12
!
 76.04900
 193.15686
 310.26471
 5/4
 503.42157
 579.47057
 696.57843
 25/16
 889.73529
 1006.84314
 1082.89214
 2/1
"""
HEAD = b"a scale\n 2\n"


def test_a_scale_of_cents_and_ratios():
    scale = parse_scala(MEANTONE, "meanquar.scl")
    assert scale.description == "1/4-comma meantone scale. Pietro Aaron's temperament (1523)"
    assert len(scale.cents) == 12
    assert scale.cents[:3] == (76.049, 193.15686, 310.26471)
    assert scale.cents[3] == pytest.approx(386.3137138648348, abs=1e-9)
    assert scale.cents[7] == pytest.approx(772.6274277296696, abs=1e-9)
    assert scale.cents[-1] == 1200


@pytest.mark.parametrize(
    ("degrees", "cents"),
    [
        (b"3/2\n2", (701.9550008653874, 1200)),
        (b"  700.  cents\n 1200.0 ! the octave", (700, 1200)),
        (b"81/64 E\\\n4/2 (octave)", (407.8200034615497, 1200)),
        (b"-5.0\n+1200.", (-5, 1200)),
        (b".5\n3", (0.5, 1901.9550008653874)),
        (b"7/8\r\n2/1\r\n\r\n", (-231.1740935308751, 1200)),
        (b"! no degree\n1/1\n! nor this\n2/1", (0, 1200)),
        (b"3 / 2\n2/1", (701.9550008653874, 1200)),
    ],
)
def test_what_a_degree_may_look_like(degrees, cents):
    assert parse_scala(HEAD + degrees, "a.scl").cents == pytest.approx(cents, abs=1e-9)


def test_what_the_format_allows_beside_degrees():
    assert parse_scala(b"\n1\n2/1", "a.scl").description == ""
    assert parse_scala(b"\xef\xbb\xbfx\n 1 note\n2/1", "a.scl").description == "x"
    assert parse_scala("Stübe\n1\n2/1".encode("latin-1"), "a.scl").description == "Stübe"
    huge = b"1" + b"0" * 250
    assert parse_scala(b"x\n1\n" + huge + b"/" + huge[:-1], "a.scl").cents[0] == pytest.approx(1200 * math.log2(10))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.scl: ends before the number of its notes; give a Scala scale (.scl)"),
        (b"! only\n! comments", "a.scl: ends before the number of its notes; give a Scala scale (.scl)"),
        (b"\x00\x01", "a.scl: holds bytes that are no text; give a Scala scale (.scl)"),
        (b"x\ntwelve\n2/1", "a.scl, line 2: 'twelve' must be the number of notes, from 1 to 10000"),
        (b"x\n0\n", "a.scl, line 2: '0' must be the number of notes, from 1 to 10000"),
        (b"x\n\n2/1", "a.scl, line 2: '' must be the number of notes, from 1 to 10000"),
        (b"x\n2.0\n2/1", "a.scl, line 2: '2.0' must be the number of notes, from 1 to 10000"),
        (b"x\n3\n3/2\n2/1", "a.scl, line 2: promises 3 notes, but 2 follow; correct it"),
        (b"x\n1\n3/2\n2/1", "a.scl, line 2: promises 1 notes, but 2 follow; correct it"),
        (HEAD + b"1,5\n2/1", "a.scl, line 3: '1,5' is neither cents, such as 701.955, nor a ratio, as 3/2"),
        (HEAD + b"-3/2\n2/1", "a.scl, line 3: '-3/2' is neither cents, such as 701.955, nor a ratio, as 3/2"),
        (HEAD + b"3/2x\n2/1", "a.scl, line 3: '3/2x' is neither cents, such as 701.955, nor a ratio, as 3/2"),
        (HEAD + b"nan\n2/1", "a.scl, line 3: 'nan' is neither cents, such as 701.955, nor a ratio, as 3/2"),
        (HEAD + b"1e3\n2/1", "a.scl, line 3: '1e3' is neither cents, such as 701.955, nor a ratio, as 3/2"),
        (HEAD + b"3/0\n2/1", "a.scl, line 3: a ratio of 0 is no pitch; correct it"),
        (HEAD + b"0\n2/1", "a.scl, line 3: a ratio of 0 is no pitch; correct it"),
        (HEAD + b"99999.\n2/1", "a.scl, line 3: '99999.' is more than ten octaves; correct it"),
        (HEAD + b"3/2\n1/1", "a.scl, line 4: the last note, which repeats the scale, must be above 1/1; correct it"),
        (HEAD + b"3/2\n-10.", "a.scl, line 4: the last note, which repeats the scale, must be above 1/1; correct it"),
    ],
)
def test_what_is_broken_is_one_line(content, message):
    with pytest.raises(DataError) as caught:
        parse_scala(content, "a.scl")
    assert str(caught.value) == message


@given(st.binary(max_size=200))
def test_any_bytes_are_a_scale_or_one_line(content):
    fault = None
    try:
        assert parse_scala(content, "a.scl").cents[-1] > 0
    except DataError as error:
        fault = str(error)
    assert fault is None or "\n" not in fault


@given(cents=st.lists(st.floats(-11_999, 11_999), max_size=30), last=st.floats(0.001, 11_999), noise=st.booleans())
def test_scales_written_are_the_scales_read(cents, last, noise):
    lines = [f" {each:.9f}{' remark' if noise else ''}" for each in (*cents, last)]
    content = "\n".join(["! x.scl", "x", str(len(lines)), *(["!"] if noise else []), *lines]).encode()
    assert parse_scala(content, "x").cents == pytest.approx((*cents, last), abs=1e-8)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "ok.scl").write_bytes(MEANTONE)
    assert len(read_scala(tmp_path / "ok.scl").cents) == 12
    (tmp_path / "large.scl").write_bytes(b"!" * (2**20 + 1))
    for name, message in (
        ("none.scl", "no such file; check the path"),
        ("", "cannot be read"),
        ("large.scl", "larger"),
    ):
        with pytest.raises(DataError, match=message):
            read_scala(tmp_path / name)
