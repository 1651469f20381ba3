"""Tables in Markdown that also read well as plain text."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column is aligned to the left, all others to the right; cells stay as they are, but for an escaped `|`.

    >>> print(markdown_table(["config", "dB"], [["stft", "51.2"]]))
    | config   |   dB |
    |:---------|-----:|
    | stft     | 51.2 |
    """
    head, *cells = ([cell.replace("|", "\\|") for cell in row] for row in (header, *rows))
    alignment = ["left", *["right"] * (len(head) - 1)]
    table: str = tabulate(cells, head, tablefmt="pipe", disable_numparse=True, colalign=alignment if cells else None)
    return table
