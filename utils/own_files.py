"""Files of others are never overwritten: what stands where output goes is looked at before anything is computed."""

import logging
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from utils.errors import UserError
from utils.files import read_json

logger = logging.getLogger(__name__)


def require_replaceable(
    outputs: Iterable[Path], is_ours: Callable[[Path], bool], what: str, *, inputs: Iterable[Path] = ()
) -> None:
    """Refuse `outputs` that would destroy something. `what` is what `is_ours` recognises, such as "a generated note".

    Raises: UserError if one of them is there and not ours, or is a link or a folder, or is one of `inputs` by whatever
    name. What is ours and will be replaced is logged, once.
    """
    read = {identity for path in inputs if (identity := _identity(path))}
    replaced = 0
    for path in outputs:
        identity = _identity(path)
        if identity is None and not path.is_symlink():
            continue
        if identity in read:
            raise UserError(f"{path}: is read as input and would be replaced; choose another output folder")
        if path.is_symlink() or not path.is_file() or not is_ours(path):
            raise UserError(
                f"{path}: is there and is not {what} that this program wrote; move it away, or choose another "
                "output folder"
            )
        replaced += 1
    if replaced:
        logger.info("files of an earlier run that will be replaced: %d, in %s", replaced, path.parent)


def require_own_report(folder: Path, names: Iterable[str], card: str, made_by: str) -> None:
    """Refuse files of `names` in `folder`, unless `card` beside them says that they were `made_by` this program.

    Raises: UserError.
    """

    @cache  # a report may have hundreds of files, but it has one card
    def is_report() -> bool:
        try:
            content = read_json(folder / card)
        except UserError:
            return False
        return isinstance(content, dict) and content.get("made_by") == made_by

    require_replaceable((folder / name for name in names), lambda _: is_report(), f"part of a report of {made_by}")


def require_own_folder(folder: Path, card: str, made_by: str) -> None:
    """Refuse a `folder` that holds anything but the `files` of its `card`, which says that they were `made_by` us.

    Raises: UserError.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    content = read_json(folder / card) if (folder / card).is_file() else None
    files = content.get("files") if isinstance(content, dict) and content.get("made_by") == made_by else None
    own = {str(name) for name in files} if isinstance(files, list) else set()
    strangers = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()} - own
    if strangers:
        what = f"holds {min(strangers)}, which no earlier {made_by} wrote"
        raise UserError(f"{folder}: {what}; choose another output folder, or move it away")


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and number of the file behind `path`; None if there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
