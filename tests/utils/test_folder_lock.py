import errno
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from tests.places import ROOT
from utils.errors import UserError
from utils.files import remove_partial_folders
from utils.folder_lock import FolderLock, is_locked


def test_second_process_is_refused_until_the_first_is_done_and_nothing_is_left(tmp_path):
    folder = tmp_path / "folder"
    with FolderLock(folder) as first, FolderLock(folder) as second:
        assert first.acquire()
        assert not second.acquire()
        assert is_locked(folder)
    assert not is_locked(folder)
    assert list(tmp_path.iterdir()) == []


def test_folder_is_locked_under_all_its_names(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    monkeypatch.chdir(tmp_path / "folder")
    with FolderLock(tmp_path / "folder") as lock:
        assert lock.acquire()
        assert all(is_locked(Path(name)) for name in (".", "../folder", "../link", tmp_path / "link"))
        assert list((tmp_path / "folder").iterdir()) == []


def test_killed_process_locks_nothing(tmp_path):
    script = (
        "import sys; from pathlib import Path; from utils.folder_lock import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "folder")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        assert is_locked(tmp_path / "folder")
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == [".folder.lock"]
    assert not is_locked(tmp_path / "folder")
    with FolderLock(tmp_path / "folder") as lock:
        assert lock.acquire()
    assert list(tmp_path.iterdir()) == []


def test_one_who_asks_for_an_instant_keeps_nobody_out(tmp_path):
    asking = FileLock(tmp_path / ".folder.lock", thread_local=False)
    asking.acquire()
    end = threading.Timer(0.05, asking.release)
    end.start()
    with FolderLock(tmp_path / "folder") as lock:
        assert lock.acquire()
        end.join()
        assert is_locked(tmp_path / "folder")


@pytest.mark.parametrize(("seconds", "wait"), [(0.05, False), (0.5, True)])
def test_one_who_waits_locks_the_file_that_is_there_once_the_holder_removed_its_own(tmp_path, seconds, wait):
    acquired = threading.Event()

    def hold():
        with FolderLock(tmp_path / "folder") as first:
            if first.acquire():
                acquired.set()
                time.sleep(seconds)

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold)
        assert acquired.wait(10)
        with FolderLock(tmp_path / "folder") as second:
            assert second.acquire(wait=wait)
            holder.result()
            assert is_locked(tmp_path / "folder")


def test_disk_that_has_no_locks_is_a_warning(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    folder, partial = tmp_path / "folder", tmp_path / ".other.partial"
    with FolderLock(folder) as lock:
        assert lock.acquire()
        partial.mkdir()
        remove_partial_folders(tmp_path)  # its writer may be alive, and nothing could tell
        partial.rmdir()
        assert not is_locked(folder)
    assert caplog.messages[:1] == [
        f"{folder}: its disk has no file locks; make sure that no other process writes there"
    ]
    assert list(tmp_path.iterdir()) == []


def test_lock_that_is_no_file_is_one_line(tmp_path):
    (tmp_path / ".folder.lock").symlink_to(".folder.lock")
    with pytest.raises(UserError, match=r"\.folder\.lock: cannot be opened \(Too many levels of symbolic links\)"):
        is_locked(tmp_path / "folder")
