"""A folder of sound files made into a folder of notes."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.importing.cut_settings import CutSettings
from data.importing.labels import LabelledFile, Labelling, labelled_files
from data.importing.note_import import ImportJob, import_files
from data.importing.note_names import ImportResult, choose_instruments, named_notes, without_copies
from data.importing.report import REPORTS, account_of, broken_files, reasons_of, summary_of, write_reports
from data.made_folder import former_card, is_empty, keys_of
from data.note_records import first_few
from data.sound_font import SAMPLE_RATE
from utils.errors import DataError, UserError
from utils.files import atomic_folder, require_disk_space, write_json
from utils.spelling import counted

logger = logging.getLogger(__name__)

MADE_BY = "data.import_notes"
_NAME_OF_NOTE = re.compile(r"\w+_[a-z]+_\d{3,}-(\d{3}|none)-\d{3}(_\d+)?\.wav")


@dataclass(frozen=True, kw_only=True)
class FolderImport:
    """What is asked for: the sounds of `folder` as notes in `output`."""

    folder: Path
    output: Path
    labelling: Labelling
    settings: CutSettings
    only: Sequence[str]  # instruments; (): all
    all_but: Sequence[str]
    workers: int
    overwrite: bool  # an earlier import is replaced
    told: Mapping[str, Any]  # of all this, what the card says


def import_folder(asked: FolderImport) -> str:
    """Write the notes, their metadata, card and reports, all or nothing; returns what there is to say.

    Raises: UserError.
    """
    _require_free(asked.folder, asked.output, overwrite=asked.overwrite)
    found = labelled_files(asked.folder, asked.labelling)
    files = choose_instruments(found, asked.only, asked.all_but)
    with atomic_folder(asked.output, replace=asked.overwrite) as folder:
        result = _notes(asked, found, files, folder)
        card = {"made_by": MADE_BY, "settings": asked.told, **account_of(result)}
        write_json(folder / "examples.json", {note.name: note.metadata for note in result.notes})
        write_json(folder / "card.json", card)
        write_reports(folder, result)
    if broken := broken_files(result):
        logger.warning("%s: files that cannot be read, left out: %d: %s", asked.folder, len(broken), first_few(broken))
    return f"{summary_of(result)}\n\n{counted(len(result.notes), 'note')} in {asked.output}; {keys_of(asked.output)}\n"


def _require_free(source: Path, out: Path, *, overwrite: bool) -> None:
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise UserError(f"{out}: lies in the folder that is imported; choose another --output")
    if is_empty(out):
        return
    if former_card(out, MADE_BY, _NAME_OF_NOTE, REPORTS) is None:
        raise DataError(f"{out}: holds something that this program did not make; choose another --output")
    if not overwrite:
        raise DataError(f"{out}: holds an earlier import; choose another --output, or give --overwrite to replace it")


def _notes(
    asked: FolderImport, found: Sequence[LabelledFile], files: Sequence[LabelledFile], folder: Path
) -> ImportResult:
    """The notes of `files`, whose sounds are written into `folder`. Raises: DataError if none is taken."""
    jobs = [ImportJob(number, file.path, file.pitch) for number, file in enumerate(files) if not file.fault]
    require_disk_space(asked.output, round(len(jobs) * 2 * asked.settings.seconds * SAMPLE_RATE))
    audio = folder / "audio"
    audio.mkdir()
    outcomes = without_copies(import_files(jobs, asked.settings, audio, asked.workers), files)
    result = ImportResult(files, outcomes, named_notes(outcomes, files, found))
    if not result.notes:
        raise DataError(f"{asked.folder}: no note was taken: {reasons_of(result)}")
    for note in result.notes:
        (audio / note.outcome.file_name).rename(audio / f"{note.name}.wav")
    for outcome in outcomes:  # copies of others were written, too
        (audio / outcome.file_name).unlink(missing_ok=True)
    return result
