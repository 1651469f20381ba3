"""The table of scores: what a resumed run keeps of it; the rest with runs themselves."""

import pytest

from utils.errors import UserError
from utils.score_table import SCORES_NAME, append_scores, drop_scores_from, read_scores


@pytest.fixture
def written(tmp_path):
    """Log scores after the steps, as a run does that starts or resumes at `first_step`."""

    def write(first_step, steps, **values):
        drop_scores_from(tmp_path, first_step)
        for step in steps:
            append_scores(tmp_path, step, {"pis": step + 0.1, **values})

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
