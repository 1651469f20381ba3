"""The files of a run that are passed on: weights, JSON, a card, and the notes beside it if they are asked for."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from generation.instrument import Instrument
from generation.run_terms import MODEL_CARD
from generation.sharing.model_card import CardFacts, card_text
from models.checkpoint import load_checkpoint
from models.shared_generator import CARD, WEIGHTS, is_shared, write_shared
from utils.errors import UserError
from utils.files import explained_write_errors, write_text
from utils.hub_name import HubName

NOTES = "notes"
_NOTE_SUFFIXES = (".json", ".wav", ".flac")


def shared_files(
    instrument: Instrument,
    run_folder: Path,
    folder: Path,
    name: HubName,
    facts: CardFacts,
    *,
    half: bool = False,
    notes: bool = False,
) -> Mapping[str, Path]:
    """Name in the repository `name` -> file, for the run of `instrument` in `run_folder`; made in the empty `folder`.

    A run of train.py becomes a shared generator, with weights in float16 if `half`; a shared generator stays as it is.
    With `notes`, the JSON, WAV and FLAC files of `run_folder/notes` go along. Raises: UserError.
    """
    text = card_text(instrument, run_folder, name, facts)
    if is_shared(instrument.checkpoint):
        if half:
            raise UserError(f"{run_folder}: is a shared generator, whose numbers stay as they are; leave half out")
        with explained_write_errors(folder):
            for file in (WEIGHTS, CARD):
                shutil.copyfile(run_folder / file, folder / file)
    else:
        write_shared(folder, load_checkpoint(instrument.checkpoint), half=half)
    write_text(folder / MODEL_CARD, text)
    files = {file: folder / file for file in (WEIGHTS, CARD, MODEL_CARD)}
    return files | (_notes(run_folder) if notes else {})


def _notes(run_folder: Path) -> dict[str, Path]:
    found = sorted(path for path in (run_folder / NOTES).rglob("*") if path.is_file())
    if not found:
        raise UserError(f"{run_folder / NOTES}: holds no notes to pass on; leave the notes out")
    others = [path for path in found if path.suffix not in _NOTE_SUFFIXES]
    if others:
        raise UserError(f"{others[0]}: is no JSON, WAV or FLAC file; move it away, or leave the notes out")
    return {path.relative_to(run_folder).as_posix(): path for path in found}
