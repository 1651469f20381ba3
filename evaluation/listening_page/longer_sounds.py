"""What a run's folder already holds beyond single notes: scales, paths through the latents, rendered pieces."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from evaluation.listening_page.runs import HeardRun
from utils.errors import UserError
from utils.files import read_json

logger = logging.getLogger(__name__)

MODES = {"from_midi": "Pieces", "scale": "Scales", "interpolation": "Paths between latents"}
MOST_BYTES = 32 * 2**20


@dataclass(frozen=True)
class LongerSound:
    """A sound file as generate.py wrote it, copied into the page's folder."""

    kind: str
    title: str
    audio: str


def copy_longer_sounds(run: HeardRun, number: int, folder: Path) -> tuple[list[LongerSound], list[str]]:
    """Copy the whole pieces, scales and paths in the run's `generated/` into `folder`/audio.

    Returns them, and the names of those that exceed 32 MiB and were left out. Raises: UserError.
    """
    copied: list[LongerSound] = []
    left_out: list[str] = []
    for mode, kind in MODES.items():
        for path in sorted((run.folder / "generated" / mode).glob("*.wav")):
            if not _is_whole(path, mode):
                continue
            if path.stat().st_size > MOST_BYTES:
                logger.warning("%s: larger than %d MiB, so it is left out of the page", path, MOST_BYTES // 2**20)
                left_out.append(f"{mode}/{path.name}")
                continue
            audio = f"audio/run{number}_more{len(copied) + 1:02d}.wav"
            try:
                shutil.copyfile(path, folder / audio)
            except OSError as error:
                raise UserError(f"{path}: cannot be copied ({error.strerror}); move it away") from error
            copied.append(LongerSound(kind, path.stem.replace("_", " "), audio))
    return copied, left_out


def _is_whole(path: Path, mode: str) -> bool:
    """Whether the card beside the sound says that it is made of several notes, or of a piece."""
    card_path = path.with_suffix(".json")
    if not card_path.is_file():
        return False
    card = read_json(card_path)
    return isinstance(card, dict) and (mode == "from_midi" or isinstance(card.get("notes"), list))
