import copy
import logging

import pytest

from utils.errors import CheckpointError
from utils.folder_lock import is_locked
from utils.run_folder import require_same_experiment, set_aside
from utils.run_lock import HOLDER_NAME, RunFolderLock, read_holder

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
            set_aside(lock)
            assert [path.name for path in run.iterdir()] == [HOLDER_NAME]
            assert is_locked(run)
        kept = tmp_path / f"run.before-{number}"
        assert [path.name for path in kept.iterdir()] == ["weights"]
        assert (kept / "weights").read_text() == f"{number}"
        assert caplog.messages[-1] == f"the earlier run is kept as {kept}"
    assert not run.exists()


def test_setting_aside_an_empty_folder_does_nothing(tmp_path):
    with RunFolderLock(tmp_path / "run") as lock:
        lock.take()
        set_aside(lock)
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["run"]


def test_setting_aside_what_a_link_leads_to_leaves_the_link(tmp_path):
    (tmp_path / "place" / "run").mkdir(parents=True)
    (tmp_path / "place" / "run" / "weights").write_text("")
    (tmp_path / "link").symlink_to("place/run")
    with RunFolderLock(tmp_path / "link") as lock:
        lock.take()
        set_aside(lock)
        assert is_locked(tmp_path / "place" / "run")
        assert read_holder(tmp_path / "link")
    assert (tmp_path / "place" / "run.before-1" / "weights").exists()


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
    remedy = "give it those values, give another run name (-n), or begin anew with --restart"
    assert f"({message}); {remedy}" in str(caught.value)


def test_another_schedule_is_refused_with_the_way_to_go_on(tmp_path):
    with pytest.raises(CheckpointError, match=rf"add -n NAME --continue-from {tmp_path}$"):
        require_same_experiment(tmp_path, BEFORE, changed("modelConfig", "maxIterAtScale", [9, 9]))
    now = changed("modelConfig", "maxIterAtScale", [9, 9])
    now["modelConfig"]["depthScales"] = [1, 1]
    with pytest.raises(CheckpointError, match=r"or begin anew with --restart$"):
        require_same_experiment(tmp_path, BEFORE, now)


def test_long_values_are_cut(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        require_same_experiment(tmp_path, BEFORE, changed("modelConfig", "depthScales", list(range(1000))))
    assert len(str(caught.value)) < 500


def test_every_change_is_named(tmp_path):
    now = changed("loaderConfig", "size", 11) | {"modelConfig": {"depthScales": [1], "keepCheckpoints": 3}}
    with pytest.raises(CheckpointError, match=r"size was 10, is 11; modelConfig\.depthScales was"):
        require_same_experiment(tmp_path, BEFORE, now)
