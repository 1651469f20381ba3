"""Charts of losses and of scores while training: curves stay in their box, and say their last values."""

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from evaluation.listening_page.charts import chart, growth_marks, in_words
from evaluation.listening_page.runs import open_runs
from evaluation.listening_page.training_charts import training_charts
from tests.evaluation.listening_page.pages import make_page
from tests.playing import CPU

SERIES = {"loss": "network"}


def values_of(drawn):
    """(step, value) of its first curve, where it has one."""
    return [(step, y) for step, y in zip(drawn.steps, drawn.curves[0].values, strict=True) if y is not None]


def rows_of(values):
    return [{"step": step, "loss": value} for step, value in enumerate(values)]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=1500))
def test_curve_has_few_points_of_its_log_and_keeps_the_extremes(values):
    found = values_of(chart("Loss", rows_of(values), SERIES, []))
    assert len(found) <= 400
    assert found == sorted(set(found))
    assert all(values[step] == value for step, value in found)
    drawn = [value for _, value in found]
    assert (min(drawn), max(drawn)) == (min(values), max(values))
    assert len(values) > 400 or drawn == values


def test_a_log_of_one_row_is_one_point():
    drawn = chart("Loss", rows_of([2.5]), SERIES, [(0, "scale 0")])
    assert (drawn.to_plain()["steps"], drawn.curves[0].values) == ([0], [2.5])


def test_a_column_that_some_rows_lack_is_drawn_where_it_is():
    rows = [{"step": 0, "a": 1.0}, {"step": 1, "a": 2.0, "b": 5.0}, {"step": 2, "b": 6.0}]
    drawn = chart("Loss", rows, {"a": "one", "b": "two", "c": "three"}, [])
    assert drawn.steps == [0, 1, 2]
    assert [(curve.title, curve.values) for curve in drawn.curves] == [
        ("one", [1.0, 2.0, None]),
        ("two", [None, 5.0, 6.0]),
    ]


def test_what_is_no_number_is_left_out():
    rows = [{"step": 0, "loss": 1.0}, {"step": 1, "loss": math.nan}, {"step": 2, "loss": "x"}, {"step": "y", "loss": 2}]
    drawn = chart("Loss", [*rows, {"step": 3}, {"step": 4, "loss": 3}], SERIES, [])
    assert values_of(drawn) == [(0, 1.0), (4, 3)]
    assert drawn.described == "Loss over 4 steps. Last values: network 3."
    assert chart("Loss", [{"step": 0, "loss": None}], SERIES, []) is None


def test_last_values_and_growth_are_told(run_folder):
    (run,) = open_runs([run_folder], scale=None, iteration=None, device=CPU)
    assert growth_marks(run.instrument.experiment.model) == [
        (0, "scale 0"),
        (2, "scale 1"),
        (4, "scale 2"),
        (6, "scale 3"),
    ]
    rows = [f'{{"step": {step}, "d_total": {-step}.5, "g_total": {step}}}' for step in range(8)]
    (run_folder / "log.jsonl").write_text("\n".join([*rows, '{"step": 8, "d_to']))
    (run_folder / "scores.csv").write_text("step,pis,fad\n4,2.5,10\n8,3.5,9\n")
    loss, pis, fad = training_charts(run)
    assert loss.described == "Total loss over 7 steps. Last values: discriminator −7.5, generator 7."
    assert [text for _, text in loss.marks] == ["scale 0", "scale 1", "scale 2", "scale 3"]
    assert (pis.described, fad.curves[0].last) == ("Score while training: pis over 8 steps. Last values: pis 3.5.", "9")


def test_broken_table_of_scores_is_one_line(run_folder, tmp_path, capsys):
    (run_folder / "scores.csv").write_text("step,pis\n4,two\n")
    assert make_page(run_folder, tmp_path / "page", "--seeds", 0) == 2
    assert re.search(r"scores\.csv: not a table of scores \(.*\); move it away\n$", capsys.readouterr().err)
    assert not (tmp_path / "page").exists()


@given(st.floats(-1e300, 1e300))
def test_numbers_in_words_are_the_numbers(value):
    superscripts = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
    number = in_words(value).translate(superscripts).replace(" × 10", "e")
    assert math.isclose(float(number), value, rel_tol=6e-4, abs_tol=0)
