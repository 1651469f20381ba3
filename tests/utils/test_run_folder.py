import copy
import errno
import fcntl
import json
import logging
import os
import socket
import threading

import pytest

from utils.errors import CheckpointError, UserError
from utils.run_folder import (
    CONFIG_NAME,
    HOLDER_NAME,
    RunFolderLock,
    is_trained_now,
    read_holder,
    require_same_experiment,
    write_config,
)

BEFORE = {
    "name": "run",
    "comments": "",
    "output_path": "runs",
    "loaderConfig": {"data_path": "notes", "att_dict_path": None, "size": 10},
    "transformConfig": {"transform": "mag-if", "fft_size": 64},
    "modelConfig": {"depthScales": [4, 4], "keepCheckpoints": 3},
}


def changed(section, key, value):
    now = copy.deepcopy(BEFORE)
    (now[section] if section else now)[key] = value
    return now


def test_setting_aside_renames_to_the_first_free_number(tmp_path, caplog):
    run = tmp_path / "run"
    caplog.set_level(logging.INFO, logger="utils")
    for number in (1, 2, 3):
        with RunFolderLock(run) as lock:
            lock.take()
            (run / "weights").write_text(f"{number}")
            lock.set_aside()
            assert [path.name for path in run.iterdir()] == [HOLDER_NAME]
        kept = tmp_path / f"run.before-{number}"
        assert (kept / "weights").read_text() == f"{number}"
        assert caplog.messages[-1] == f"the earlier run is kept as {kept}"
    assert not run.exists()


def test_setting_aside_an_empty_folder_does_nothing(tmp_path):
    with RunFolderLock(tmp_path / "run") as lock:
        lock.take()
        lock.set_aside()
        assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_second_trainer_is_refused_until_the_first_is_done(tmp_path):
    run = tmp_path / "run"
    with RunFolderLock(run) as first:
        first.take()
        (run / "weights").write_text("")
        with RunFolderLock(run) as second, pytest.raises(CheckpointError, match="another process trains there now"):
            second.take()
        assert (run / "weights").exists()
    with RunFolderLock(run) as third:
        third.take()


def test_folder_set_aside_stays_locked_with_its_successor(tmp_path):
    with RunFolderLock(tmp_path / "run") as lock:
        lock.take()
        (tmp_path / "run" / "weights").write_text("")
        lock.set_aside()
        for name in ("run", "run.before-1"):
            with RunFolderLock(tmp_path / name) as other, pytest.raises(CheckpointError, match="another process"):
                other.take()


def test_file_in_the_place_of_the_run_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with RunFolderLock(tmp_path / "run") as lock, pytest.raises(UserError, match="a file stands where a folder is"):
        lock.take()
    assert (tmp_path / "run").is_file()


def test_config_is_written_with_its_folder(tmp_path):
    write_config(tmp_path / "runs" / "run", BEFORE)
    assert json.loads((tmp_path / "runs" / "run" / CONFIG_NAME).read_text()) == BEFORE


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("", "name"),
        ("", "comments"),
        ("", "output_path"),
        ("loaderConfig", "data_path"),
        ("loaderConfig", "att_dict_path"),
        ("modelConfig", "keepCheckpoints"),
    ],
)
def test_keys_that_do_not_shape_the_learning_may_change(tmp_path, section, key):
    require_same_experiment(tmp_path, BEFORE, changed(section, key, "other"))


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("loaderConfig", "size", 11, "loaderConfig.size was 10, is 11"),
        ("transformConfig", "fft_size", 128, "transformConfig.fft_size was 64, is 128"),
        ("modelConfig", "depthScales", [4, 8], "modelConfig.depthScales was [4, 4], is [4, 8]"),
        ("modelConfig", "lambdaGP", 1, "modelConfig.lambdaGP was None, is 1"),
    ],
)
def test_another_experiment_is_refused_with_what_changed(tmp_path, section, key, value, message):
    with pytest.raises(CheckpointError) as caught:
        require_same_experiment(tmp_path, BEFORE, changed(section, key, value))
    assert f"({message}); give another name with -n, or --restart" in str(caught.value)


def test_every_change_is_named(tmp_path):
    now = changed("loaderConfig", "size", 11) | {"modelConfig": {"depthScales": [1], "keepCheckpoints": 3}}
    with pytest.raises(CheckpointError, match=r"size was 10, is 11; modelConfig\.depthScales was"):
        require_same_experiment(tmp_path, BEFORE, now)


def test_holder_is_told_while_the_lock_is_held_and_not_after(tmp_path):
    run = tmp_path / "run"
    with RunFolderLock(run) as lock:
        lock.take()
        (run / "weights").write_text("")
        assert is_trained_now(run)
        holder = read_holder(run)
        assert (holder.pid, holder.host) == (os.getpid(), socket.gethostname())
        with RunFolderLock(run) as other, pytest.raises(CheckpointError, match=rf"now \(process {os.getpid()} on "):
            other.take()
        assert read_holder(run) == holder
    assert not is_trained_now(run)
    assert read_holder(run) is None


@pytest.mark.parametrize("left", ['{"pid": 1, "host": "far", "since": "then"}', "{", "[]", '{"pid": "1"}', ""])
def test_file_of_a_killed_holder_locks_nothing(tmp_path, left):
    (tmp_path / HOLDER_NAME).write_text(left)
    assert not is_trained_now(tmp_path)
    assert (str(read_holder(tmp_path)) == "process 1 on far, since then") == ("far" in left)
    with RunFolderLock(tmp_path) as lock:
        lock.take()
        assert read_holder(tmp_path).pid == os.getpid()


def test_one_who_asks_for_an_instant_does_not_keep_a_trainer_out(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    asking = threading.Timer(0.05, os.close, [descriptor])
    asking.start()
    with RunFolderLock(tmp_path) as lock:
        lock.take()
        asking.join()
        assert is_trained_now(tmp_path)


def test_folder_that_its_holder_removed_meanwhile_is_locked_anew(tmp_path, monkeypatch):
    run = tmp_path / "run"
    original, calls = fcntl.flock, []

    def removed_before_the_first(descriptor, operation):
        calls.append(1)
        if len(calls) == 1:
            run.rmdir()
        original(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", removed_before_the_first)
    with RunFolderLock(run) as lock:
        lock.take()
        assert is_trained_now(run)


def test_disk_that_knows_no_locks_is_a_warning(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with RunFolderLock(tmp_path) as lock:
        lock.take()
        assert read_holder(tmp_path).pid == os.getpid()
        assert not is_trained_now(tmp_path)
    assert caplog.messages == [f"{tmp_path}: its disk knows no locks; see to it that no other process trains there"]
