"""Which notes an experiment trains on, and the labels they carry.

NSynth's own layout is the contract: `audio/*.wav` beside `examples.json`, file names
`<family>_<source>_<nnn>-<pitch>-<velocity>`. Source: Engel et al. 2017, https://arxiv.org/abs/1704.01279.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from utils.config import MIDI_MAX, LoaderConfig
from utils.errors import DataError
from utils.files import read_json

logger = logging.getLogger(__name__)

Value = int | str

# Both in the order of NSynth's numbers: instrument_family 0 is bass, instrument_source 0 is acoustic.
FAMILIES = (
    *("bass", "brass", "flute", "guitar", "keyboard", "mallet"),
    *("organ", "reed", "string", "synth_lead", "vocal"),
)
SOURCES = ("acoustic", "electronic", "synthetic")
QUALITIES = (
    *("bright", "dark", "distortion", "fast_decay", "long_release"),
    *("multiphonic", "nonlinear_env", "percussive", "reverb", "tempo-synced"),
)
_NUMBERED = {"instrument_family": FAMILIES, "instrument_source": SOURCES}
ATTRIBUTE_TYPES: dict[str, type[int] | type[str]] = {
    "pitch": int,
    "velocity": int,
    "instrument": int,
    "instrument_str": str,
    "instrument_family": int,
    "instrument_family_str": str,
    "instrument_source": int,
    "instrument_source_str": str,
}
AUDIO_SUFFIXES = (".wav", ".flac")

_METADATA_NAME = "examples.json"
_NAME_FORM = "<family>_<source>_<nnn>-<pitch>-<velocity>"
_NAME = re.compile(
    rf"(?P<instrument>(?P<family>[^\W\d]\w*)_(?P<source>{'|'.join(SOURCES)})_\d{{3,}})"
    r"-(?P<pitch>\d{3})-(?P<velocity>\d{3})",
    re.ASCII,
)
_LISTED = 10


@dataclass(frozen=True, slots=True)
class NoteRecord:
    """One note: its name (file name without suffix), its audio file, and the attributes known of it."""

    name: str
    path: Path
    attributes: Mapping[str, Value]


def find_notes(config: LoaderConfig, seed: int) -> list[NoteRecord]:
    """The notes that `config` selects: filtered, then (if asked) shuffled by `seed`, then cut to `size`.

    They are ordered by name, or by the shuffle. A balanced selection takes equally many of each family.
    Raises: DataError if audio or metadata are missing or malformed, if a filter or an attribute needs what
    the notes do not tell, or if no note is left.
    """
    audio = _find_audio(config.data_path)
    where = _metadata_path(config) if config.load_metadata else config.data_path
    found = _notes_of_metadata(audio, where) if config.load_metadata else _notes_of_names(audio)
    wanted = _Requirements(where, by_name=not config.load_metadata)
    kept = _filter(found, config, wanted)
    wanted.check(kept, expand_attributes(config.attribute_list))
    if config.shuffle:
        kept = [kept[i] for i in np.random.default_rng(seed).permutation(len(kept))]
    if config.balanced_data:
        wanted.check(kept, ("instrument_family_str",))
    taken = _take_balanced(kept, config.size) if config.balanced_data else _take(kept, config.size)
    _warn_of_losses(kept, taken, config)
    logger.info("%s: %d notes selected", config.data_path, len(taken))
    return taken


def expand_attributes(attribute_list: Iterable[str]) -> tuple[str, ...]:
    """The attributes by name, `qualities` being short for all ten. Raises: DataError on one unknown or given twice."""
    names: list[str] = []
    for name in attribute_list:
        names.extend(QUALITIES if name == "qualities" else (name,))
    known = (*ATTRIBUTE_TYPES, "qualities", *QUALITIES)
    for name in names:
        if name not in known:
            raise DataError(f"attribute_list: unknown attribute {name!r}; {_hint(name, known)}")
        if names.count(name) > 1:
            raise DataError(f"attribute_list: {name!r} is given twice; keep one of them")
    return tuple(names)


@dataclass(frozen=True)
class AttributeTable:
    """The values each attribute can take, in a fixed order: what turns labels into class indices and back.

    `values` maps each attribute, in the order of the label columns, to its values; a label is the position of
    a note's value among them.
    """

    values: Mapping[str, tuple[Value, ...]]

    @classmethod
    def from_records(cls, records: Sequence[NoteRecord], attribute_list: Iterable[str]) -> Self:
        """The table of the values present in `records`, ascending; a quality is always (0, 1).

        Raises: DataError if an attribute is unknown or a note lacks it.
        """
        values: dict[str, tuple[Value, ...]] = {}
        for name in expand_attributes(attribute_list):
            present = sorted({_value(record, name) for record in records}, key=_order)
            if len(present) < 2:
                logger.warning("attribute %s: every note has the same value, nothing to learn from it", name)
            values[name] = (0, 1) if name in QUALITIES else tuple(present)
        return cls(values)

    @classmethod
    def from_plain(cls, plain: Any) -> Self:
        """The table that `to_plain` wrote, also after a trip through JSON. Raises: DataError if it is not one."""
        if not isinstance(plain, dict):
            raise DataError(f"attribute values: expected a mapping, got {type(plain).__name__}; save them anew")
        for name, values in plain.items():
            one_type = isinstance(values, list | tuple) and {type(value) for value in values} in ({int}, {str})
            if not one_type or len(set(values)) < len(values):
                raise DataError(f"attribute values of {name!r}: expected distinct integers or strings; save anew")
        return cls({name: tuple(values) for name, values in plain.items()})

    def to_plain(self) -> dict[str, list[Value]]:
        """The table as plain values, fit for JSON and checkpoints."""
        return {name: list(values) for name, values in self.values.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes, in the order of the label columns."""
        return tuple(self.values)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each attribute can take."""
        return tuple(len(values) for values in self.values.values())

    def encode(self, records: Sequence[NoteRecord]) -> npt.NDArray[np.int64]:
        """Class indices (N, n_attributes) of the notes. Raises: DataError if a note has a value not in the table."""
        labels = np.empty((len(records), len(self.values)), dtype=np.int64)
        for column, (name, values) in enumerate(self.values.items()):
            position = {value: index for index, value in enumerate(values)}
            for row, record in enumerate(records):
                value = _value(record, name)
                if value not in position:
                    raise DataError(
                        f"{record.path}: {name} {value!r} is not among the {len(values)} values the labels were "
                        f"made for ({_listing(values)}); leave the note out or start a new run"
                    )
                labels[row, column] = position[value]
        return labels


def value_in_words(name: str, value: Value) -> str:
    """`value` of the attribute `name` as people write it: the word, where NSynth numbers words.

    >>> value_in_words("instrument_family", 4), value_in_words("pitch", 60)
    ('keyboard', '60')
    """
    words = _NUMBERED.get(name, ())
    return words[value] if isinstance(value, int) and 0 <= value < len(words) else str(value)


def _value(record: NoteRecord, name: str) -> Value:
    try:
        return record.attributes[name]
    except KeyError as error:
        raise DataError(f"{record.path}: nothing tells its {name}; add it to {_METADATA_NAME}") from error


def _order(value: Value) -> tuple[int, str]:
    return (value, "") if isinstance(value, int) else (0, value)


@dataclass(frozen=True)
class _Requirements:
    """What an experiment needs to know of its notes, and where the notes' attributes came from."""

    where: Path
    by_name: bool

    def check(self, records: Sequence[NoteRecord], attributes: Iterable[str]) -> None:
        for name in attributes:
            lacking = [record for record in records if name not in record.attributes]
            if lacking:
                raise DataError(self._fault(name, lacking[0], f"{len(lacking)} of {len(records)}"))

    def _fault(self, name: str, example: NoteRecord, share: str) -> str:
        if self.by_name:
            return (
                f"{self.where}: the names of {share} files, such as {example.path.name}, do not tell {name}; "
                f"name them {_NAME_FORM}, or give {_METADATA_NAME} and set load_metadata true"
            )
        return (
            f"{self.where}: {share} notes, such as {example.name!r}, lack {name!r}, which this experiment needs; "
            "add it, or leave those notes out"
        )


def _find_audio(data_path: Path) -> dict[str, Path]:
    """Audio files of data_path and data_path/audio by note name, in the order of the names."""
    if not data_path.is_dir():
        what = "is a file, not a folder" if data_path.exists() else "no such folder"
        raise DataError(f"{data_path}: {what}; set data_path to the unpacked notes")
    folders = [folder for folder in (data_path, data_path / "audio") if folder.is_dir()]
    # Hidden files are no notes: macOS leaves a `._name.wav` beside each file it unpacks.
    try:
        entries = [path for folder in folders for path in folder.iterdir()]
    except PermissionError as error:
        raise DataError(f"{error.filename}: no permission to read this folder; choose another data_path") from error
    files = [path for path in entries if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")]
    audio: dict[str, Path] = {}
    for path in sorted(files, key=str):
        other = audio.setdefault(path.stem, path)
        if other != path:
            raise DataError(f"{path}: the same note as {other}; remove one of them")
    if not audio:
        raise DataError(f"{data_path}: no .wav or .flac files here or in audio/; set data_path to the notes")
    return dict(sorted(audio.items()))


def _metadata_path(config: LoaderConfig) -> Path:
    if config.att_dict_path is not None:
        return config.att_dict_path
    folder = config.data_path.absolute()
    for candidate in (folder / _METADATA_NAME, folder.parent / _METADATA_NAME):
        if candidate.is_file():
            return candidate
    raise DataError(
        f"{config.data_path}: no {_METADATA_NAME} here or in the folder above; set att_dict_path, "
        "or load_metadata false to read the labels from NSynth file names"
    )


def _notes_of_metadata(audio: Mapping[str, Path], where: Path) -> list[NoteRecord]:
    metadata = read_json(where, DataError)
    if not isinstance(metadata, dict):
        raise DataError(f"{where}: expected one JSON object per note, got {_kind(metadata)}; give {_METADATA_NAME}")
    attributes = {name: _checked_attributes(f"{where}: note {name!r}", note) for name, note in metadata.items()}
    _report_unmatched(audio, attributes, where)
    return [NoteRecord(name, path, attributes[name]) for name, path in audio.items() if name in attributes]


def _report_unmatched(audio: Mapping[str, Path], metadata: Mapping[str, Any], where: Path) -> None:
    silent = sorted(metadata.keys() - audio.keys())
    if silent:
        logger.info("%s: %d of its %d notes have no audio: %s", where, len(silent), len(metadata), _listing(silent))
    strangers = sorted(audio.keys() - metadata.keys())
    if len(strangers) == len(audio):
        raise DataError(
            f"{where}: describes none of the {len(audio)} audio files, such as {audio[strangers[0]]}; "
            f"give the {_METADATA_NAME} of these notes, or set load_metadata false"
        )
    if strangers:
        logger.warning("%s: lacks %d audio files, left out: %s", where, len(strangers), _listing(strangers))


def _checked_attributes(where: str, note: Any) -> dict[str, Value]:
    if not isinstance(note, dict):
        raise DataError(f"{where}: expected a JSON object, got {_kind(note)}; mend the file")
    attributes: dict[str, Value] = {}
    for name, expected in ATTRIBUTE_TYPES.items():
        if name in note:
            value = note[name]
            if type(value) is not expected:
                raise DataError(f"{where}: {name} must be {_KINDS[expected]}, got {_kind(value)}; mend the file")
            attributes[name] = value
    for name in ("pitch", "velocity"):
        if name in attributes and attributes[name] not in range(MIDI_MAX + 1):
            raise DataError(f"{where}: {name} {attributes[name]} is outside 0 to {MIDI_MAX}; mend the file")
    if "qualities" in note:
        attributes.update(_checked_qualities(where, note["qualities"]))
    return attributes


def _checked_qualities(where: str, flags: Any) -> dict[str, Value]:
    well_formed = isinstance(flags, list) and len(flags) == len(QUALITIES)
    if not well_formed or not all(type(flag) is int and flag in (0, 1) for flag in flags):
        raise DataError(f"{where}: qualities must be {len(QUALITIES)} numbers, each 0 or 1; mend the file")
    return dict(zip(QUALITIES, flags, strict=True))


def _notes_of_names(audio: Mapping[str, Path]) -> list[NoteRecord]:
    notes = [NoteRecord(name, path, _attributes_of_name(name)) for name, path in audio.items()]
    plain = [note.name for note in notes if not note.attributes]
    if plain:
        logger.info("%d files are not named %s and carry no labels: %s", len(plain), _NAME_FORM, _listing(plain))
    return notes


def _attributes_of_name(name: str) -> dict[str, Value]:
    match = _NAME.fullmatch(name)
    if match is None or max(int(match["pitch"]), int(match["velocity"])) > MIDI_MAX:
        return {}
    attributes: dict[str, Value] = {
        "pitch": int(match["pitch"]),
        "velocity": int(match["velocity"]),
        "instrument_str": match["instrument"],
        "instrument_family_str": match["family"],
        "instrument_source_str": match["source"],
        "instrument_source": SOURCES.index(match["source"]),
    }
    if match["family"] in FAMILIES:
        attributes["instrument_family"] = FAMILIES.index(match["family"])
    return attributes


def _filter(found: list[NoteRecord], config: LoaderConfig, wanted: _Requirements) -> list[NoteRecord]:
    kept, counts = found, [f"{len(found)} found"]
    names = (
        ("filter", config.sources, "instrument_source_str", SOURCES),
        ("instrument_labels", config.instrument_labels, "instrument_family_str", FAMILIES),
    )
    for key, asked, attribute, known in names:
        if asked:
            wanted.check(found, (attribute,))
            _check_names(key, asked, known, {str(note.attributes[attribute]) for note in found})
            kept = [note for note in kept if note.attributes[attribute] in asked]
            _warn_of_absent(key, asked, {str(note.attributes[attribute]) for note in kept})
            counts.append(f"{len(kept)} after {key} {', '.join(asked)}")
    if config.pitch_range is not None:
        wanted.check(found, ("pitch",))
        low, high = config.pitch_range
        kept = [note for note in kept if note.attributes["pitch"] in range(low, high + 1)]
        counts.append(f"{len(kept)} after pitch_range {low} to {high}")
    if not kept:
        raise DataError(f"{config.data_path}: no note left: {'; '.join(counts)}; widen the one that empties it")
    logger.info("%s: notes: %s", config.data_path, "; ".join(counts))
    return kept


def _check_names(key: str, asked: Iterable[str], known: Iterable[str], present: set[str]) -> None:
    for name in asked:
        if name not in known and name not in present:
            raise DataError(
                f"{key}: unknown name {name!r}; {_hint(name, sorted({*known, *present}))} "
                f"(these notes have {', '.join(sorted(present))})"
            )


def _warn_of_absent(key: str, asked: Iterable[str], left: set[str]) -> None:
    absent = [name for name in asked if name not in left]
    if absent and left:
        logger.warning("%s: no note of %s passes", key, ", ".join(absent))


def _take(kept: list[NoteRecord], size: int) -> list[NoteRecord]:
    _say_if_fewer(len(kept), size)
    return kept if size == -1 else kept[:size]


def _take_balanced(kept: list[NoteRecord], size: int) -> list[NoteRecord]:
    """The first notes of each family, equally many, in the order they come."""
    counts = Counter(note.attributes["instrument_family_str"] for note in kept)
    share = min(counts.values()) if size == -1 else size // len(counts)
    if share == 0:
        raise DataError(f"size {size} with balanced_data is less than one note of each of {len(counts)} families")
    _say_if_fewer(len(kept), size)
    short = {family: count for family, count in counts.items() if count < share}
    if short:
        listing = ", ".join(f"{family} {count}" for family, count in sorted(short.items(), key=str))
        logger.warning("size %d asks for %d notes of each family, but there are: %s", size, share, listing)
    seen: Counter[Value] = Counter()
    taken = []
    for note in kept:
        family = note.attributes["instrument_family_str"]
        seen[family] += 1
        if seen[family] <= share:
            taken.append(note)
    return taken


def _say_if_fewer(available: int, size: int) -> None:
    if size > available:
        logger.warning("size %d: only %d notes pass the filters; using those", size, available)


def _warn_of_losses(kept: list[NoteRecord], taken: list[NoteRecord], config: LoaderConfig) -> None:
    lost = []
    for name in dict.fromkeys(("instrument_family_str", *expand_attributes(config.attribute_list))):
        before, after = ({note.attributes.get(name) for note in notes} for notes in (kept, taken))
        gone = sorted((value for value in before - after if value is not None), key=_order)
        if gone:
            lost.append(f"{name} {_listing(gone)}")
    if lost:
        remedy = "raise size" if config.shuffle else "set shuffle, or raise size"
        logger.warning(
            "taking %d of %d notes leaves out all with %s; %s", len(taken), len(kept), "; ".join(lost), remedy
        )


_KINDS: dict[type, str] = {
    int: "an integer",
    str: "a string",
    bool: "true or false",
    float: "a fraction",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def _kind(value: Any) -> str:
    return _KINDS[type(value)]


def _hint(name: str, known: Iterable[str]) -> str:
    choices = list(known)
    near = get_close_matches(name, choices, n=1)
    return f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(choices)}"


def _listing(values: Sequence[Value]) -> str:
    more = len(values) - _LISTED
    return ", ".join(map(str, values[:_LISTED])) + (f" and {more} more" if more > 0 else "")
