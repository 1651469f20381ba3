"""An import as its users ask for it: from the command line, or from Python."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from data.importing.cut_settings import CutSettings
from data.importing.labels import Labelling, family_fault
from data.importing.measures import MEASURES, attributes_of_measures
from data.instrument_families import instrument_name
from data.nsynth import SOURCES
from data.sound_font import SAMPLE_RATE
from utils.errors import DataError, UserError
from utils.files import read_json
from utils.spelling import hint

MIDDLE_C = {"C3": 3, "C4": 4, "C5": 5}
LENGTHS = (0.05, 60.0)  # s
LEVELS = (-70.0, 0.0)  # LUFS


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the sounds are, and what is done to them: the flags of `python -m data.import_notes` by their names.

    Raises: UserError if a value is none of those that the flag takes.
    """

    pattern: str | None = None  # how files are named, such as "{instrument}_{note}_{dynamic}"
    folders: Sequence[str] = ()  # what the folders say, from the outermost on
    csv: str | Path | None = None  # a table with a column file, and others that are labels
    middle_c: str = "C4"  # the name of MIDI pitch 60
    families: str | Path | None = None  # families by instrument, as JSON
    unknown_family: str | None = None
    source: str = SOURCES[0]
    only_instruments: Sequence[str] = ()
    except_instruments: Sequence[str] = ()
    seconds: float = 4.0  # the longest note
    split: bool = False  # at onsets, files that hold several notes
    match_level: float | None = None  # LUFS of every note; None: as recorded
    measure: Sequence[str] = ()
    in_tune: bool = False
    fix_octaves: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (("middle_c", self.middle_c, MIDDLE_C), ("source", self.source, SOURCES)):
            if value not in known:
                raise UserError(f"{name} {value!r}: {hint(value, known)}")
        for value in self.measure:
            if value not in MEASURES:
                raise UserError(f"measure {value!r}: {hint(value, MEASURES)}")
        for name, number, (lowest, highest) in (
            ("seconds", self.seconds, LENGTHS),
            ("match_level", self.match_level, LEVELS),
        ):
            if number is not None and not lowest <= number <= highest:
                raise UserError(f"{name} {number:g}: must be from {lowest:g} to {highest:g}")

    def told(self) -> dict[str, Any]:
        """All of them as JSON values; of paths only names are told."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        paths = {name: Path(values[name]).name for name in ("csv", "families") if values[name] is not None}
        return values | paths


def import_sounds(
    folder: str | Path,
    output: str | Path,
    options: ImportOptions | None = None,
    *,
    workers: int = 1,
    overwrite: bool = False,
) -> str:
    """Make notes in NSynth's layout of the sound files in `folder`, in the new folder `output`, all or nothing.

    `overwrite` replaces an earlier import. Returns what became of the files, in words. Raises: UserError.
    """
    from data.importing.folder_import import FolderImport, import_folder  # needs torch, which help does without

    source, asked = Path(folder), options or ImportOptions()
    order = FolderImport(
        folder=source,
        output=Path(output),
        labelling=_labelling(asked),
        settings=CutSettings(
            seconds=asked.seconds,
            split=asked.split,
            level_lufs=asked.match_level,
            in_tune=asked.in_tune,
            fix_octaves=asked.fix_octaves,
            measures=tuple(name for name in MEASURES if name in asked.measure),
        ),
        only=asked.only_instruments,
        all_but=asked.except_instruments,
        workers=workers,
        overwrite=overwrite,
        told={"folder": source.resolve().name, "sample_rate": SAMPLE_RATE, **asked.told()},
    )
    return import_folder(order)


def _labelling(options: ImportOptions) -> Labelling:
    families = _read_families(Path(options.families)) if options.families else {}
    if options.unknown_family is not None and (fault := family_fault(options.unknown_family)):
        raise UserError(f"--unknown-family: {fault}")
    return Labelling(
        pattern=options.pattern,
        folders=tuple(options.folders),
        table=None if options.csv is None else Path(options.csv),
        octave_of_middle_c=MIDDLE_C[options.middle_c],
        families=families,
        unknown_family=options.unknown_family,
        source=options.source,
        measured=tuple(attributes_of_measures(options.measure)),
    )


def _read_families(path: Path) -> dict[str, str]:
    content = read_json(path, DataError)
    if not isinstance(content, dict) or not all(isinstance(family, str) for family in content.values()):
        raise DataError(f'{path}: must be one object of names, such as {{"kazoo": "reed"}}; correct it')
    for name, family in content.items():
        if fault := family_fault(family):
            raise DataError(f"{path}: {name!r}: {fault}")
    return {instrument_name(name): family for name, family in content.items()}
