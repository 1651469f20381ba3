"""Divide notes by instrument: some to learn from, others to compare with.

`python -m data.split_notes NOTES --training DIR --reference DIR` copies the notes of each instrument into one of two
folders, so that what a network learned from and what it is compared with have no instrument in common. Of each family
every second instrument is a reference, or those that --reference-instruments names.
"""

import argparse
import itertools
import logging
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace

from data.combine_notes import NoteSource, add_in_tune, open_sources, write_notes
from data.made_folder import keys_of, require_empty
from data.note_records import NoteRecord
from utils.arguments import path
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.errors import DataError
from utils.spelling import counted, hint

logger = logging.getLogger("data.split_notes")  # not __name__, which is __main__ when run as a script

MADE_BY = "data.split_notes"


@user_errors_in_one_line("split_notes")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit code is 0, or 2 after a user's mistake."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    folders = {"--training": args.training, "--reference": args.reference}
    for flag, folder in folders.items():
        require_empty(folder, flag)
    if args.training.resolve() == args.reference.resolve():
        raise DataError(f"{args.training}: is --training and --reference; choose two folders")
    (source,) = open_sources([args.notes], in_tune=args.in_tune)
    parts = split(source, args.reference_instruments)
    for folder, part in zip(folders.values(), parts, strict=True):
        count = write_notes(folder, [part], made_by=MADE_BY)
        sys.stdout.write(f"{counted(count, 'note')} in {folder}; {keys_of(folder)}\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="python -m data.split_notes",
        description="Divide notes by instrument: some to learn from, others to compare with.",
    )
    add = parser.add_argument
    add("notes", type=path, metavar="NOTES", help="folder of notes and examples.json, in NSynth's layout")
    add("--training", type=path, required=True, metavar="DIR", help="folder to make; it must not exist, or be empty")
    add("--reference", type=path, required=True, metavar="DIR", help="another folder to make")
    add(
        "--reference-instruments",
        nargs="+",
        metavar="NAME",
        help="instrument_str of those to compare with (default: every second one of each family)",
    )
    add_in_tune(parser)
    add_verbosity(parser)
    return parser


def split(source: NoteSource, wanted: Sequence[str] | None = None) -> tuple[NoteSource, NoteSource]:
    """Its notes (to learn from, to compare with); `wanted` are the instruments of the latter.

    Raises: DataError if an instrument is unknown, or if one side would have no note.
    """
    instruments = sorted({_instrument(record) for record in source.taken})
    for name in wanted or ():
        if name not in instruments:
            raise DataError(f"{source.folder}: has no instrument {name}; {hint(name, instruments)}")
    chosen = set(wanted) if wanted else _every_second(instruments)
    sides = [[record for record in source.taken if (_instrument(record) in chosen) is side] for side in (False, True)]
    if not all(sides):
        raise DataError(
            f"{source.folder}: {counted(len(instruments), 'instrument')} cannot be divided so that both sides have "
            "one; give notes of more instruments, or other --reference-instruments"
        )
    logger.info("to compare with: %s", ", ".join(sorted(chosen)))
    training, reference = (replace(source, taken=side) for side in sides)
    return training, reference


def _every_second(instruments: Collection[str]) -> set[str]:
    """Of each family every second instrument; one that is alone in its family is learned from, and that is said.

    >>> sorted(_every_second(["tom_acoustic_001", "tom_acoustic_004", "tom_rim_acoustic_000"]))
    ['tom_acoustic_004']
    """
    chosen: set[str] = set()
    ordered = sorted(instruments, key=lambda name: (_family(name), name))
    for family, group in itertools.groupby(ordered, key=_family):
        members = list(group)
        chosen.update(members[1::2])
        if len(members) == 1:
            logger.warning("%s has one instrument, %s: it is learned from, and has no reference", family, members[0])
    return chosen


def _family(instrument: str) -> str:
    """The family in the name of an instrument, such as synth_lead_synthetic_006."""
    return instrument.rsplit("_", 2)[0]


def _instrument(record: NoteRecord) -> str:
    return str(record.attributes["instrument_str"])


if __name__ == "__main__":
    sys.exit(main())
