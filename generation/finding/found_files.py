"""Found notes as files: NAME.wav with its card, and the sound as the run hears it in targets/NAME.wav."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.audio_io import read_audio, write_wav
from data.note_records import NoteRecord
from data.nsynth import Value
from generation.finding.heard_sound import heard_note
from generation.finding.references import floor_of, nearest_note
from generation.finding.search import FoundNote, SearchSettings, find_note
from generation.instrument import Instrument
from generation.note_files import Note, NoteFolder
from generation.note_set import NoteSet
from generation.note_spec import NoteSpec, read_card
from generation.synthesis import Wave, gain_to_full_scale
from utils.errors import DataError, UserError
from utils.file_names import plain_stem
from utils.files import sha256_of_file
from utils.own_files import require_replaceable

logger = logging.getLogger(__name__)

TARGETS = "targets"
_KEY = "found"  # of a card: what was asked for, and what came of it


@dataclass(frozen=True)
class AskedSound:
    """A sound to find, and the attributes that its note must have."""

    path: Path
    fixed: Mapping[str, Value]

    @property
    def name(self) -> str:
        """That of the files."""
        return plain_stem(self.path.stem, "sound")


@dataclass(frozen=True)
class FoundFile:
    """What was found of one sound, now or by an earlier command."""

    wav: Path
    attributes: Mapping[str, Value]
    compared: str
    distance: float
    floor: float
    nearest: Mapping[str, Any] | None  # as `NearestNote`
    is_earlier: bool


def find_sounds(
    instrument: Instrument,
    folder: NoteFolder,
    asked: Sequence[AskedSound],
    settings: SearchSettings,
    training: Callable[[], Sequence[NoteRecord]],
    notes: Path | None,
) -> list[FoundFile]:
    """Find each of the sounds `asked` for, in turn; those whose files are there, found by the same request, are kept.

    Each is written when it is found. `training` gives the notes to compare with, which come from the folder `notes` if
    that is given. Raises: UserError, before anything is searched: if a sound cannot be read or is silent, two have one
    name, or a file of others would be replaced.
    """
    _require_names(asked)
    samples = [read_audio(each.path, instrument.sample_rate) for each in asked]
    for each, wave in zip(asked, samples, strict=True):
        heard_note(instrument, wave, str(each.path))
    requests = [_request(each, settings, notes) for each in asked]
    kept = [_earlier(folder, each.name, request) for each, request in zip(asked, requests, strict=True)]
    _require_free(folder, [each.name for each, there in zip(asked, kept, strict=True) if there is None])
    records = training() if None in kept else []
    found = []
    for each, wave, request, there in zip(asked, samples, requests, kept, strict=True):
        if there is not None:
            logger.info("%s: found before, in %s", each.path, there.wav)
        else:
            note = find_note(instrument, wave, str(each.path), each.fixed, settings)
            there = _written(instrument, folder, each, note, request, records)
            logger.info("%s: distance %.3f, by %s", each.path, note.distance, note.compared)
        found.append(there)
    return found


def _written(
    instrument: Instrument,
    folder: NoteFolder,
    asked: AskedSound,
    note: FoundNote,
    request: Mapping[str, Any],
    records: Sequence[NoteRecord],
) -> FoundFile:
    if note.remark:
        logger.warning("%s: %s", asked.path, note.remark)
    for name in note.tried:
        logger.info("%s: %s was left open, and %s was nearest", asked.path, name, note.attributes[name])
    nearest = nearest_note(instrument, note.target, records, note.attributes)
    result = {
        "asked": dict(request),
        "compared": note.compared,
        "distance": note.distance,
        "floor": floor_of(instrument, note.target),
        "nearest": None if nearest is None else nearest.to_plain(),
        "sound_is_louder_db": note.gain_db,
    }
    spec = NoteSpec(attributes=note.attributes, latent=tuple(note.latent.tolist()), label_offsets=note.label_offsets)
    with NoteSet(folder) as written:
        written.add(Note(asked.name, asked.name, note.wave, {**spec.to_plain(), _KEY: result}))
        gain_db = written.finish([(asked.name, {**spec.to_plain(), _KEY: result})])
    _write_target(folder, asked.name, note, gain_db)
    return _found_file(folder, asked.name, {**spec.to_plain(), _KEY: result}, is_earlier=False)


def _write_target(folder: NoteFolder, name: str, note: FoundNote, gain_db: float) -> None:
    """The sound at the level of the note beside it, or softer if it would be beyond full scale."""
    levels = [np.sqrt(np.mean(np.square(each, dtype=np.float64))) for each in (note.wave, note.target)]
    sound: Wave = folder.at_file_rate((note.target * np.float32(levels[0] / levels[1])).astype(np.float32))
    gain, _ = gain_to_full_scale(float(np.abs(sound).max()), gain_db)
    path = _target(folder, name)
    write_wav(path, sound * np.float32(gain), folder.file_rate or folder.sample_rate, bits=folder.bits)


def _request(asked: AskedSound, settings: SearchSettings, notes: Path | None) -> dict[str, Any]:
    """All that the result depends on beside the checkpoint, and where its references come from."""
    return {
        "sound": asked.path.name,
        "sound_sha256": sha256_of_file(asked.path),
        "attributes": dict(asked.fixed),
        **asdict(settings),
        "notes": None if notes is None else str(notes),
    }


def _earlier(folder: NoteFolder, name: str, request: Mapping[str, Any]) -> FoundFile | None:
    """What an earlier command found by this `request`, if all its files are there."""
    wav = folder.folder / f"{name}.wav"
    if not (wav.is_file() and _target(folder, name).is_file() and wav.with_suffix(".json").is_file()):
        return None
    card = _found_card(folder, name)
    same = card is not None and card[_KEY].get("asked") == request
    if card is None or not same or any(card.get(key) != value for key, value in folder.card(0).items() if key in _SAME):
        return None
    try:
        return _found_file(folder, name, card, is_earlier=True)
    except (KeyError, TypeError):  # of a card that was changed
        return None


_SAME = ("checkpoint_sha256", "sample_rate", "bits")


def _found_file(folder: NoteFolder, name: str, card: Mapping[str, Any], *, is_earlier: bool) -> FoundFile:
    result = card[_KEY]
    return FoundFile(
        folder.folder / f"{name}.wav",
        dict(card["attributes"]),
        str(result["compared"]),
        float(result["distance"]),
        float(result["floor"]),
        result["nearest"],
        is_earlier,
    )


def _found_card(folder: NoteFolder, name: str) -> dict[str, Any] | None:
    try:
        card = read_card(folder.folder / f"{name}.json")
    except DataError:
        return None
    return card if isinstance(card.get(_KEY), dict) else None


def _target(folder: NoteFolder, name: str) -> Path:
    return folder.folder / TARGETS / f"{name}.wav"


def _require_names(asked: Sequence[AskedSound]) -> None:
    seen: dict[str, Path] = {}
    for each in asked:
        before = seen.setdefault(each.name.casefold(), each.path)
        if before is not each.path:
            raise UserError(f"{each.path}: would have the same name as {before}, {each.name}; rename one, or give one")


def _require_free(folder: NoteFolder, names: Sequence[str]) -> None:
    folder.require_room(2 * len(names))
    folder.require_free(names, "note")
    own = {_target(folder, name): _found_card(folder, name) is not None for name in names}
    require_replaceable(own, lambda path: own[path], "the sound of a found note", inputs=folder.inputs)
