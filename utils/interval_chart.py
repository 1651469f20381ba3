"""Means with their intervals, one below the other, as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from utils.pictures import save_figure

_WIDTH, _ROW, _MARGIN = 6.4, 0.38, 1.3  # inches
_NARROWEST_PLOT = 3.2  # inches
_COLOURS = ("tab:blue", "tab:gray", "tab:orange")


@dataclass(frozen=True)
class IntervalRow:
    """A mean, its interval if there is one, the single values behind it, and a value to compare it with."""

    label: str
    mean: float | None  # None: nothing is known
    interval: tuple[float, float] | None
    values: Sequence[float]
    beside: float | None


def save_intervals(
    path: Path, rows: Sequence[IntervalRow], *, title: str, beside: str, lines: Mapping[str, float]
) -> None:
    """Write a PNG with a row for each of `rows`, the first on top, atomically.

    `beside` names the values to compare with, and `lines` are vertical ones by name.
    """
    height = _MARGIN + _ROW * len(rows)
    figure = Figure(figsize=(_WIDTH, height))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    mean, single, other = _COLOURS
    for place, row in enumerate(rows):
        if row.interval is not None:
            axes.plot(row.interval, (place, place), color=mean, linewidth=2, zorder=1)
        axes.scatter(row.values, [place] * len(row.values), s=14, color=single, zorder=2)
        if row.mean is not None:
            axes.scatter([row.mean], [place], s=36, marker="D", color=mean, zorder=3)
        if row.beside is not None:
            axes.scatter([row.beside], [place], s=36, marker="|", color=other, zorder=2)
    for name, value in lines.items():
        axes.axvline(value, color="tab:green", linewidth=1, linestyle="--", label=name)
    labels = (("mean over seeds, interval of 95 %", "D", mean), ("one seed", "o", single), (beside, "|", other))
    for label, marker, colour in labels:
        axes.scatter([], [], marker=marker, color=colour, label=label)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=8, parse_math=False)
    labels_width = 0.2 + max(label.get_window_extent().width for label in axes.get_yticklabels()) / figure.dpi
    width = max(_WIDTH, labels_width + _NARROWEST_PLOT)
    figure.set_size_inches(width, height)
    figure.subplots_adjust(left=labels_width / width, right=0.97, bottom=0.75 / height, top=1 - 0.35 / height)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="x", labelsize=7)
    axes.grid(axis="x", linewidth=0.3)
    axes.set_title(title, fontsize=9, parse_math=False)
    figure.legend(loc="lower center", ncols=2, fontsize=7, frameon=False)
    save_figure(figure, path)
