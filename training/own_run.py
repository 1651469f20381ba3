"""Which files a run may replace in its folder: those of a run, and none that it is made of."""

import json
from collections.abc import Iterable
from pathlib import Path

from models.checkpoint import FOLDER as CHECKPOINTS
from models.checkpoint import list_checkpoints
from training.preview import FOLDER as PREVIEWS
from training.profiling import FOLDER as PROFILE
from utils.config import ExperimentConfig
from utils.errors import UserError
from utils.files import read_json
from utils.own_files import require_replaceable
from utils.run_folder import CONFIG_NAME
from utils.run_lock import HOLDER_NAME, read_holder
from utils.run_log import LOG_NAME, TENSORBOARD_FOLDER
from utils.score_table import SCORES_NAME

_BESIDE = (LOG_NAME, SCORES_NAME, TENSORBOARD_FOLDER, PREVIEWS, PROFILE, CHECKPOINTS)
"""What a run writes beside its config."""
_SECTIONS = {"loaderConfig", "transformConfig", "modelConfig"}


def require_own_run(experiment: ExperimentConfig, inputs: Iterable[Path], *, restart: bool) -> None:
    """Refuse a run folder in which training would replace files of others, or one of `inputs`.

    With `restart` the folder is kept under another name, with all that it holds. Raises: UserError.
    """
    folder = experiment.run_folder
    holder = folder / HOLDER_NAME
    if read_holder(folder) is None:
        require_replaceable([holder], lambda _: False, "a note of who trains here")
    if restart or not folder.is_dir() or list_checkpoints(folder):
        return
    config, plain = folder / CONFIG_NAME, json.loads(json.dumps(experiment.to_plain()))
    beside = [path for path in (folder / name for name in _BESIDE) if path.exists() or path.is_symlink()]
    if _content(config) != plain:
        # alone, it is rather one that somebody keeps there to train with
        ours = bool(beside) and _is_config(_content(config))
        require_replaceable([config], lambda _: ours, "the config of a run", inputs=inputs)
    if beside and not _is_config(_content(config)):
        raise UserError(
            f"{beside[0]}: is there, but no {CONFIG_NAME} of a run beside it, and training would write there; move it "
            "away, or give another run name (-n)"
        )


def _content(path: Path) -> object:
    try:
        return read_json(path)
    except UserError:
        return None


def _is_config(content: object) -> bool:
    return isinstance(content, dict) and content.keys() >= _SECTIONS
