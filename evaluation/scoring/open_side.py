"""What can stand on either side of a score: a folder of notes, a run that makes them, or a saved statistics file."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.note_folder import notes_of_folder
from evaluation.embeddings.features import Embedding, Features, hear
from evaluation.embeddings.notes import MadeNotes, NoteSource, decoded, made_notes
from evaluation.scoring.generated_notes import GenerationOptions, generate_notes
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


def side_of_folder(folder: Path, embeddings: Sequence[Embedding], options: SideOptions) -> Side:
    """The notes of `folder`, each decoded once for each sample rate. Raises: UserError."""
    notes = partial(decoded, notes_of_folder(folder), skip_broken=options.skip_broken)
    return _side(str(folder), notes, embeddings, options, {"kind": "folder"})


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
