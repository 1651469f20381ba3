"""What folders, names and tables say of sound files, and what of it an import takes as labels."""

import csv
import logging
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from data.importing.name_pattern import NamePattern
from data.instrument_families import FAMILY_OF, instrument_name
from data.note_pitch import pitch_of_name
from data.note_records import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES, explained_search_errors, first_few
from data.nsynth import ATTRIBUTE_TYPES, QUALITIES, SOURCES, Value
from utils.config import MIDI_MAX
from utils.errors import DataError, UserError
from utils.printable import utf8_text
from utils.spelling import hint

logger = logging.getLogger(__name__)

PITCH_FIELDS = ("note", "pitch")
KNOWN_FIELDS = (*PITCH_FIELDS, "instrument", "family", "source", "velocity", "dynamic")
_TAKEN = {
    *(set(ATTRIBUTE_TYPES) - set(KNOWN_FIELDS)),
    *("note_str", "sample_rate", "qualities", "qualities_str", "file", "instrument_name", *QUALITIES),
}
"""Keys of examples.json that an import writes itself."""

VELOCITY_OF = {
    "pianississimo": 16,
    "pianissimo": 33,
    "piano": 49,
    "mezzo-piano": 64,
    "mezzo-forte": 80,
    "forte": 96,
    "fortissimo": 112,
    "fortississimo": 127,
    "ppp": 16,
    "pp": 33,
    "p": 49,
    "mp": 64,
    "mf": 80,
    "f": 96,
    "ff": 112,
    "fff": 127,
}
"""Velocities of dynamics, in even steps as notation programs play them."""

UNKNOWN_VELOCITY = 100

_FAMILY = re.compile(r"\w+")
_NO_SOUNDS = "__MACOSX"  # what macOS puts beside the files of an archive, under the same names
_DIVIDERS = ",;\t"  # of a table; some spreadsheets write semicolons
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)


@dataclass(frozen=True)
class Labelling:
    """Where the labels of files come from, and what they mean."""

    pattern: str | None = None
    folders: tuple[str, ...] = ()
    table: Path | None = None
    octave_of_middle_c: int = 4
    families: Mapping[str, str] = field(default_factory=dict)  # those of the user, by name of the instrument
    unknown_family: str | None = None
    source: str = "acoustic"
    measured: tuple[str, ...] = ()  # attributes that are measured, which no label may be named


@dataclass(frozen=True)
class LabelledFile:
    """A sound file, and what is said of it; `fault` says why it cannot be taken, if so."""

    path: Path
    relative: str  # to the folder of the import, with slashes
    instrument: str = ""
    family: str = ""
    source: str = ""
    pitch: int | None = None
    velocity: int | None = None
    own: Mapping[str, Value] = field(default_factory=dict)  # attributes of the user's
    fault: str = ""


def labelled_files(folder: Path, labelling: Labelling) -> list[LabelledFile]:
    """All sound files in `folder` and below, by path, with their labels.

    Raises: DataError if there are none, or a family is not known; UserError if the labelling is contradictory.
    """
    found = _sound_files(folder)
    if not any(path.suffix.lower() in AUDIO_SUFFIXES for path in found.values()):
        raise DataError(f"{folder}: no audio files ({' '.join(AUDIO_SUFFIXES)}) here or below; choose another folder")
    said = _Sources(labelling, found)
    labels = {name: said.labels_of(name) for name in found}
    own = _as_numbers_where_all_are(labels, said.own_fields)
    files = [_labelled(name, path, labels[name], own[name], labelling) for name, path in found.items()]
    _require_families(files, labelling)
    _say_what_is_one_family(labels.values())
    return files


def _say_what_is_one_family(labels: Iterable[dict[str, str] | str]) -> None:
    said: defaultdict[str, set[str]] = defaultdict(set)
    for each in labels:
        if not isinstance(each, str) and "family" in each:
            said[_family_name(each["family"])].add(each["family"])
    for family, names in said.items():
        if len(names) > 1:
            logger.info("one family, %s: %s", family, ", ".join(map(repr, sorted(names))))


def _sound_files(folder: Path) -> dict[str, Path]:
    """Sounds by their path relative to `folder`, in its order; hidden files and folders are none."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise DataError(f"{folder}: {what}; give a folder of sound files")
    found, links = {}, list[str]()
    with explained_search_errors(folder):
        for place, folders, names in os.walk(folder, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".") and name != _NO_SOUNDS]
            links += [str(Path(place, name).relative_to(folder)) for name in folders if Path(place, name).is_symlink()]
            for name in names:
                path = Path(place, name)
                if path.suffix.lower() in (*AUDIO_SUFFIXES, *UNREADABLE_SUFFIXES) and not name.startswith("."):
                    found[utf8_text(path.relative_to(folder).as_posix())] = path
    if links:
        logger.warning("%s: links to folders, which are not followed: %s", folder, first_few(sorted(links)))
    return dict(sorted(found.items()))


def _raise(error: OSError) -> None:
    raise error


class _Sources:
    """The pattern, the folders and the table that say what files are."""

    def __init__(self, labelling: Labelling, files: Iterable[str]) -> None:
        fits = dict.fromkeys(PITCH_FIELDS, lambda text: _pitch(text, labelling.octave_of_middle_c) is not None)
        fits["velocity"] = str.isdecimal
        self._pattern = NamePattern(labelling.pattern, fits) if labelling.pattern else None
        self._folders = labelling.folders
        self._table: dict[str, dict[str, str]] | None = None
        columns: tuple[str, ...] = ()
        if labelling.table:
            self._table, columns = _read_table(labelling.table, list(files))
        fields = [*(self._pattern.fields if self._pattern else ()), *self._folders, *columns]
        _require_possible(fields, labelling.measured)
        self.own_fields = [name for name in fields if name not in KNOWN_FIELDS]

    def labels_of(self, name: str) -> dict[str, str] | str:
        """The labels of a file, or why it has none."""
        path = PurePosixPath(_composed(name))
        labels: dict[str, str] = {}
        if self._pattern is not None:
            fields = self._pattern.labels_of(path)
            if fields is None:
                return "its name does not fit the pattern"
            labels |= fields
        if self._folders:
            above = path.parent.parts
            if len(above) < len(self._folders):
                return "lies in too few folders"
            labels |= dict(zip(self._folders, above, strict=False))
        if self._table is not None:
            if name not in self._table:
                return "is not in the table"
            labels |= self._table[name]
        return labels


def _require_possible(fields: Sequence[str], measured: Iterable[str]) -> None:
    twice = next((name for name, count in Counter(fields).items() if count > 1), None)
    if twice is not None:
        raise UserError(f"{twice!r} is said twice, by name, folder or table; leave one out")
    if set(PITCH_FIELDS) <= set(fields):
        raise UserError("'note' and 'pitch' are the same; leave one out")
    taken = sorted(set(fields) & {*_TAKEN, *measured})
    if taken:
        near = f"; fields with a meaning are {', '.join(KNOWN_FIELDS)}"
        raise UserError(f"{taken[0]!r} is a key that the import writes itself; choose another name{near}")


def _read_table(path: Path, files: Sequence[str]) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """Labels by file, and the columns, of a CSV with the column `file`: paths in the folder, or names of files."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True, delimiter=_divider(stream.readline()))
            stream.seek(0)
            columns = tuple(name.strip() for name in reader.fieldnames or ())
            reader.fieldnames = columns
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error}); save it as CSV in UTF-8") from error
    if "file" not in columns or len(set(columns)) < len(columns):
        raise DataError(f"{path}: needs one column 'file', and no column twice; name them in its first line")
    places = _places(files)
    table: dict[str, dict[str, str]] = {}
    for line, row in rows:
        if None in row or None in row.values():
            raise DataError(f"{path}, line {line}: has not {len(columns)} values; correct it")
        said = _composed(row["file"].strip()).removeprefix("./")
        name = places.get(said) or places.get(said.replace("\\", "/").removeprefix("./"))
        if name is None:
            raise DataError(f"{path}, line {line}: {row['file']!r} is no file of the folder, or several; correct it")
        if name in table:
            raise DataError(f"{path}, line {line}: {row['file']!r} comes a second time; remove one")
        table[name] = {key: value.strip() for key, value in row.items() if key != "file" and value.strip()}
    return table, tuple(name for name in columns if name != "file")


def _divider(line: str) -> str:
    """What stands between the names of columns: that with which one of them is `file`, else a comma."""
    names = {each: next(csv.reader([line], delimiter=each), []) for each in _DIVIDERS}
    return next((each for each, found in names.items() if "file" in map(str.strip, found)), _DIVIDERS[0])


def _composed(text: str) -> str:
    """`text` with each accent in its letter, as most programs write it; macOS writes them apart."""
    return unicodedata.normalize("NFC", text)


def _places(files: Sequence[str]) -> dict[str, str]:
    """Ways to name a file -> its path: the path, or its last part where no other file has the same."""
    names = Counter(PurePosixPath(name).name for name in files)
    short = {PurePosixPath(name).name: name for name in files if names[PurePosixPath(name).name] == 1}
    return {_composed(said): name for said, name in (short | {name: name for name in files}).items()}


def _as_numbers_where_all_are(
    labels: Mapping[str, dict[str, str] | str], fields: Iterable[str]
) -> dict[str, dict[str, Value]]:
    """The user's own attributes by file: integers, if all values of one are whole numbers; floats, if all are numbers.

    All others are texts.
    """
    own: dict[str, dict[str, Value]] = {name: {} for name in labels}
    for field_ in fields:
        texts = {name: said[field_] for name, said in labels.items() if not isinstance(said, str) and field_ in said}
        kind: type[Value] = str
        if all(text.isascii() and text.isdecimal() and len(text) < 10 for text in texts.values()):
            kind = int
        elif all(map(_NUMBER.fullmatch, texts.values())):
            kind = float
        for name, text in texts.items():
            own[name][field_] = kind(text)
    return own


def _labelled(
    name: str, path: Path, said: dict[str, str] | str, own: Mapping[str, Value], labelling: Labelling
) -> LabelledFile:
    if path.suffix.lower() in UNREADABLE_SUFFIXES:
        return LabelledFile(path, name, fault="its format cannot be read; convert it to WAV or FLAC")
    if isinstance(said, str):
        return LabelledFile(path, name, fault=said)
    family = _family_name(said["family"]) if "family" in said else ""
    instrument = instrument_name(said["instrument"]) if "instrument" in said else family.replace("_", " ")
    if not family:
        family = _family_of(instrument, labelling) if instrument else labelling.unknown_family or ""
    pitch_text = next((said[key] for key in PITCH_FIELDS if key in said), None)
    pitch = None if pitch_text is None else _pitch(pitch_text, labelling.octave_of_middle_c)
    source = said.get("source", labelling.source)
    fault = ""
    if pitch_text is not None and pitch is None:
        fault = f"{pitch_text!r} is no pitch"
    elif family and family_fault(family):
        fault = family_fault(family)
    elif source not in SOURCES:
        fault = f"source {source!r}: {hint(source, SOURCES)}"
    elif "velocity" in said and _velocity(said) is None:
        fault = f"velocity {said['velocity']!r} is not from 1 to {MIDI_MAX}"
    if "dynamic" in said:
        own = {**own, "dynamic": said["dynamic"]}
    return LabelledFile(path, name, instrument or family, family, source, pitch, _velocity(said), own, fault)


def _pitch(text: str, octave_of_middle_c: int) -> int | None:
    if text.isascii() and text.isdecimal():
        return int(text) if len(text) <= 3 and int(text) <= MIDI_MAX else None
    return pitch_of_name(text, octave_of_middle_c)


def _velocity(said: Mapping[str, str]) -> int | None:
    if "velocity" in said:
        text = said["velocity"]
        return int(text) if text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MIDI_MAX else None
    return VELOCITY_OF.get(said.get("dynamic", "").lower().replace("_", "-").replace(" ", "-"))


def _family_name(text: str) -> str:
    """The letters and digits of a folder's name as one word; the name itself, if it has none.

    >>> _family_name("Hi-Hat (closed)")
    'hi_hat_closed'
    """
    return "_".join(re.findall(r"[^\W_]+", text.lower())) or text


def _family_of(instrument: str, labelling: Labelling) -> str:
    """Its family; empty if that is not known."""
    return labelling.families.get(instrument) or FAMILY_OF.get(instrument) or labelling.unknown_family or ""


def family_fault(family: str) -> str:
    """Why `family` is no name of a family; empty if it is one."""
    return "" if _FAMILY.fullmatch(family) else f"family {family!r} must be a word of letters, digits and underscores"


def _require_families(files: Sequence[LabelledFile], labelling: Labelling) -> None:
    lacking = sorted({file.instrument for file in files if not file.fault and not file.family})
    if lacking == [""]:
        raise DataError(
            "nothing says what the sounds are; give a pattern, folders or a table with an instrument or a family, or a "
            "family for all that is unknown"
        )
    if lacking:
        raise DataError(
            f"family unknown of {', '.join(map(repr, lacking))}; give a file of families, or a family for all that is "
            "unknown"
        )
