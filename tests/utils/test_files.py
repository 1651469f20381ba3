import errno
import hashlib
import json
import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.errors import ConfigError, DataError, UserError
from utils.files import (
    atomic_folder,
    atomic_path,
    explained_write_errors,
    read_json,
    require_disk_space,
    sha256_of_file,
    write_json,
)

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_whole_and_its_folders_with_it(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "new"
    assert names_in(path.parent) == ["file"]


def test_failed_writer_leaves_the_previous_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write_half():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_half()
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "there"), "there: no permission to write"),
        (OSError(errno.ENOSPC, "No space left on device"), "file: no space left on the disk"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "file: no space left on the disk"),
        (OSError(errno.EROFS, "Read-only file system"), r"file: cannot be written \(Read-only file system\)"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "there"), "there: a file stands where a folder is"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "there"), r"there: cannot be written \(Is a directory\)"),
    ],
)
def test_refusals_of_the_system_become_one_line(error, message, tmp_path):
    with pytest.raises(UserError, match=message), explained_write_errors(tmp_path / "file"):
        raise error


def test_other_errors_of_the_system_stay_what_they_are(tmp_path):
    with pytest.raises(OSError, match="odd"), explained_write_errors(tmp_path):
        raise OSError(errno.EIO, "odd")


def test_file_cannot_replace_a_folder_or_lie_below_a_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="Is a directory"):
        write_json(tmp_path / "folder", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="a file stands where a folder is needed"):
        write_json(tmp_path / "file" / "deeper", {})
    assert names_in(tmp_path) == ["file", "folder"]


@given(JSON_VALUES)
def test_json_reads_back_as_written(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": float("-inf")}])
def test_numbers_that_json_lacks_are_not_written(value, tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "value.json", value)
    assert names_in(tmp_path) == []


def test_json_is_indented_and_keeps_letters_as_they_are(tmp_path):
    write_json(tmp_path / "value.json", {"ç": 1})
    assert (tmp_path / "value.json").read_bytes() == '{\n  "ç": 1\n}\n'.encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\n "b" 2}', r"value\.json, line 2 column 6: not valid JSON \(Expecting ':' delimiter\); mend it"),
        (b"", r"line 1 column 1: not valid JSON"),
        (b'{"a": 1, "a": 2}', r"not usable as JSON \(key 'a' is given twice\)"),
        (b"\xff", r"byte 0 is not UTF-8"),
        (b"\xef\xbb\xbf{}", r"byte order mark: save it as UTF-8 without"),
        (b"[" * 10**5, r"nested too deeply"),
        (b"9" * 5000, r"a number of 5000 digits"),
    ],
)
def test_broken_json_is_refused_with_its_place(content, message, tmp_path):
    path = tmp_path / "value.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_json(path, DataError)


def test_json_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.json: no such file"):
        read_json(tmp_path / "none.json", ConfigError)
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\)"):
        read_json(tmp_path)
    with pytest.raises(UserError, match=r"cannot be read \(File name too long\)"):
        read_json(tmp_path / ("x" * 300))


def test_hash_is_that_of_the_bytes(tmp_path):
    content = os.urandom(100_000)
    (tmp_path / "file").write_bytes(content)
    assert sha256_of_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_disk_space_is_asked_of_the_nearest_folder_that_exists(tmp_path):
    require_disk_space(tmp_path / "not" / "yet", 1)
    with pytest.raises(UserError, match=r"yet: needs 1,000,000,000,000 MB but the disk has [\d,]+ MB free"):
        require_disk_space(tmp_path / "not" / "yet", 10**18)
    assert names_in(tmp_path) == []


def test_large_whole_numbers_survive(tmp_path):
    (tmp_path / "value.json").write_text(json.dumps([10**900]))
    assert read_json(tmp_path / "value.json") == [10**900]


def test_folder_appears_whole_and_its_parents_with_it(tmp_path):
    target = tmp_path / "a" / "b"
    with atomic_folder(target) as folder:
        (folder / "file").write_text("new")
        assert not target.exists()
    assert names_in(target.parent) == ["b"]
    assert (target / "file").read_text() == "new"


@pytest.mark.parametrize("fails", [False, True])
def test_former_folder_gives_way_only_to_a_whole_one(tmp_path, fails):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "old").write_text("")
    with suppress(KeyboardInterrupt), atomic_folder(tmp_path / "target", replace=True) as folder:
        (folder / "new").write_text("")
        if fails:
            raise KeyboardInterrupt
    assert names_in(tmp_path) == ["target"]
    assert names_in(tmp_path / "target") == (["old"] if fails else ["new"])


def test_folder_that_holds_something_is_not_replaced_unasked_and_an_empty_one_is(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    with atomic_folder(target) as folder:
        (folder / "first").write_text("")
    with pytest.raises(OSError, match="not empty"), atomic_folder(target) as folder:
        (folder / "second").write_text("")
    assert names_in(tmp_path) == ["target"]
    assert names_in(target) == ["first"]


def test_file_made_durable_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    synced = []

    def sync(descriptor):
        synced.append((os.fstat(descriptor).st_ino, names_in(tmp_path)))

    monkeypatch.setattr(os, "fsync", sync)
    with atomic_path(tmp_path / "file", durable=True) as temporary:
        temporary.write_text("new")
    assert synced == [((tmp_path / "file").stat().st_ino, [temporary.name])]


def test_second_writer_of_the_same_folder_is_refused(tmp_path):
    with (
        atomic_folder(tmp_path / "target"),
        pytest.raises(UserError, match="another process is writing it now"),
        atomic_folder(tmp_path / "target"),
    ):
        pytest.fail("two writers at once")
    assert (tmp_path / "target").is_dir()
