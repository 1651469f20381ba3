import os
import socket

import pytest

from utils.errors import CheckpointError, UserError
from utils.folder_lock import is_locked
from utils.run_lock import HOLDER_NAME, RunFolderLock, read_holder


def test_second_trainer_is_told_who_trains_until_the_first_is_done(tmp_path):
    run = tmp_path / "run"
    with RunFolderLock(run) as first:
        first.take()
        (run / "weights").write_text("")
        holder = read_holder(run)
        assert (holder.pid, holder.host) == (os.getpid(), socket.gethostname())
        said = rf"run: another process trains there now \(process {os.getpid()} on \S+, since [\d:T+-]+\); wait for it"
        with RunFolderLock(run) as second, pytest.raises(CheckpointError, match=said):
            second.take()
        assert read_holder(run) == holder
    assert [path.name for path in run.iterdir()] == ["weights"]
    assert read_holder(run) is None
    with RunFolderLock(run) as third:
        third.take()


def test_run_that_never_began_leaves_no_folder(tmp_path):
    with RunFolderLock(tmp_path / "run") as lock:
        lock.take()
        assert (tmp_path / "run").is_dir()
    assert list(tmp_path.iterdir()) == []


def test_file_in_the_place_of_the_run_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with RunFolderLock(tmp_path / "run") as lock, pytest.raises(UserError, match="a file stands where a folder is"):
        lock.take()
    assert (tmp_path / "run").is_file()


@pytest.mark.parametrize("left", ['{"pid": 1, "host": "far", "since": "then"}', "{", "[]", '{"pid": "1"}', ""])
def test_file_of_a_killed_holder_locks_nothing(tmp_path, left):
    (tmp_path / HOLDER_NAME).write_text(left)
    assert not is_locked(tmp_path)
    assert (str(read_holder(tmp_path)) == "process 1 on far, since then") == ("far" in left)
    with RunFolderLock(tmp_path) as lock:
        lock.take()
        assert read_holder(tmp_path).pid == os.getpid()
