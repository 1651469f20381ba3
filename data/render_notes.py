"""Render a General MIDI sound font into notes with NSynth's own layout, names and metadata.

`python -m data.render_notes --output DIR` writes DIR/audio/*.wav (4 s, 16 kHz, mono, 16 bits), DIR/examples.json and
DIR/card.json, which says how the notes were made. Source of the layout: Engel et al. 2017,
https://arxiv.org/abs/1704.01279.
"""

import argparse
import logging
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from typing import Any

from data import sound_font
from data.general_midi import PROGRAMS, Program
from data.made_folder import former_card, is_empty, keys_of
from data.note_pitch import LEAST_PERIODICITY, TOLERANCE
from data.note_rendering import SILENCE, Job, Outcome, render_jobs
from data.nsynth import FAMILIES, QUALITIES, SOURCES
from data.sound_font import NOTE_SAMPLES, SAMPLE_RATE, SoundFontPlayer
from utils.arguments import add_output, add_pitches, path
from utils.cli import Parser, add_verbosity, start_logging, user_errors_in_one_line
from utils.errors import DataError, UserError
from utils.files import atomic_folder, read_json, require_disk_space, write_json
from utils.spelling import counted

logger = logging.getLogger("data.render_notes")  # not __name__, which is __main__ when run as a script

MADE_BY = "data.render_notes"
LOWEST, HIGHEST = 9, 119  # the pitches NSynth has; above 119 a fundamental passes the Nyquist frequency
_NAME_OF_NOTE = re.compile(r"[a-z_]+_[a-z]+_\d{3}-\d{3}-\d{3}\.wav")
_BYTES_PER_NOTE = 44 + 2 * NOTE_SAMPLES + 2048  # header, samples, metadata and what the file system rounds up


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything but the font that shapes the notes."""

    pitches: tuple[int, ...]  # MIDI pitches, ascending
    velocities: tuple[int, ...]  # MIDI velocities
    families: tuple[str, ...]
    sources: tuple[str, ...]
    sample_rate: int = SAMPLE_RATE  # Hz
    render_rate: int = sound_font.RENDER_RATE  # Hz
    resampler: str = sound_font.RESAMPLER
    gain_db: float = sound_font.GAIN_DB
    held_seconds: int = sound_font.HELD_SECONDS
    release_seconds: int = sound_font.RELEASE_SECONDS
    silence: float = SILENCE
    pitch_tolerance: float = TOLERANCE
    least_periodicity: float = LEAST_PERIODICITY


@user_errors_in_one_line("render_notes")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit code is 0, or 2 after a user's mistake."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    settings = Settings(
        pitches=_required_pitches(args.pitches),
        velocities=tuple(sorted(set(args.velocities))),
        families=tuple(name for name in FAMILIES if name in args.families),
        sources=tuple(name for name in SOURCES if name in args.sources),
    )
    programs = [each for each in PROGRAMS if each.family in settings.families and each.source in settings.sources]
    if not programs:
        asked = f"--families {' '.join(settings.families)} --sources {' '.join(settings.sources)}"
        raise UserError(f"{asked}: General MIDI has no such instrument; widen one of them")
    font = args.soundfont or sound_font.find_sound_font()
    card = {"made_by": MADE_BY, "settings": _plain(settings), "sound_font": sound_font.describe_sound_font(font)}
    if _is_done(args.output, card, overwrite=args.overwrite):
        logger.info("%s: already rendered with these settings", args.output)
    else:
        _render(args, font, settings, programs, card)
    kept = read_json(args.output / "card.json")["notes"]["kept"]
    sys.stdout.write(f"{counted(kept, 'note')} in {args.output}; {keys_of(args.output)}\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="python -m data.render_notes", description="Render a General MIDI sound font into notes like NSynth's."
    )
    add = parser.add_argument
    add_output(parser, "folder to make; it must not exist, or be empty")
    add("--soundfont", type=path, metavar="FILE", help=".sf2 or .sf3 file (default: the system's, or pretty_midi's)")
    add_pitches(parser, f"from {LOWEST} to {HIGHEST} (default: 21-108)", range(21, 109))
    help_ = "MIDI velocities; NSynth has 25 50 75 100 127 (default: 25 75 127)"
    add("--velocities", type=partial(_integer, highest=127), nargs="+", default=(25, 75, 127), metavar="V", help=help_)
    for flag, names in (("--families", FAMILIES), ("--sources", SOURCES)):
        help_ = f"of {', '.join(names)} (default: all)"
        add(flag, nargs="+", choices=names, default=names, metavar="NAME", help=help_)
    help_ = "number of processes, each with the font in memory (default: one for each core)"
    add("--workers", type=partial(_integer, highest=1024), default=os.cpu_count() or 1, metavar="N", help=help_)
    add("--overwrite", action="store_true", help="replace notes that this program rendered there before")
    add_verbosity(parser)
    return parser


def _required_pitches(asked: Sequence[int]) -> tuple[int, ...]:
    pitches = tuple(sorted(set(asked)))
    if not LOWEST <= pitches[0] <= pitches[-1] <= HIGHEST:
        raise UserError(f"--pitches: must be from {LOWEST} to {HIGHEST}")
    return pitches


def _integer(text: str, highest: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= highest:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {highest}")
    return int(text)


def _plain(settings: Settings) -> dict[str, Any]:
    """The settings as JSON gives them back, so that a card can be compared with them."""
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()}
    return plain | {"pitches": _ranges(settings.pitches)}


def _ranges(pitches: Sequence[int]) -> list[Any]:
    """The lowest and the highest of ascending `pitches`; of pitches with gaps, those of each range.

    >>> _ranges((60, 61, 62)), _ranges((60, 61, 64))
    ([60, 62], [[60, 61], [64, 64]])
    """
    ranges: list[Any] = []
    for pitch in pitches:
        if ranges and pitch == ranges[-1][1] + 1:
            ranges[-1][1] = pitch
        else:
            ranges.append([pitch, pitch])
    return ranges[0] if len(ranges) == 1 else ranges


def _is_done(out: Path, card: dict[str, Any], *, overwrite: bool) -> bool:
    """Whether `out` holds all that is asked for. Raises: DataError if it holds anything else that must stay."""
    if is_empty(out):
        return False
    former = former_card(out, MADE_BY, _NAME_OF_NOTE)
    if former is None:
        raise DataError(f"{out}: holds something that this program did not make; choose another --output")
    same = all(former.get(key) == value for key, value in card.items())
    count = sum(1 for _ in (out / "audio").glob("*.wav"))
    whole = (out / "examples.json").is_file() and count == former["notes"]["kept"]
    if overwrite or (same and whole):
        return same and whole and not overwrite
    fault = "was rendered with other settings or another font" if whole else "is no longer complete"
    raise DataError(f"{out}: {fault}; choose another --output, or give --overwrite to replace it")


def _render(
    args: argparse.Namespace, font: Path, settings: Settings, programs: list[Program], card: dict[str, Any]
) -> None:
    jobs = [Job(program, pitch, settings.velocities) for program in programs for pitch in settings.pitches]
    asked = len(jobs) * len(settings.velocities)
    player = SoundFontPlayer(font)
    names = {program.instrument: player.name(program.number) for program in programs}
    require_disk_space(args.output, asked * _BYTES_PER_NOTE)
    what = f"{counted(asked, 'note')} of {counted(len(programs), 'instrument')}"
    logger.info("%s: rendering %s into %s", font, what, args.output)
    with atomic_folder(args.output, replace=args.overwrite) as folder:
        (folder / "audio").mkdir()
        outcomes = render_jobs(jobs, player, font, folder / "audio", args.workers)
        kept = [outcome for outcome in outcomes if not outcome.dropped]
        if not kept:
            raise DataError(f"{font}: all {counted(asked, 'note')} dropped ({_counts(outcomes)}); use another font")
        notes = {note.name: _metadata(note) for note in sorted(kept, key=attrgetter("name"))}
        write_json(folder / "examples.json", notes)
        write_json(folder / "card.json", {**card, **_account(outcomes, names)})
    logger.info("%s kept, %d dropped: %s", counted(len(kept), "note"), asked - len(kept), _counts(outcomes))


def _metadata(note: Outcome) -> dict[str, Any]:
    """NSynth's keys. The numbers are the same in every rendering: the instrument is the General MIDI program."""
    program = note.program
    return {
        "note": (program.number * 128 + note.pitch) * 128 + note.velocity,
        "note_str": note.name,
        "instrument": program.number,
        "instrument_str": program.instrument,
        "instrument_family": FAMILIES.index(program.family),
        "instrument_family_str": program.family,
        "instrument_source": SOURCES.index(program.source),
        "instrument_source_str": program.source,
        "pitch": note.pitch,
        "velocity": note.velocity,
        "sample_rate": SAMPLE_RATE,
        "qualities": [0] * len(QUALITIES),
        "qualities_str": [],
    }


def _account(outcomes: list[Outcome], names: dict[str, str | None]) -> dict[str, Any]:
    """The part of the card that says how the rendering went; the same for any number of workers."""
    kept = [outcome for outcome in outcomes if not outcome.dropped]
    dropped = [outcome for outcome in outcomes if outcome.dropped]
    by_instrument: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in dropped:
        by_instrument[outcome.program.instrument][outcome.dropped] += 1
    return {
        "notes": {
            "kept": len(kept),
            "kept_by_family": _sorted_counts(outcome.program.family for outcome in kept),
            "dropped": _sorted_counts(outcome.dropped for outcome in dropped),
            "dropped_by_instrument": {name: dict(sorted(count.items())) for name, count in by_instrument.items()},
            "played_octaves_off": _sorted_counts(o.program.instrument for o in kept if o.octaves),
            "turned_down_db": {o.name: o.turned_down_db for o in kept if o.turned_down_db},
        },
        "qualities": "unknown: a sound font does not tell them, so all are zero",
        "instruments": names,
        "versions": {name: version(name) for name in ("tinysoundfont", "soxr", "numpy")},
    }


def _sorted_counts(values: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _counts(outcomes: list[Outcome]) -> str:
    counts = _sorted_counts(outcome.dropped for outcome in outcomes if outcome.dropped)
    return ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "none"


if __name__ == "__main__":
    sys.exit(main())
