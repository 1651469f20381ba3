import numpy as np
import pytest
from matplotlib.image import imread

from utils.interval_chart import IntervalRow, save_intervals

pytestmark = pytest.mark.usefixtures("with_figures")
FULL = IntervalRow("full", 2.0, (1.0, 3.0), [1.5, 2.5], 1.2)


def drawn(path, rows, **lines):
    save_intervals(path, rows, title="$score_{", beside="floor", lines=lines)
    return imread(path)[..., :3]


def coloured(picture, colour):
    return int((np.abs(picture - np.array(colour) / 255).max(axis=2) < 0.02).sum())


BLUE, GREEN, ORANGE = (31, 119, 180), (44, 160, 44), (255, 127, 14)


def test_rows_make_the_picture_higher_and_names_are_no_formulas(tmp_path):
    one, two = (drawn(tmp_path / f"{n}.png", [FULL, IntervalRow("$a", None, None, [], None)][:n]) for n in (1, 2))
    assert one.shape[0] < two.shape[0]
    assert one.shape[1] == two.shape[1]


@pytest.mark.parametrize(
    ("other", "colour"),
    [(IntervalRow("full", 2.0, None, [1.0, 3.0], 1.2), BLUE), (IntervalRow("full", 2.0, (1.0, 3.0), [], None), ORANGE)],
)
def test_what_is_not_known_is_not_drawn(tmp_path, other, colour):
    full, without = drawn(tmp_path / "full.png", [FULL]), drawn(tmp_path / "other.png", [other])
    assert coloured(full, colour) > coloured(without, colour)


def test_lines_are_drawn(tmp_path):
    assert coloured(drawn(tmp_path / "without.png", [FULL]), GREEN) == 0
    assert coloured(drawn(tmp_path / "with.png", [FULL], unseen=2.2), GREEN) > 0


@pytest.mark.parametrize("length", [4, 40, 120])
def test_long_names_stay_whole_beside_the_plot(tmp_path, length):
    picture = drawn(tmp_path / "chart.png", [IntervalRow("W" * length, 2.0, (1.0, 3.0), [1.5], 1.2)])
    dark = np.flatnonzero((picture.max(axis=2) < 0.3).any(axis=0))  # columns with ink
    assert 5 < dark[0] < 40
