"""Tables in Markdown that also read well as plain text."""

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns are padded to one width; all but the first are set to the right.

    >>> print(markdown_table(["config", "dB"], [["stft", "51.2"]]))
    | config |   dB |
    |:-------|-----:|
    | stft   | 51.2 |
    """
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (header, *rows)]
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*lines, strict=True)]
    rule = "|".join([":" + "-" * (widths[0] + 1), *("-" * (width + 1) + ":" for width in widths[1:])])
    head, *body = [_line(cells, widths) for cells in lines]
    return "\n".join([head, f"|{rule}|", *body])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    aligned = [cells[0].ljust(widths[0]), *(c.rjust(width) for c, width in zip(cells[1:], widths[1:], strict=True))]
    return f"| {' | '.join(aligned)} |"
