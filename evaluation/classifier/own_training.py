"""Which files a training of a classifier may replace: those of an earlier one in the same folder."""

from pathlib import Path

from evaluation.classifier.classifier_run import CHECKPOINT, begun_with
from evaluation.classifier.predictions import PREDICTIONS
from evaluation.classifier.report import files_of_report
from evaluation.classifier.training import WEIGHTS
from utils.errors import UserError
from utils.files import read_json
from utils.own_files import require_replaceable
from utils.run_lock import HOLDER_NAME, read_holder

_CARD = "card.json"
_PROGRAM = "python -m evaluation.train_classifier"


def require_own_training(folder: Path) -> None:
    """Refuse a folder where the training would replace files of others. Raises: UserError."""
    ours = bool(begun_with(folder)) or _has_card(folder)
    outputs = [*(folder / name for name in (CHECKPOINT, WEIGHTS, _CARD, PREDICTIONS)), *files_of_report(folder)]
    there = [path for path in outputs if path.exists() or path.is_symlink()]
    if not ours:
        require_replaceable(there, lambda _: False, "part of a classifier's training")
    require_replaceable(
        [folder / HOLDER_NAME] * (read_holder(folder) is None), lambda _: False, "a note of who trains here"
    )


def _has_card(folder: Path) -> bool:
    try:
        card = read_json(folder / _CARD)
    except UserError:
        return False
    return isinstance(card, dict) and str(card.get("command", "")).startswith(_PROGRAM)
