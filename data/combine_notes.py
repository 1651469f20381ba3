"""Put several folders of notes together into one data set.

`python -m data.combine_notes DIR [DIR ...] --output DIR` copies the audio files as they are into DIR/audio and writes
DIR/examples.json and DIR/card.json, which says where they came from and which instruments were renamed.
"""

import argparse
import itertools
import logging
import re
import shutil
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data.audio_io import read_audio
from data.made_folder import keys_of, require_empty
from data.note_pitch import sounds_at
from data.note_records import NoteRecord, first_few, metadata_path
from data.nsynth import family_numbers, note_name
from data.sound_font import SAMPLE_RATE
from utils.arguments import add_output, path
from utils.cli import Parser, add_verbosity, show_progress, start_logging, user_errors_in_one_line
from utils.config import LoaderConfig
from utils.errors import DataError
from utils.files import atomic_folder, read_json, require_disk_space, write_json
from utils.spelling import counted

logger = logging.getLogger("data.combine_notes")  # not __name__, which is __main__ when run as a script

MADE_BY = "data.combine_notes"
_NAME = re.compile(r"(?P<kind>[^/\\\0]+_[a-z]+)_(?P<number>\d{3,})")
_TAKE = re.compile(r"_\d+")
"""The end of the name of a note that has an instrument, pitch and velocity with another: `data.import_notes`."""
_NEEDED = ("instrument_str", "velocity")


@dataclass(frozen=True)
class NoteSource:
    """One of the folders: its metadata by note, the notes taken, and the new names of its instruments.

    `families` are the numbers of families, where those of all folders together contradict each other.
    """

    folder: Path
    metadata: Mapping[str, Any]
    taken: Sequence[NoteRecord]
    out_of_tune: Sequence[str]
    renamed: Mapping[str, str]
    families: Mapping[str, int] = field(default_factory=dict)

    def notes(self) -> Iterator[tuple[str, NoteRecord]]:
        """Each note that is taken, under its new name; those without pitch that would have one name are numbered."""
        unpitched: set[str] = set()
        for record in self.taken:
            instrument = str(record.attributes["instrument_str"])
            pitch, velocity = record.attributes.get("pitch"), int(record.attributes["velocity"])
            said = (None if pitch is None else int(pitch), velocity)
            own = record.name.removeprefix(note_name(instrument, *said))
            name = note_name(self.renamed.get(instrument, instrument), *said)
            name += own if _TAKE.fullmatch(own) else ""
            if pitch is None:
                name = _free(name, unpitched)
                unpitched.add(name)
            yield name, record

    def described(self, record: NoteRecord) -> dict[str, Any]:
        """The metadata of a note, with the new number of its family."""
        note = dict(self.metadata[record.name])
        number = self.families.get(note.get("instrument_family_str", ""))
        return note if number is None else note | {"instrument_family": number}


@user_errors_in_one_line("combine_notes")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit code is 0, or 2 after a user's mistake."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    require_empty(args.output, "--output")
    sources = open_sources(args.folders, in_tune=args.in_tune)
    count = write_notes(args.output, sources, made_by=MADE_BY)
    sys.stdout.write(f"{counted(count, 'note')} in {args.output}; {keys_of(args.output)}\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="python -m data.combine_notes", description="Put several folders of notes together into one data set."
    )
    add = parser.add_argument
    add("folders", type=path, nargs="+", metavar="NOTES", help="folders of notes and examples.json, in NSynth's layout")
    add_output(parser, "folder to make; it must not exist, or be empty")
    add_in_tune(parser)
    add_verbosity(parser)
    return parser


def add_in_tune(parser: argparse.ArgumentParser) -> None:
    """Add `--in-tune`."""
    help_ = "leave out notes that sound half a semitone or more from their label, or no pitch for half a second"
    parser.add_argument("--in-tune", action="store_true", help=help_)


def open_sources(folders: Sequence[Path], *, in_tune: bool) -> list[NoteSource]:
    """The `folders`; an instrument with the name of one in an earlier folder gets another number.

    So does a family with the number of another one. Notes may lack a pitch.
    Raises: DataError if a folder is given twice or is no data set, or a note lacks instrument or velocity.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise DataError("the same folder is given twice; name each once")
    from data.note_selection import find_notes  # needs pandas, which help does without

    sources: list[NoteSource] = []
    known: set[str] = set()
    for folder in folders:
        config = LoaderConfig.model_validate({"data_path": folder})
        with _advice_of_our_own():
            records = find_notes(config, seed=0)
        _require_named(folder, records)
        kept, dropped = _split_by_tune(records) if in_tune else (records, [])
        instruments = sorted({str(record.attributes["instrument_str"]) for record in kept})
        renamed = _new_names(instruments, known)
        _report(folder, dropped, renamed)
        known |= {renamed.get(name, name) for name in instruments}
        sources.append(NoteSource(folder, read_json(metadata_path(config), DataError), kept, dropped, renamed))
    families = _new_numbers(chain.from_iterable(source.metadata.values() for source in sources))
    if families:
        logger.info("gave new numbers to families: %s", first_few([f"{name} {families[name]}" for name in families]))
    return [replace(source, families=families) for source in sources]


def _new_numbers(notes: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """A number for each family, if one has several among the `notes`, or one is that of several; else none."""
    pairs = {(note.get("instrument_family_str"), note.get("instrument_family")) for note in notes}
    known = {(name, number) for name, number in pairs if isinstance(name, str) and isinstance(number, int)}
    names, numbers = zip(*known, strict=True) if known else ((), ())
    if len(set(names)) == len(set(numbers)) == len(known):
        return {}
    every = family_numbers(names)
    return {name: every[name] for name in sorted(set(names))}


@contextmanager
def _advice_of_our_own() -> Iterator[None]:
    """Errors that advise to set keys of a config, which this program has none of, get other advice."""
    try:
        yield
    except DataError as error:
        what, _, advice = str(error).rpartition("; ")
        if not any(key in advice for key in LoaderConfig.model_fields):
            raise
        raise DataError(f"{what}; give folders that hold audio/ and examples.json, as NSynth's do") from error


def _report(folder: Path, dropped: Sequence[str], renamed: Mapping[str, str]) -> None:
    if dropped:
        logger.warning(
            "%s: left out, since out of tune: %s, such as %s", folder, counted(len(dropped), "note"), dropped[0]
        )
    if renamed:
        old, new = next(iter(renamed.items()))
        logger.info(
            "%s: gave new numbers to %s, such as %s, now %s", folder, counted(len(renamed), "instrument"), old, new
        )


def _require_named(folder: Path, records: Sequence[NoteRecord]) -> None:
    for record in records:
        missing = [key for key in _NEEDED if key not in record.attributes]
        if missing or not _NAME.fullmatch(str(record.attributes["instrument_str"])):
            what = f"has no {missing[0]}" if missing else "has an instrument_str unlike brass_acoustic_006"
            raise DataError(f"{folder}: {record.name!r} {what}; correct its examples.json")


def _split_by_tune(records: Sequence[NoteRecord]) -> tuple[list[NoteRecord], list[str]]:
    kept, dropped = [], []
    for record in tqdm(records, desc="listening", unit="note", disable=not show_progress(), leave=False):
        wave = read_audio(record.path, SAMPLE_RATE)
        pitch = record.attributes.get("pitch")
        if pitch is None or sounds_at(wave, int(pitch), SAMPLE_RATE):  # without a label, nothing is contradicted
            kept.append(record)
        else:
            dropped.append(record.name)
    return kept, dropped


def _free(name: str, taken: Container[str]) -> str:
    """`name`, or with the first number from 2 on that makes it another one than those `taken`."""
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    return next(each for each in chain((name,), numbered) if each not in taken)


def _new_names(instruments: Sequence[str], known: set[str]) -> dict[str, str]:
    """Old name -> new name of those `instruments` whose names are `known` already: the next free number of the kind.

    >>> _new_names(["brass_acoustic_001", "flute_acoustic_000"], {"brass_acoustic_001"})
    {'brass_acoustic_001': 'brass_acoustic_002'}
    """
    renamed: dict[str, str] = {}
    highest: dict[str, int] = {}
    for name in {*known, *instruments}:
        kind, number = _parts(name)
        highest[kind] = max(highest.get(kind, -1), number)
    for name in instruments:
        if name in known:
            kind, _ = _parts(name)
            highest[kind] += 1
            renamed[name] = f"{kind}_{highest[kind]:03d}"
    return renamed


def _parts(instrument: str) -> tuple[str, int]:
    kind, _, number = instrument.rpartition("_")
    return kind, int(number)


def write_notes(out: Path, sources: Sequence[NoteSource], *, made_by: str) -> int:
    """Write the data set and its card; return its number of notes.

    Raises: DataError if two notes have one name, or none is left.
    """
    notes = [(name, record, source) for source in sources for name, record in source.notes()]
    if not notes:
        raise DataError("no note is left; leave --in-tune out")
    notes.sort(key=lambda note: note[0])
    for (name, record, _), (after, other, _) in itertools.pairwise(notes):
        if name == after:
            raise DataError(f"{other.path}: the same instrument, pitch and velocity as {record.path}; remove one")
    require_disk_space(out, sum(record.path.stat().st_size for _, record, _ in notes))
    numbers = {name: number for number, name in enumerate(sorted({_instrument(name) for name, _, _ in notes}))}
    with atomic_folder(out) as folder:
        (folder / "audio").mkdir()
        metadata = {}
        for number, (name, record, source) in enumerate(tqdm(notes, unit="note", disable=not show_progress())):
            shutil.copyfile(record.path, folder / "audio" / f"{name}{record.path.suffix.lower()}")
            renamed = {"note": number, "note_str": name, "instrument_str": _instrument(name)}
            renamed["instrument"] = numbers[_instrument(name)]
            metadata[name] = source.described(record) | renamed
        write_json(folder / "examples.json", metadata)
        write_json(folder / "card.json", {"made_by": made_by, "sources": [_account(source) for source in sources]})
    return len(notes)


def _instrument(name: str) -> str:
    return name.rsplit("-", 2)[0]


def _account(source: NoteSource) -> dict[str, Any]:
    """What the card says about one folder, with that folder's own card if it has one."""
    card = source.folder / "card.json"
    return {
        "folder": source.folder.absolute().name,
        "notes": len(source.taken),
        "out_of_tune": list(source.out_of_tune),
        "renamed_instruments": dict(source.renamed),
        "card": read_json(card, DataError) if card.is_file() else None,
    }


if __name__ == "__main__":
    sys.exit(main())
