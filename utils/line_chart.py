"""Curves of several groups, each group's mean above its single members, as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from utils.pictures import save_figure

Points = Sequence[tuple[float, float]]
"""(x, y) of each point of a curve, from left to right."""

_WIDTH, _HEIGHT = 6.4, 4.2  # inches, without the legend, which would hide curves


@dataclass(frozen=True)
class CurveGroup:
    """Curves under one name, and their mean."""

    label: str
    mean: Points
    members: Sequence[Points]


def save_curves(path: Path, groups: Sequence[CurveGroup], *, title: str, x_label: str, y_label: str) -> None:
    """Write a PNG with a thick line for the mean of each group and a thin one for each member, atomically."""
    figure = Figure(figsize=(_WIDTH, _HEIGHT))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    figure.subplots_adjust(left=0.12, right=0.97, bottom=0.13, top=0.92)
    for place, group in enumerate(groups):
        colour = f"C{place % 10}"
        for member in group.members:
            axes.plot(*_columns(member), color=colour, linewidth=0.6, alpha=0.6)
        # matplotlib would hide labels that begin with _
        axes.plot(*_columns(group.mean), color=colour, linewidth=2, marker=".", label=f"\u200b{group.label}")
    axes.set_xlabel(x_label, fontsize=8)
    axes.set_ylabel(y_label, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(linewidth=0.3)
    axes.set_title(title, fontsize=9, parse_math=False)
    if groups:  # matplotlib warns of an empty legend
        legend = axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        for text in legend.get_texts():
            text.set_parse_math(False)
        width = _WIDTH + legend.get_window_extent().width / figure.dpi
        figure.set_size_inches(width, _HEIGHT)
        figure.subplots_adjust(left=0.12 * _WIDTH / width, right=0.97 * _WIDTH / width)
    save_figure(figure, path)


def _columns(points: Points) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
