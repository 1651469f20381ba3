"""What can stand on either side of a score: a folder of notes, a run that makes them, or a saved statistics file."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from data.instrument_folders import FromOnset, is_of_instruments, open_from_onset
from data.note_folder import notes_of_folder
from data.note_records import NoteRecord
from evaluation.embeddings.features import Embedding, Features, hear
from evaluation.embeddings.notes import MadeNotes, NoteSource, Reader, decoded, made_notes
from evaluation.scoring.generated_notes import GenerationOptions, generate_notes
from evaluation.scoring.instrument_errors import rows_of_pitches
from evaluation.scoring.note_labels import NoteLabels
from evaluation.scoring.side import Side
from evaluation.scoring.statistics_file import STATISTICS_SUFFIX, load_statistics
from generation.instrument import Instrument
from models.checkpoint import list_checkpoints
from utils.errors import DataError, UserError
from utils.ranks import ALONE, Ranks
from utils.spelling import counted

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SideOptions:
    """How notes are read or made; features are kept in the folder `cache` (None: not kept)."""

    cache: Path | None
    skip_broken: bool
    device: torch.device
    generation: GenerationOptions
    ranks: Ranks = ALONE  # processes that share the work


def open_side(path: Path, embeddings: Sequence[Embedding], options: SideOptions) -> Side:
    """The notes of a statistics file `.npz`, of a run folder of train.py, or of a folder of notes.

    Raises: UserError if `path` is none of them or damaged, or if notes cannot be read or made.
    """
    if path.suffix == STATISTICS_SUFFIX and not path.is_dir():
        return load_statistics(path, embeddings)
    if is_run(path):
        return side_of_run(path, embeddings, options)
    return side_of_folder(path, embeddings, options)


def is_run(path: Path) -> bool:
    """Whether `path` is a run folder of train.py: it holds checkpoints."""
    return path.is_dir() and bool(list_checkpoints(path))


def open_like(
    path: Path, embeddings: Sequence[Embedding], options: SideOptions, like: NoteLabels, seed: int
) -> Side | None:
    """Of what is at `path`, as `open_side`: notes of the pitches of those `like` it, in the same numbers.

    Of a folder, no other notes are heard. None if a statistics file lacks one of the `embeddings`. Raises: UserError.
    """
    if path.suffix != STATISTICS_SUFFIX and not is_run(path):
        return side_of_folder(path, embeddings, options, like, seed)
    side = open_side(path, embeddings, options)
    if any(each.name not in side.arrays for each in embeddings):
        return None
    return side.of_rows(rows_of_pitches(side.labels, like, np.arange(len(side)), seed))


def side_of_folder(
    folder: Path, embeddings: Sequence[Embedding], options: SideOptions, like: NoteLabels | None = None, seed: int = 0
) -> Side:
    """The notes of `folder`, each decoded once for each sample rate; of `like`, as `open_like`.

    In a folder with one folder for each instrument, notes begin at their onset. Raises: UserError.
    """
    records = notes_of_folder(folder)
    if like is not None:
        rows = rows_of_pitches(NoteLabels.of(records), like, np.arange(len(records)), seed)
        records = [records[row] for row in rows]
    return side_of_records(folder, records, embeddings, options)


def side_of_records(
    folder: Path, records: Sequence[NoteRecord], embeddings: Sequence[Embedding], options: SideOptions
) -> Side:
    """These notes of `folder`, as `side_of_folder`. Raises: UserError."""
    begin = {"begin": "onset"} if is_of_instruments(folder) else {}
    notes = partial(reader_of(folder), records, skip_broken=options.skip_broken)
    return _side(str(folder), notes, embeddings, options, {"kind": "folder", **begin})


def reader_of(folder: Path) -> Reader:
    """How notes of `folder` are read: from their onset in a folder with one folder for each instrument."""
    return _from_onset if is_of_instruments(folder) else decoded


@contextmanager
def _from_onset(
    records: Sequence[NoteRecord], sample_rate: int, n_samples: int, skip_broken: bool = False
) -> Iterator[FromOnset]:
    """As `decoded`."""
    with TemporaryDirectory(prefix="notes-") as folder:
        yield open_from_onset(
            records, Path(folder), sample_rate=sample_rate, n_samples=n_samples, skip_broken=skip_broken
        )


def side_of_run(run: Path, embeddings: Sequence[Embedding], options: SideOptions) -> Side:
    """Notes that the trained run `run` makes now: those that `generate.py random` would write. Raises: UserError."""
    wanted = options.generation
    instrument = Instrument.from_run(run, scale=wanted.scale, iteration=wanted.iteration, device=options.device)
    notes = generate_notes(instrument, run, wanted, options.ranks)
    made = f"{counted(len(notes), 'note')} of scale {instrument.scale}, step {instrument.step}"
    name = f"{run} ({made}{wanted.controls.in_words()})"
    asked = {"notes": len(notes), "pitches": wanted.pitches, **asdict(wanted.controls)}
    origin = {"kind": "run", **instrument.to_plain(), **asked}
    return _side(name, made_notes(notes, instrument.transform.sample_rate), embeddings, options, origin)


def side_of_made(name: str, notes: MadeNotes, embeddings: Sequence[Embedding], sample_rate: int) -> Side:
    """Notes that were made at `sample_rate` Hz; their features are not kept on disk. Raises: UserError."""
    options = SideOptions(cache=None, skip_broken=False, device=torch.device("cpu"), generation=GenerationOptions())
    return _side(name, made_notes(notes, sample_rate), embeddings, options, {"kind": "made"})


def _side(
    name: str, notes: NoteSource, embeddings: Sequence[Embedding], options: SideOptions, origin: Mapping[str, Any]
) -> Side:
    found = hear(notes, embeddings, options.cache, options.ranks)
    for embedding, features in found.items():
        _require_finite(name, embedding, features)
    records, *others = [each.records for each in found.values()]
    if any(each != records for each in others):
        raise DataError(f"{name}: some notes can be read at one sample rate but not at another; remove them")
    logger.info("%s: %s", name, counted(len(records), "note"))
    return Side(
        source=name,
        arrays={embedding: each.arrays for embedding, each in found.items()},
        sha256={embedding: each.sha256 for embedding, each in found.items()},
        labels=NoteLabels.of(records),
        origin=origin,
    )


def _require_finite(source: str, name: str, features: Features) -> None:
    for array in features.arrays.values():
        finite = np.isfinite(array.reshape(len(array), -1)).all(axis=1)
        if not finite.all():
            note = features.records[int(np.argmin(finite))].name
            raise UserError(
                f"{source}: {name} gives NaN or infinity for {counted(int((~finite).sum()), 'note')}, such as {note}; "
                "leave them out, or use another embedding"
            )
