"""The scores of restored notes as a table, below rows with the scores of the real notes themselves."""

from collections.abc import Sequence

from evaluation.floor.round_trip import Floor
from evaluation.scoring.scores import Score
from utils.tables import markdown_table


def scores_in_words(floors: Sequence[Floor]) -> str:
    """What a reader must know to read the table."""
    n = len(floors[0].notes)
    words = [
        f"Each of {n} notes is compared with itself after the representation and back: the scores that a GAN with "
        "perfect images would reach with any number of notes.",
        "Rows of real notes: inception scores of all of them, and distances between two random halves of "
        f"{n // 2} and {n - n // 2} notes: that difference is sampling variation.",
        "+- is the standard error. The classifier was trained to ignore losses like these: where its scores show no "
        "difference, the distances between the signals above still can.",
    ]
    remarks = {remark: None for floor in floors for score in floor.scores for remark in score.remarks if score.baseline}
    return " ".join([*words, *(f"About the rows of real notes: {remark}." for remark in remarks)])


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
