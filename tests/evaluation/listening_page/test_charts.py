"""Charts of losses and of scores while training: curves stay in their box, and say their last values."""

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from evaluation.listening_page.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, chart, growth_marks, in_words
from evaluation.listening_page.runs import open_runs
from evaluation.listening_page.training_charts import training_charts
from tests.evaluation.listening_page.pages import make_page
from tests.playing import CPU

SERIES = {"loss": "network"}


def places(path):
    return [tuple(map(float, pair.split(","))) for pair in re.findall(r"[-\d.e+]+,[-\d.e+]+", path)]


def rows_of(values):
    return [{"step": step, "loss": value} for step, value in enumerate(values)]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=1500))
def test_curve_stays_in_its_box_and_keeps_the_extremes(values):
    drawn = chart("Loss", rows_of(values), SERIES, [])
    across, down = zip(*places(drawn.curves[0].path), strict=True)
    assert len(across) <= 400
    assert list(across) == sorted(across)
    assert min(across) >= LEFT
    assert max(across) <= WIDTH - RIGHT
    assert min(down) >= TOP
    assert max(down) <= HEIGHT - BOTTOM
    if max(values) > min(values):
        assert (min(down), max(down)) == (TOP, HEIGHT - BOTTOM)


def test_peaks_of_a_long_log_are_drawn():
    values = [1.0] * 5000
    values[1234], values[4321] = 9.0, -9.0
    down = [y for _, y in places(chart("Loss", rows_of(values), SERIES, []).curves[0].path)]
    assert (min(down), max(down)) == (TOP, HEIGHT - BOTTOM)
    assert len(down) < 400


def test_what_is_no_number_is_left_out():
    rows = [{"step": 0, "loss": 1.0}, {"step": 1, "loss": math.nan}, {"step": 2, "loss": "x"}, {"step": "y", "loss": 2}]
    drawn = chart("Loss", [*rows, {"step": 3}, {"step": 4, "loss": 3}], SERIES, [])
    assert len(places(drawn.curves[0].path)) == 2
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
