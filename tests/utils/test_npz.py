"""`.npz` files that lie about themselves: each is refused at once, for one reason, in little memory."""

import io
import os
import resource
import shutil
import struct
import zipfile

import numpy as np
import pytest

from tests.places import SHARED
from utils.npz import read_npz

ARRAYS = {
    "features": np.arange(12, dtype=np.float32).reshape(3, 4),
    "set/names": np.array(["tüte", "b"]),
    "empty": np.zeros((0, 5)),
    "one": np.array(7, np.int16),
}


def npy(header, content=b"", version=1):
    """One array of `.npy`, around any header."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + content


def header(shape, kind="'<f4'", fortran="False"):
    return f"{{'descr': {kind}, 'fortran_order': {fortran}, 'shape': {shape}}}"


def write(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_arrays_are_read_back(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    found = read_npz(tmp_path / "a.npz")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    found["features"][0] = 1  # the reader's to change
    assert list(read_npz(tmp_path / "a.npz", ["one"])) == ["one"]


def test_order_of_fortran_and_the_second_version_are_read(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.asfortranarray(ARRAYS["features"]))
    assert np.array_equal(read_npz(tmp_path / "a.npz")["a"], ARRAYS["features"])
    write(tmp_path / "b.npz", [("a.npy", npy(header((2,)), bytes(8), version=2))])
    assert np.array_equal(read_npz(tmp_path / "b.npz")["a"], np.zeros(2))


HOSTILE = {
    "terabytes": [("a.npy", npy(header((2**41,)), bytes(100)))],
    "beyond all numbers": [("a.npy", npy(header((2**70, 2**70)), bytes(100)))],
    "nothing times too much": [("a.npy", npy(header((0, 2**70))))],
    "less than nothing": [("a.npy", npy(header((-2, -2)), bytes(16)))],
    "more than the header says": [("a.npy", npy(header((2,)), bytes(100)))],
    "length that is text": [("a.npy", npy(header("('2',)"), bytes(8)))],
    "objects": [("a.npy", npy(header((1,), kind="'|O'"), b"cos\nsystem\n."))],
    "objects inside": [("a.npy", npy(header((1,), kind="[('a', '|O')]"), bytes(8)))],
    "raw bytes": [("a.npy", npy(header((1,), kind="'|V8'"), bytes(8)))],
    "text of gigabytes": [("a.npy", npy(header((1,), kind="'<U1000000000'"), bytes(8)))],
    "kind that is none": [("a.npy", npy(header((1,), kind="'<q9'"), bytes(8)))],
    "header that calls": [("a.npy", npy("__import__('os').system('true')"))],
    "header nested deep": [("a.npy", npy("[" * 9000 + "]" * 9000))],
    "header that is none": [("a.npy", b"\x93NUMPY\x01\x00\xff\xff{")],
    "header too long": [("a.npy", npy(header((2,)) + " " * 20_000, bytes(8)))],
    "version 3": [("a.npy", npy(header((2,)), bytes(8), version=3))],
    "pickle": [("a.npy", b"cos\nsystem\n.")],
    "other file": [("a.txt", b"text")],
    "nothing": [("a.npy", b"")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_arrays_that_are_not_what_they_say_are_refused(members, tmp_path):
    with pytest.raises(ValueError, match=r"\w"):
        read_npz(write(tmp_path / "a.npz", members))


def test_compressed_archive_is_refused_before_it_grows(tmp_path):
    path = write(tmp_path / "a.npz", [("a.npy", npy(header((2**24,)), bytes(2**26)))], zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="would be larger than the file"):
        read_npz(path)


def test_many_entries_over_the_same_bytes_are_refused(tmp_path):
    content = npy(header((1000,)), bytes(4000))
    path = write(tmp_path / "a.npz", [("a.npy", content), ("b.npy", content)])
    raw = path.read_bytes()
    second = raw.rindex(b"PK\x01\x02")  # in the list of contents: the second entry lies where the first does
    path.write_bytes(raw[: second + 42] + bytes(4) + raw[second + 46 :])
    with pytest.raises(ValueError, match=r"\w"):
        read_npz(path)


def test_every_byte_that_changes_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=ARRAYS["features"], b=ARRAYS["set/names"])
    content = path.read_bytes()
    for place, byte in enumerate(content):
        path.write_bytes(content[:place] + bytes([byte ^ 0x20]) + content[place + 1 :])
        try:
            found = read_npz(path, ["a", "b"])
        except ValueError:
            continue
        assert np.array_equal(found["a"], ARRAYS["features"]), place
        assert np.array_equal(found["b"], ARRAYS["set/names"]), place


def test_truncated_file_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    content = (tmp_path / "a.npz").read_bytes()
    for length in range(0, len(content), 97):
        (tmp_path / "a.npz").write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"\w"):
            read_npz(tmp_path / "a.npz")


def test_lone_array_and_pipe_are_refused(tmp_path):
    with io.BytesIO() as file:
        np.save(file, ARRAYS["features"])
        (tmp_path / "a.npz").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="not a zip file"):
        read_npz(tmp_path / "a.npz")
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(OSError, match="it is a pipe, not a file"):
        read_npz(tmp_path / "pipe.npz")


@pytest.mark.skipif(not SHARED.exists(), reason="a file beside the project")
def test_case_of_eight_tebibytes(tmp_path):
    path = shutil.copy(SHARED / "cases" / "huge_header.npz", tmp_path / "a.npz")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="its header says"):
        read_npz(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
