"""The terms under which the sound of a run may be passed on, as far as they are stated."""

from pathlib import Path

from utils.errors import DataError
from utils.regular_files import read_regular

MODEL_CARD = "README.md"
_MOST_BYTES = 1_000_000


def terms_of(run_folder: Path, run_name: str) -> str:
    """The card `README.md` in `run_folder`, word for word, under a line that says whose it is; or that there is none.

    Raises: DataError if the card cannot be read.
    """
    card = card_of_run(run_folder)
    if card is None:
        return (
            f"Sound of {run_name}.\n\nNo card came with this generator, so no licence is stated. Before you pass the "
            "sound on, ask who trained it, and on what.\n"
        )
    return f"Sound of {run_name}. The card of the generator, with its terms and its sources:\n\n{card}"


def card_of_run(run_folder: Path) -> str | None:
    """The text of `README.md` in `run_folder`, None if there is none. Raises: DataError if it cannot be read."""
    path = run_folder / MODEL_CARD
    if not path.exists():
        return None
    try:
        return read_regular(path, _MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"byte {error.start} is not UTF-8"
        raise DataError(f"{path}: cannot be read ({reason}); mend the card, or move it away") from error
