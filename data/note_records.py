"""The notes of a folder: their audio files, and the attributes that metadata or file names give.

The layout is NSynth's: `audio/*.wav` beside `examples.json`. Source: Engel et al. 2017,
https://arxiv.org/abs/1704.01279.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.nsynth import ATTRIBUTE_TYPES, METADATA_NAME, NAME_FORM, QUALITIES, Value, attributes_of_name
from utils.config import MIDI_MAX, LoaderConfig
from utils.errors import DataError
from utils.files import read_json
from utils.printable import utf8_text
from utils.spelling import counted, hint

logger = logging.getLogger(__name__)

AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".aif", ".aiff", ".aifc", ".mp3", ".ogg", ".oga", ".opus"),
    *(".caf", ".w64", ".rf64", ".au"),
)
"""Of files that libsndfile reads, in small letters; in a folder they may be capitals."""

UNREADABLE_SUFFIXES = (
    ".m4a",
    ".mp4",
    ".aac",
    ".wma",
    ".ape",
    ".wv",
    ".mka",
    ".webm",
    ".amr",
    ".alac",
    ".dsf",
)  # sounds, too

_DESCRIPTIONS = ("note", "note_str", "sample_rate", "qualities_str")  # keys of NSynth's that are no attributes
_LISTED = 10
_LARGEST_QUANTITY = 1e300
_LARGEST_METADATA = 2_000_000_000  # bytes; NSynth's largest file is ten times smaller
_KINDS: dict[type, str] = {
    int: "an integer",
    str: "a string",
    bool: "true or false",
    float: "a fraction",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class NoteRecord:
    """One note: its name (file name without suffix, as `utf8_text` text), its audio file, and its known attributes."""

    name: str
    path: Path
    attributes: Mapping[str, Value]


def read_records(config: LoaderConfig) -> list[NoteRecord]:
    """All notes of `config.data_path` or of its `audio/`, by name, before any selection.

    Their attributes come from the metadata, else (`load_metadata` false) from their names: NSynth's, and those others
    that `config` names. Notes that the metadata do not describe are left out, which is a warning.
    Raises: DataError if audio or metadata are missing or malformed, or no note has an attribute that `config` names.
    """
    with explained_search_errors(config.data_path):
        audio = _find_audio(config.data_path)
        if config.load_metadata:
            return _records_of_metadata(audio, metadata_path(config), config)
        _require_known(config, ())
        return _records_of_names(audio)


@contextmanager
def explained_search_errors(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals to look into `folder` into DataError."""
    try:
        yield
    except OSError as error:
        what = "no permission to read this" if isinstance(error, PermissionError) else error.strerror
        raise DataError(f"{error.filename or folder}: {what}; choose another folder of notes") from error


def metadata_path(config: LoaderConfig) -> Path:
    """The metadata file that `config` names, or the one beside its notes. Raises: DataError if there is none."""
    path = config.att_dict_path or find_beside_notes(config.data_path)
    if path is None:
        raise DataError(
            f"{config.data_path}: no {METADATA_NAME} here or in the folder above; set att_dict_path, "
            "or load_metadata false to read the labels from NSynth file names"
        )
    return path


def find_beside_notes(folder: Path, name: str = METADATA_NAME) -> Path | None:
    """The file `name` in `folder`, or in the folder above, where NSynth keeps it; None if neither has it."""
    here = folder.absolute()  # the parent of `.` would be `.`
    return next((place / name for place in (here, here.parent) if (place / name).is_file()), None)


def first_few(values: Sequence[Value]) -> str:
    """The first ten `values`, and how many more there are.

    >>> first_few(range(12))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    more = len(values) - _LISTED
    return ", ".join(map(str, values[:_LISTED])) + (f" and {more} more" if more > 0 else "")


def _find_audio(data_path: Path) -> dict[str, Path]:
    """Audio files of data_path and data_path/audio by note name, in the order of the names."""
    if not data_path.is_dir():
        what = "is a file, not a folder" if data_path.exists() else "no such folder"
        raise DataError(
            f"{data_path}: {what}; set data_path to a folder of notes, or make one: python -m data.render_notes"
        )
    folders = [folder for folder in (data_path, data_path / "audio") if folder.is_dir()]
    entries = [path for folder in folders for path in folder.iterdir()]
    # Hidden files are not notes: macOS leaves a `._name.wav` beside each file it unpacks.
    visible = [path for path in entries if not path.name.startswith(".")]
    _warn_of_other_formats(data_path, visible)
    files = [path for path in visible if path.suffix.lower() in AUDIO_SUFFIXES]
    audio: dict[str, Path] = {}
    for path in sorted(files, key=lambda path: (path.stem, str(path))):
        other = audio.setdefault(utf8_text(path.stem), path)
        if other != path:
            raise DataError(f"{path}: the same note as {other}; remove one of them")
    if not audio:
        raise DataError(
            f"{data_path}: no audio files ({' '.join(AUDIO_SUFFIXES)}) here or in audio/; set data_path to the notes"
        )
    return audio


def _warn_of_other_formats(folder: Path, files: Sequence[Path]) -> None:
    others = sorted(path.name for path in files if path.suffix.lower() in UNREADABLE_SUFFIXES)
    if others:
        text = "%s: sounds in formats that cannot be read, left out: %d: %s; convert them to WAV or FLAC"
        logger.warning(text, folder, len(others), first_few(others))


def _records_of_metadata(audio: Mapping[str, Path], metadata: Path, config: LoaderConfig) -> list[NoteRecord]:
    content = read_json(metadata, DataError, most_bytes=_LARGEST_METADATA)
    if not isinstance(content, dict):
        found = _KINDS[type(content)]
        raise DataError(f"{metadata}: expected one JSON object per note, got {found}; give {METADATA_NAME}")
    needs_pitch = config.pitch_range is not None or "pitch" in (*config.attribute_list, *config.values_to_keep)
    attributes = {
        name: _checked_attributes(f"{metadata}: note {name!r}", note, needs_pitch=needs_pitch)
        for name, note in content.items()
    }
    _warn_of_fractions(metadata, content.values())
    for own in _require_known(config, content.values()):
        _add_own(metadata, own, content, attributes)
    _report_unmatched(audio, attributes, metadata)
    return [NoteRecord(name, path, attributes[name]) for name, path in audio.items() if name in attributes]


def _records_of_names(audio: Mapping[str, Path]) -> list[NoteRecord]:
    records = [NoteRecord(name, path, attributes_of_name(name)) for name, path in audio.items()]
    # The labels of a generated note are in its card.
    bare = [record for record in records if not record.attributes]
    unlabelled = [record.name for record in bare if not record.path.with_suffix(".json").is_file()]
    if unlabelled:
        listing = first_few(unlabelled)
        logger.info("files without labels, since they are not named %s: %d: %s", NAME_FORM, len(unlabelled), listing)
    return records


def _report_unmatched(audio: Mapping[str, Path], metadata: Mapping[str, Any], where: Path) -> None:
    without_audio = sorted(metadata.keys() - audio.keys())
    if without_audio:
        text = "%s: notes without audio: %d of %d: %s"
        logger.info(text, where, len(without_audio), len(metadata), first_few(without_audio))
    undescribed = sorted(audio.keys() - metadata.keys())
    if len(undescribed) == len(audio):
        raise DataError(
            f"{where}: describes none of the {counted(len(audio), 'audio file')}, such as {audio[undescribed[0]]}; "
            f"give the {METADATA_NAME} of these notes, or set load_metadata false"
        )
    if undescribed:
        logger.warning(
            "%s: lacks %s, left out: %s", where, counted(len(undescribed), "audio file"), first_few(undescribed)
        )


def _require_known(config: LoaderConfig, notes: Iterable[Mapping[str, Any]]) -> list[str]:
    """The attributes that `config` names and NSynth does not have. Raises: DataError if no note has one of them."""
    known = (*ATTRIBUTE_TYPES, "qualities", *QUALITIES)
    asked = dict.fromkeys(config.attribute_list, "attribute_list") | dict.fromkeys(config.values_to_keep, "filter")
    own = [name for name in asked if name not in known]
    present = set().union(*notes) if own else set()
    for name in own:
        if name not in present:
            choices = (*known, *sorted(present - {*known, *_DESCRIPTIONS}))
            raise DataError(f"{asked[name]}: unknown attribute {name!r}; {hint(name, choices)}")
    return own


def _add_own(metadata: Path, own: str, content: Mapping[str, Any], attributes: Mapping[str, dict[str, Value]]) -> None:
    """Add the attribute `own`, of the user's, to those of all notes that have it."""
    first: dict[type, str] = {}
    for name, note in content.items():
        value = note.get(own)
        if value is None:
            continue
        where = f"{metadata}: note {name!r}: {own}"
        if type(value) not in (int, float, str):
            what = f"{_KINDS[type(value)]} ({str(value)[:40]})"
            raise DataError(f"{where} is {what}, but an attribute must be a number or a string; correct the file")
        if isinstance(value, str) and utf8_text(value) != value:
            raise DataError(f"{where} has halves of characters, {value!a}; correct the file")
        first.setdefault(type(value), name)
        attributes[name][own] = value
    if str in first and len(first) > 1:
        number, text = next(first[kind] for kind in (int, float) if kind in first), first[str]
        kind = _KINDS[type(content[number][own])]
        said = f"{kind} in {number!r} ({content[number][own]}) and a string in {text!r} ({content[text][own]!r})"
        raise DataError(f"{metadata}: {own} is {said}; write all its values in one way")
    if float in first:
        _make_quantity(metadata, own, attributes)


def _make_quantity(metadata: Path, own: str, attributes: Mapping[str, dict[str, Value]]) -> None:
    """Turn the numbers of `own` into floats, since some programs write 3.0 as 3."""
    for name, note in attributes.items():
        if own not in note:
            continue
        value = note[own]
        if not isinstance(value, str) and abs(value) > _LARGEST_QUANTITY:
            raise DataError(f"{metadata}: note {name!r}: {own} {str(value)[:40]} is too large; correct the file")
        note[own] = float(value)


def _warn_of_fractions(metadata: Path, notes: Iterable[Mapping[str, Any]]) -> None:
    count = sum(type(note.get("pitch")) is float for note in notes)
    if count:
        logger.warning("%s: pitch is a fraction in %s, and taken as unknown", metadata, counted(count, "note"))


def _checked_attributes(where: str, note: Any, *, needs_pitch: bool) -> dict[str, Value]:
    """Attributes that NSynth has; a pitch with a fraction, as of a drum that was measured, is unknown if not needed."""
    if not isinstance(note, dict):
        raise DataError(f"{where}: expected a JSON object, got {_KINDS[type(note)]}; correct the file")
    attributes: dict[str, Value] = {}
    for name, expected in ATTRIBUTE_TYPES.items():
        if note.get(name) is not None and (name != "pitch" or needs_pitch or type(note[name]) is not float):
            value = note[name]
            if type(value) is not expected:
                kinds = f"must be {_KINDS[expected]}, got {_KINDS[type(value)]}"
                raise DataError(f"{where}: {name} {kinds}; correct the file")
            if isinstance(value, str) and utf8_text(value) != value:
                raise DataError(f"{where}: {name} has halves of characters, {value!a}; correct the file")
            attributes[name] = value
    for name in ("pitch", "velocity"):
        if name in attributes and attributes[name] not in range(MIDI_MAX + 1):
            raise DataError(f"{where}: {name} {attributes[name]} is outside 0 to {MIDI_MAX}; correct the file")
    if note.get("qualities") is not None:
        attributes.update(_checked_qualities(where, note["qualities"]))
    return attributes


def _checked_qualities(where: str, flags: Any) -> dict[str, Value]:
    well_formed = isinstance(flags, list) and len(flags) == len(QUALITIES)
    if not well_formed or not all(type(flag) is int and flag in (0, 1) for flag in flags):
        raise DataError(f"{where}: qualities must be {len(QUALITIES)} numbers, each 0 or 1; correct the file")
    return dict(zip(QUALITIES, flags, strict=True))
