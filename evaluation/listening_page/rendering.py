"""The page's HTML from its parts: every text escaped, and only this page's own style and scripts allowed to act."""

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data.note_pitch import pitch_name
from evaluation.listening_page.charts import Chart
from evaluation.listening_page.comparison_grid import compare_notes
from evaluation.listening_page.comparison_scores import ComparisonScores
from evaluation.listening_page.longer_sounds import LongerSound
from evaluation.listening_page.note_grid import RealNote, RunNotes
from evaluation.listening_page.runs import run_facts
from evaluation.listening_page.score_table import BASELINE, ScoreTable, better
from evaluation.listening_page.sound_files import PICTURE_SIZE
from generation.latent_controls import LatentControls
from utils.pictures import FLOOR_DB, LOWEST_HZ
from utils.web_style import web_style

_HERE = Path(__file__).parent
_UPLOT = "vendored/uPlot"
MOST_LETTERS = 11  # L repeats a note
_COMPARING = ("switching.js", "filters.js", "blind.js")
_LABELLED_HZ = (100, 1_000, 4_000)


@dataclass(frozen=True, kw_only=True)
class RunSection:
    """All that the page says of one run."""

    notes: RunNotes
    charts: list[Chart]
    longer: list[LongerSound]
    longer_left_out: list[str]
    config_file: str
    config_text: str
    train_command: str


@dataclass(frozen=True)
class Making:
    """What a page says of how it was made: the command, the format of its sounds, what was done to its latents."""

    command: str
    format_said: str
    controls: LatentControls


@dataclass(frozen=True)
class Scores:
    """The scores of a page: of single runs, and of comparisons over seeds."""

    table: ScoreTable | None
    comparisons: Sequence[ComparisonScores]


def render_page(sections: Sequence[RunSection], pitches: Sequence[int], scored: Scores, made: Making) -> str:
    """The HTML of the page."""
    scores = scored.table
    grid = [section.notes for section in sections]
    comparison = compare_notes(grid)
    has = _Parts(
        several_runs=len(sections) > 1,
        comparison=comparison is not None,
        sorting=scores is not None and sum(1 for column in scores.columns if column != BASELINE) > 1,
        charts=any(section.charts for section in sections),
    )
    theme, style, player = _text("theme.js"), web_style() + _text(*has.styles()), _text(*has.scripts())
    pitched = [notes for notes in grid if notes.run.pitches is not None]
    shown_run, shown = next(
        (each.notes.run, note) for each in sections for row in each.notes.rows.values() for note in row if note
    )
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            policy=_policy(style, theme, player),
            style=style,
            theme=theme,
            player_script=player,
            title=", ".join(notes.run.title for notes in grid),
            sections=sections,
            pitched=pitched,
            comparison=comparison,
            letters=[ascii_uppercase[number] if number < MOST_LETTERS else "" for number in range(len(grid))],
            unpitched=[notes for notes in grid if notes.run.pitches is None],
            reals_called=" / ".join(sorted({notes.reals.called for notes in grid if notes.has_reals})),
            real_rows=real_rows(pitched),
            pitches=pitches,
            scores=scores,
            comparisons=scored.comparisons,
            places={notes.run.title: place for place, notes in enumerate(grid, start=1)},
            sortable=has.sorting,
            trained=has.charts,
            made=made,
            shown=shown,
            legend_ticks=_legend_ticks(shown_run.instrument.transform.sample_rate),
        )
    )


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """Which of the parts that need style and scripts of their own a page has."""

    several_runs: bool
    comparison: bool
    sorting: bool
    charts: bool

    def styles(self) -> list[str]:
        return [
            *([f"{_UPLOT}.min.css"] if self.charts else []),
            "page.css",
            *(["comparison.css"] if self.comparison else []),
        ]

    def scripts(self) -> list[str]:
        return [
            *("page.js", "scrubber.js"),
            *(_COMPARING if self.comparison else []),
            *(["run_filter.js"] if self.several_runs else []),
            *(["score_sorting.js"] if self.sorting else []),
            *([f"{_UPLOT}.iife.min.js", "charts.js"] if self.charts else []),
        ]


def _policy(style: str, *scripts: str) -> str:
    """The page's Content-Security-Policy: this style and these scripts, by their hashes."""
    # 'self' is not enough where a browser gives files on disk no origin
    return (
        f"default-src 'none'; img-src 'self' file: data:; media-src 'self' file:; style-src {_hash(style)}; "
        f"script-src {' '.join(map(_hash, scripts))}; base-uri 'none'; form-action 'none'"
    )


def _environment() -> Environment:
    """Templates, and what all of them may use."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {
        "decibels": _decibels,
        "pitch_name": lambda pitch: pitch_name(pitch).replace("#", "♯"),
        "run_facts": run_facts,
        "better": better,
        "baseline": BASELINE,
        "picture": PICTURE_SIZE,
        "floor_db": FLOOR_DB,
    }
    return environment


def real_rows(pitched: Sequence[RunNotes]) -> list[tuple[str, str, list[RealNote | None]]]:
    """(runs, what their real notes are called, one for each column), once for all runs that share them."""
    rows: list[tuple[list[str], str, list[RealNote | None]]] = []
    for notes in pitched:
        reals = notes.reals_by_column
        same = next((names for names, _, row in rows if row == reals), None)
        if same is not None:
            same.append(notes.run.title)
        elif reals:
            rows.append(([notes.run.title], notes.reals.called, reals))
    return [(", ".join(names), called, row) for names, called, row in rows]


def _legend_ticks(sample_rate: int) -> list[tuple[float, str]]:
    """(place from the top as a part of the height, frequency) on the pictures' log axis."""
    span = math.log(sample_rate / 2 / LOWEST_HZ)
    ends = [LOWEST_HZ, *(hertz for hertz in _LABELLED_HZ if hertz < sample_rate / 4), sample_rate / 2]
    return [(round(1 - math.log(hertz / LOWEST_HZ) / span, 3), f"{hertz:g} Hz") for hertz in ends]


def _text(*names: str) -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


def _decibels(value: float) -> str:
    """`value` with its sign, as typeset; 0 without one."""
    return f"{value:+.1f}".replace("-", "−") if value else "0"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
