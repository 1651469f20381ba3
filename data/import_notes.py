"""Turn a folder of your own sound files into notes with NSynth's layout, names and metadata.

`python -m data.import_notes DIR --output NOTES` writes NOTES/audio/*.wav (16 kHz, mono, 16 bits), NOTES/examples.json,
NOTES/card.json, and a report of what became of each file. Source of the layout: Engel et al. 2017,
https://arxiv.org/abs/1704.01279.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields

from data.importing.measures import MEASURES
from data.importing.sound_import import LENGTHS, LEVELS, MIDDLE_C, ImportOptions, import_sounds
from data.nsynth import SOURCES
from utils.arguments import add_output, at_least_one, number_between, path
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line


@user_errors_in_one_line("import_notes")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit code is 0, or 2 after a user's mistake."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    options = ImportOptions(**{field.name: getattr(args, field.name) for field in fields(ImportOptions)})
    said = import_sounds(args.folder, args.output, options, workers=args.workers, overwrite=args.overwrite)
    sys.stdout.write(said)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="python -m data.import_notes",
        description="Turn a folder of your own sound files into notes like NSynth's.",
    )
    parser.add_argument("folder", type=path, metavar="DIR", help="folder of sound files, also in folders below")
    add_output(parser, "folder to make; it must not exist, or be empty")
    _add_labels(parser)
    _add_sound(parser)
    add = parser.add_argument
    help_ = "number of processes (default: one for each core)"
    add("--workers", type=at_least_one, default=os.cpu_count() or 1, metavar="N", help=help_)
    add("--overwrite", action="store_true", help="replace notes that this program made there before")
    add_verbosity(parser)
    return parser


def _add_labels(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what the sounds are").add_argument
    help_ = "how files are named, such as '{instrument}_{note}_{dynamic}'; * is anything, / divides folders"
    add("--pattern", metavar="TEXT", help=help_)
    help_ = "what the folders say, from the outermost on, such as family or instrument"
    add("--folders", nargs="+", default=(), metavar="NAME", help=help_)
    add("--csv", type=path, metavar="FILE", help="a table with a column file, and others that are labels")
    add("--middle-c", choices=MIDDLE_C, default="C4", help="the name of MIDI pitch 60 (default: %(default)s)")
    add("--families", type=path, metavar="FILE", help='families by instrument, as JSON: {"kazoo": "reed"}')
    help_ = "family of the instruments that neither --families nor the built-in table has"
    add("--unknown-family", metavar="NAME", help=help_)
    add("--source", choices=SOURCES, default=SOURCES[0], help="instrument source (default: %(default)s)")
    add("--only-instruments", nargs="+", default=(), metavar="NAME", help="take the notes of these alone")
    add("--except-instruments", nargs="+", default=(), metavar="NAME", help="take the notes of all others")


def _add_sound(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is done to the sound").add_argument
    help_ = "the longest note, faded out where it is cut (default: %(default)s)"
    add("--seconds", type=number_between(*LENGTHS), default=4.0, metavar="S", help=help_)
    add("--split", action="store_true", help="cut files that hold several notes at their onsets")
    help_ = "bring every note to this loudness in LUFS by a gain of its own (default: leave levels as recorded)"
    add("--match-level", type=number_between(*LEVELS), metavar="LUFS", help=help_)
    add("--measure", nargs="+", choices=MEASURES, default=(), metavar="NAME", help=f"of {', '.join(MEASURES)}")
    help_ = "leave out notes that sound half a semitone or more from their label, or have no clear pitch"
    add("--in-tune", action="store_true", help=help_)
    help_ = "move the labels of notes that sound whole octaves away from them"
    add("--fix-octaves", action="store_true", help=help_)


if __name__ == "__main__":
    sys.exit(main())
