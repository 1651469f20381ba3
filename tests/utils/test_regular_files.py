"""What is no file is refused before it is opened: a pipe would block, a device never end."""

import os
import re
from pathlib import Path

import pytest

from utils.errors import UserError
from utils.files import read_json, sha256_of_file
from utils.regular_files import open_regular, read_regular, require_regular


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    return tmp_path / "pipe.json"


def test_files_and_links_to_them_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("a")
    assert require_regular(tmp_path / "link") == 3
    assert read_regular(tmp_path / "link", 3) == b"abc"
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"abc"


def test_more_than_is_wanted_is_refused(tmp_path):
    (tmp_path / "a").touch()
    os.truncate(tmp_path / "a", 10**10)
    with pytest.raises(OSError, match="it is larger than 5 MB"):
        read_regular(tmp_path / "a", 5_000_000)


def test_pipe_and_device_and_folder_are_refused(tmp_path, pipe):
    for path, what in ((pipe, "a pipe"), (Path("/dev/zero"), "a device")):
        for read in (require_regular, open_regular, sha256_of_file, lambda path: read_regular(path, 10)):
            with pytest.raises(OSError, match=f"it is {what}, not a file"):
                read(path)
    with pytest.raises(IsADirectoryError):
        require_regular(tmp_path)


def test_json_from_what_is_no_file_or_too_long_is_one_line(tmp_path, pipe):
    with pytest.raises(UserError, match=r"pipe\.json: cannot be read \(it is a pipe, not a file\); give a"):
        read_json(pipe)
    with pytest.raises(UserError, match=re.escape("/dev/zero: cannot be read (it is a device, not a file)")):
        read_json(Path("/dev/zero"))
    (tmp_path / "sparse.json").touch()
    os.truncate(tmp_path / "sparse.json", 10**10)
    with pytest.raises(UserError, match="it is larger than 64 MB"):
        read_json(tmp_path / "sparse.json")
