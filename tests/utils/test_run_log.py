"""The rows of `log.jsonl` that are read, and that a resumed run keeps; the rest with runs themselves."""

import errno
import threading

import pytest

from utils.errors import UserError
from utils.run_log import LOG_NAME, RunLog, read_last_rows, read_log

ROWS = [{"step": step, "scale": step // 3, "alpha": 1 / (step + 3)} for step in range(8)]


@pytest.fixture
def log(tmp_path):
    """Log the rows; returns the path."""
    log = RunLog(tmp_path, 0)
    for row in ROWS:
        log.write(row["step"], {name: value for name, value in row.items() if name != "step"})
    log.close()
    return tmp_path / LOG_NAME


def test_rows_are_read_as_they_were_logged_and_the_last_by_scale(log, tmp_path):
    assert read_log(tmp_path) == ROWS
    assert read_last_rows(tmp_path) == {0: ROWS[:3], 1: ROWS[3:6], 2: ROWS[6:]}
    assert read_last_rows(tmp_path, 2) == {0: ROWS[1:3], 1: ROWS[4:6], 2: ROWS[6:]}


def test_run_without_a_log_has_no_rows(tmp_path):
    assert read_last_rows(tmp_path) == {}


@pytest.mark.parametrize(
    "end", ['{"step": 9', "\0" * 5000, "\n\n\n", "[1]\n", '{"step": 9, "scale": NaN}\n', '{"step": 9, "a": "x"}\n']
)
@pytest.mark.parametrize("first_step", [0, 5, 99])
def test_rows_from_where_a_run_resumes_and_what_a_kill_or_a_power_cut_left_are_dropped(log, tmp_path, end, first_step):
    whole = log.read_text().splitlines(keepends=True)
    with log.open("a") as file:
        file.write(end)
    assert read_log(tmp_path) == ROWS
    RunLog(tmp_path, first_step).close()
    assert log.read_text() == "".join(whole[:first_step])


def test_full_disk_under_tensorboard_is_one_error_without_a_traceback_of_its_thread(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = threading.excepthook
    log = RunLog(tmp_path, 0)
    log.tensorboard.flush()  # what is still to be written would otherwise meet the full disk before the text does
    monkeypatch.setattr("tensorboard.compat.tensorflow_stub.io.gfile.LocalFileSystem.append", full)
    log.tensorboard.add_text("note", "x" * 10**6)
    with pytest.raises(UserError, match=r"log\.jsonl: no space left on the disk"):
        log.close()
    assert threading.excepthook is before
    assert capsys.readouterr().err == ""
