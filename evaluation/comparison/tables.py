"""The tables of a comparison: for reading (Markdown, LaTeX), and with every number (CSV)."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evaluation.comparison.cells import NOTHING, Table, in_brackets, mean_cell
from evaluation.comparison.checkpoint_tables import checkpoint_records, checkpoint_tables
from evaluation.comparison.costs import UNITS
from evaluation.comparison.findings import Finding
from evaluation.comparison.summary import Summary, cost_heading
from evaluation.metrics.seeds import OverSeeds
from evaluation.scoring.results_file import COMPARISON_TABLE
from utils.files import atomic_path, write_text
from utils.tables import markdown_table

MARKDOWN, CSV, LATEX = TABLES = ("table.md", COMPARISON_TABLE, "table.tex")
MARK = "*"
UNSEEN_ROW = "unseen real notes"
_WHOLE = 1_000  # numbers from here on are shown without decimals


def write_tables(folder: Path, summary: Summary) -> str:
    """Write `table.md`, `table.csv` and `table.tex` into `folder`, each whole; returns the first. Raises: UserError."""
    text = _markdown(summary)
    write_text(folder / MARKDOWN, text)
    with atomic_path(folder / CSV) as temporary:
        pd.DataFrame(_records(summary), dtype=object).to_csv(temporary, index=False, lineterminator="\r\n")
    write_text(folder / LATEX, _latex(summary))
    return text


def _tables(summary: Summary) -> list[Table]:
    marked = set(summary.marked)
    header = ["representation", *(name + MARK * (name in marked) for name in summary.scores)]
    groups = summary.by_representation()
    others = [(title, found) for title, found in groups if title != summary.baseline]
    tables = [
        Table("Scores", [header[0], "seeds", *header[1:]], _score_rows(summary)),
        Table("What may be said", header, [[title, *map(_claim, found)] for title, found in groups]),
        Table(
            f"Differences to {summary.baseline}", header, [[title, *map(_difference, found)] for title, found in others]
        ),
        *(checkpoint_tables(summary.during, summary.scores, header[1:]) if summary.during else []),
        Table("Costs", ["representation", *map(cost_heading, UNITS)], _cost_rows(summary)),
    ]
    return [table for table in tables if table.rows]


def _score_rows(summary: Summary) -> list[list[str]]:
    """Each representation, and below it its floor; unseen real notes last."""
    rows = []
    for title, found in summary.by_representation():
        rows.append([title, _n_seeds(found), *(mean_cell(each.over) for each in found)])
        floor = summary.floors.get(title, {})
        if floor:
            rows.append([f"real notes through {title}", *_values(floor, summary.scores)])
    if summary.unseen:
        rows.append([UNSEEN_ROW, *_values(summary.unseen, summary.scores)])
    return rows


def _values(values: Mapping[str, float], scores: Sequence[str]) -> list[str]:
    """Of notes that no training made: no seeds, and a value for each score."""
    return [NOTHING, *(f"{values[name]:.4g}" if name in values else NOTHING for name in scores)]


def _n_seeds(found: Sequence[Finding]) -> str:
    """How many seeds the scores of a representation have; some may be without a score."""
    counts = sorted({each.over.n if each.over else 0 for each in found})
    return " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))


def _cost_rows(summary: Summary) -> list[list[str]]:
    """Without intervals: what a machine does meanwhile is no matter of the seed."""
    return [[title, *(_cost(costs.get(name)) for name in UNITS)] for title, costs in summary.costs.items()]


def _cost(over: OverSeeds | None) -> str:
    return NOTHING if over is None else f"{over.mean:,.0f}" if over.mean >= _WHOLE else f"{over.mean:.3g}"


def _difference(finding: Finding) -> str:
    found = finding.difference
    return NOTHING if found is None else f"{found.mean:+.3g}{in_brackets(found.interval)}"


def _claim(finding: Finding) -> str:
    return finding.claim if finding.p_holm is None else f"{finding.claim} (p = {finding.p_holm:.2g})"


def _markdown(summary: Summary) -> str:
    parts = [f"# {summary.name}"]
    for table in _tables(summary):
        parts += [f"## {table.title}", markdown_table(table.header, table.rows)]
    notes = "\n".join(f"- {' '.join(note.split())}" for note in summary.notes)
    return "\n\n".join([*parts, "## How to read this", notes]) + "\n"


def _latex(summary: Summary) -> str:
    """A tabular for each table; what readers need to know stands above them as comments."""
    parts = ["\n".join(f"% {' '.join(note.split())}" for note in summary.notes)]
    for table in _tables(summary):
        frame = pd.DataFrame(table.rows, columns=table.header)
        columns = "l" * len(table.header)
        text = frame.to_latex(index=False, escape=True, column_format=columns)
        # a row that begins with [ or * would be taken for an option of the \\ before it
        parts.append(f"% {table.title}\n" + re.sub(r"^([\[*])", r"{\1}", text, flags=re.MULTILINE))
    return "\n\n".join(parts)


def _records(summary: Summary) -> list[dict[str, Any]]:
    """A row for each number: every score of every row, and every cost."""
    rows = [_record_of_finding(each) for each in summary.findings]
    for title, floor in summary.floors.items():
        rows += [_record("floor", title, name, value) for name, value in floor.items()]
    rows += [_record("unseen", None, name, value) for name, value in summary.unseen.items()]
    for title, costs in summary.costs.items():
        rows += [{**_record("cost", title, name, over.mean), **_spread(over)} for name, over in costs.items()]
    return rows + (checkpoint_records(summary.during) if summary.during else [])


def _record(kind: str, title: str | None, name: str, value: float | None) -> dict[str, Any]:
    return {"kind": kind, "representation": title, "name": name, "value": value}


def _record_of_finding(finding: Finding) -> dict[str, Any]:
    over, found = finding.over, finding.difference
    low, high = found.interval if found and found.interval else (None, None)
    return {
        **_record("score", finding.representation, finding.score, over.mean if over else None),
        **_spread(over),
        "difference": found.mean if found else None,
        "difference_low": low,
        "difference_high": high,
        "pairs": found.n if found else None,
        "p_value": found.p_value if found else None,
        "p_holm": finding.p_holm,
        "claim": finding.claim,
    }


def _spread(over: OverSeeds | None) -> dict[str, Any]:
    low, high = over.interval if over and over.interval else (None, None)
    return {"low": low, "high": high, "seeds": over.n if over else 0}
