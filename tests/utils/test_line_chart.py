import numpy as np
import pytest
from matplotlib.image import imread

from utils.line_chart import CurveGroup, save_curves

pytestmark = pytest.mark.usefixtures("with_figures")


def drawn(path, *groups):
    save_curves(path, groups, title="$score_{", x_label="notes seen", y_label="score")
    return imread(path)[..., :3]


def of_colour(picture, colour):
    return int((np.abs(picture - np.array(colour) / 255).max(axis=2) < 0.02).sum())


BLUE, ORANGE = (31, 119, 180), (255, 127, 14)
RISING, FALLING = [(0, 0.0), (9, 1.0)], [(0, 1.0), (9, 0.0)]


def test_each_group_has_a_colour_and_a_thick_mean(tmp_path):
    one = drawn(tmp_path / "1.png", CurveGroup("a", RISING, []))
    two = drawn(tmp_path / "2.png", CurveGroup("a", RISING, []), CurveGroup("b", FALLING, []))
    thin = drawn(tmp_path / "3.png", CurveGroup("a", [], [RISING]))
    assert of_colour(one, BLUE) > 500
    assert of_colour(one, ORANGE) == 0
    assert of_colour(two, ORANGE) > 500
    assert of_colour(thin, BLUE) < of_colour(one, BLUE) / 2


def test_names_are_shown_whatever_they_begin_with_and_are_no_formulas(tmp_path):
    pictures = [drawn(tmp_path / f"{place}.png", CurveGroup(name, RISING, [])) for place, name in enumerate("ab")]
    hidden = [drawn(tmp_path / f"_{place}.png", CurveGroup(f"_{name}", RISING, [])) for place, name in enumerate("ab")]
    assert not np.array_equal(*pictures)
    assert not np.array_equal(*hidden)
    drawn(tmp_path / "formula.png", CurveGroup("$\\frac{", RISING, []))


def test_names_stand_beside_the_curves(tmp_path):
    """However many and long they are: the rightmost ink of the curve is left of the names."""
    short = drawn(tmp_path / "short.png", CurveGroup("a", RISING, []))
    long = drawn(tmp_path / "long.png", *[CurveGroup("W" * 60, RISING, [])] * 9)
    assert long.shape[1] > short.shape[1] + 300
    dark = np.flatnonzero((long.max(axis=2) < 0.3).any(axis=0))  # columns with ink of letters and axes
    assert dark[-1] < long.shape[1] - 3
    plot = np.flatnonzero((long[long.shape[0] // 2] < 0.3).all(axis=1))
    assert plot[0] < short.shape[1] * 0.2
