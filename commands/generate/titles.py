"""The titles that people give runs by `--titles`."""

from collections.abc import Sequence

from utils.errors import UserError
from utils.spelling import counted, shortened

LONGEST_TITLE = 40


def require_titles(titles: Sequence[str] | None, n_runs: int) -> None:
    """Raise UserError unless there is a title of its own for each run, or none at all."""
    if titles is None:
        return
    if len(titles) != n_runs:
        raise UserError(f"--titles: {counted(len(titles), 'title')} for {counted(n_runs, 'run')}; give one for each")
    for title in titles:
        if not title.strip() or len(title) > LONGEST_TITLE or titles.count(title) > 1:
            wanted = f"titles must differ and have 1 to {LONGEST_TITLE} characters"
            raise UserError(f"--titles: {shortened(title) or 'an empty one'}: {wanted}")
