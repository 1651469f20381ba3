import os

import pytest

from utils.folder_lock import is_locked
from utils.run_lock import HOLDER_NAME, RunFolderLock, read_holder


def test_run_that_never_began_leaves_no_folder(tmp_path):
    with RunFolderLock(tmp_path / "run") as lock:
        lock.take()
        assert (tmp_path / "run").is_dir()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", ['{"pid": 1, "host": "far", "since": "then"}', "{", "[]", '{"pid": "1"}', ""])
def test_file_of_a_killed_holder_locks_nothing(tmp_path, left):
    (tmp_path / HOLDER_NAME).write_text(left)
    assert not is_locked(tmp_path)
    assert (str(read_holder(tmp_path)) == "process 1 on far, since then") == ("far" in left)
    with RunFolderLock(tmp_path) as lock:
        lock.take()
        assert read_holder(tmp_path).pid == os.getpid()
