"""What people call runs that stand side by side: on a page, or in the list of an instrument in the browser."""

from collections.abc import Sequence

from generation.instrument import Instrument
from utils.spelling import numbered


def run_titles(instruments: Sequence[Instrument]) -> list[str]:
    """Several runs are called by their representations, a single one by its name; equal titles get numbers."""
    if len(instruments) == 1:
        return [instruments[0].run_name]
    return numbered([instrument.experiment.transform.transform for instrument in instruments])
