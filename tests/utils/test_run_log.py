"""The table of scores: what a resumed run keeps of it. The last rows of `log.jsonl`; the rest with runs themselves."""

import errno
import json
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from utils import run_log
from utils.errors import UserError
from utils.run_log import LOG_NAME, SCORES_NAME, RunLog, read_last_rows, read_scores


@pytest.fixture
def written(tmp_path):
    def write(first_step, steps, **values):
        log = RunLog(tmp_path, first_step)
        try:
            for step in steps:
                log.write_scores(step, {"pis": step + 0.1, **values})
        finally:
            log.close()

    return write


def test_scores_are_a_table_of_exact_numbers(written, tmp_path):
    written(0, [1, 3])
    assert (tmp_path / SCORES_NAME).read_text() == "step,pis\n1,1.1\n3,3.1\n"
    assert read_scores(tmp_path) == [{"step": 1, "pis": 1.1}, {"step": 3, "pis": 3.1}]


def test_run_without_scores_has_no_table(written, tmp_path):
    written(0, [])
    assert not (tmp_path / SCORES_NAME).exists()
    assert read_scores(tmp_path) == []


@pytest.mark.parametrize(
    ("first_step", "kept"), [(0, []), (1, []), (2, [1]), (4, [1, 3]), (6, [1, 3, 5]), (99, [1, 3, 5])]
)
def test_rows_from_where_a_run_resumes_are_dropped(written, tmp_path, first_step, kept):
    written(0, [1, 3, 5])
    written(first_step, [101])
    assert [row["step"] for row in read_scores(tmp_path)] == [*kept, 101]


@pytest.mark.parametrize("tail", ["5", "5,5.", "\0\0\0\0", "\n\n", "5,5.1,7\n"])
def test_rows_that_a_kill_cut_short_are_dropped(written, tmp_path, tail):
    written(0, [1, 3])
    with (tmp_path / SCORES_NAME).open("a") as file:
        file.write(tail)
    assert [row["step"] for row in read_scores(tmp_path)] == [1, 3]
    written(99, [101])
    assert (tmp_path / SCORES_NAME).read_text() == "step,pis\n1,1.1\n3,3.1\n101,101.1\n"


@pytest.mark.parametrize("left", ["", "st", "step,pis", "step,pis\n"])
def test_table_cut_short_in_its_first_lines_is_begun_anew(written, tmp_path, left):
    (tmp_path / SCORES_NAME).write_text(left)
    written(5, [7])
    assert (tmp_path / SCORES_NAME).read_text() == "step,pis\n7,7.1\n"


def test_table_of_other_columns_is_refused(written, tmp_path):
    written(0, [1])
    with pytest.raises(UserError, match=r"scores\.csv: has other columns than step, pis, iis; move it away"):
        written(2, [3], iis=2.0)
    assert [row["step"] for row in read_scores(tmp_path)] == [1]


def log_of(folder, lengths, padding=""):
    """A log with so many rows per scale."""
    scales = [scale for scale, length in enumerate(lengths) for _ in range(length)]
    rows = [{"step": step, "scale": scale, "alpha": 0.5} for step, scale in enumerate(scales)]
    lines = (json.dumps(row) + padding * (row["step"] % 3) + "\n" for row in rows)
    (folder / LOG_NAME).write_text("".join(lines))
    return rows


@given(lengths=st.lists(st.integers(0, 40), max_size=6), most=st.integers(1, 50), tail=st.integers(1, 4000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_last_rows_of_each_scale_are_found_wherever_they_lie(tmp_path, monkeypatch, lengths, most, tail):
    rows = log_of(tmp_path, lengths, " ")
    expected = {}
    for row in rows:
        expected.setdefault(row["scale"], []).append(row)
    monkeypatch.setattr(run_log, "_TAIL", 4000 + tail)
    monkeypatch.setattr(run_log, "_LONGEST_LINE", 200)
    assert read_last_rows(tmp_path, most) == {scale: of_scale[-most:] for scale, of_scale in expected.items()}


@pytest.mark.parametrize(
    "end",
    [
        '{"step": 9',
        "\0" * 5000,
        "\n\n\n",
        "nonsense\n[1]\n",
        '{"step": 1, "scale": "x"}\n',
        '{"step": NaN, "scale": 1}\n',
    ],
)
def test_last_rows_before_what_a_kill_or_a_power_cut_left(tmp_path, monkeypatch, end):
    rows = log_of(tmp_path, [3, 2])
    monkeypatch.setattr(run_log, "_TAIL", 1000)
    with (tmp_path / LOG_NAME).open("a") as file:
        file.write(end)
    assert read_last_rows(tmp_path) == {0: rows[:3], 1: rows[3:]}


def test_long_log_is_read_in_a_few_places_only(tmp_path, monkeypatch):
    rows = log_of(tmp_path, [30_000, 40_000])
    read = []
    original = run_log._rows_between
    monkeypatch.setattr(run_log, "_rows_between", lambda file, a, b: read.append(b - a) or original(file, a, b))
    assert {scale: len(of_scale) for scale, of_scale in read_last_rows(tmp_path, 10).items()} == {0: 10, 1: 10}
    assert read_last_rows(tmp_path, 10)[0][-1] == rows[29_999]
    assert sum(read) < 2 * (tmp_path / LOG_NAME).stat().st_size


def test_rows_in_disorder_end_the_search(tmp_path):
    text = "".join(json.dumps({"step": step, "scale": step % 2}) + "\n" for step in range(9))
    (tmp_path / LOG_NAME).write_text(text)
    assert read_last_rows(tmp_path).keys() <= {0, 1}


def test_run_without_a_log_has_no_rows(tmp_path):
    assert read_last_rows(tmp_path) == {}


def test_full_disk_under_tensorboard_is_one_error_without_a_traceback_of_its_thread(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = threading.excepthook
    log = RunLog(tmp_path, 0)
    monkeypatch.setattr("tensorboard.compat.tensorflow_stub.io.gfile.LocalFileSystem.append", full)
    log.tensorboard.add_text("note", "x" * 10**6)
    with pytest.raises(UserError, match=r"log\.jsonl: no space left on the disk"):
        log.close()
    assert threading.excepthook is before
    assert capsys.readouterr().err == ""
