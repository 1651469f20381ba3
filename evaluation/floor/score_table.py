"""The scores of restored notes as a table, below a row of what real notes reach among themselves."""

from collections.abc import Sequence

from evaluation.floor.round_trip import Floor
from evaluation.scoring.scores import Score
from utils.tables import markdown_table


def scores_in_words(floors: Sequence[Floor]) -> str:
    """What a reader must know of the numbers; which weights are missing if there are none."""
    n = len(floors[0].notes)
    words = [
        f"{n} notes, each beside what its representation leaves of it: what a GAN that makes perfect images would "
        "reach, were its notes as many as one likes.",
        f"Rows of real notes: inception scores of them all, distances of one random half ({n // 2}) to the other, "
        "which is how far apart so few notes are by chance alone.",
        "+- is the standard error. The classifier was trained to overlook such losses as these: where it hears no "
        "difference, the distances between the signals still do.",
    ]
    remarks = {remark: None for floor in floors for score in floor.scores for remark in score.remarks if score.baseline}
    return " ".join([*words, *(f"Of the rows of real notes: {remark}." for remark in remarks)])


def scores_table(floors: Sequence[Floor]) -> str:
    """A row for the real notes in each format, and one for each representation."""
    names = list(dict.fromkeys(score.name for floor in floors for score in floor.scores))
    of_format = {floor.format: floor for floor in floors}
    rows = [
        (f"real notes, {audio_format.name}", *_cells(names, floor.scores, baseline=True))
        for audio_format, floor in of_format.items()
    ]
    rows += [(floor.experiment.name, *_cells(names, floor.scores, baseline=False)) for floor in floors]
    return markdown_table(("config", *names), rows)


def _cells(names: Sequence[str], scores: Sequence[Score], *, baseline: bool) -> list[str]:
    found = {score.name: score for score in scores if score.baseline == baseline}
    return [_cell(found.get(name)) for name in names]


def _cell(score: Score | None) -> str:
    if score is None:
        return "-"
    error = "" if score.standard_error is None else f" +- {score.standard_error:.2g}"
    return f"{score.value:.4g}{error}"
